"""What the rows of one answer came to together: enough to see scores drift, too little to tell a row's features.

Knows probabilities. Never knows HTTP, models, who logs or counts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

TALLY_HEADER = "X-Tally"
"""Of a worker's answer: tells its tally to nginx, which logs requests and does not pass the header on."""


class Tally(NamedTuple):
    """How many rows an answer has, how many of them are predicted as fraud, and the sum of their probabilities."""

    rows: int
    alerts: int
    probability_sum: float


def tally_of(probabilities: Sequence[float], threshold: float) -> Tally:
    """Return the tally of n fraud `probabilities` in [0, 1]; from the `threshold` on a row is an alert."""
    if len(probabilities) == 1:
        (probability,) = probabilities
        return Tally(1, int(probability >= threshold), probability)
    alerts = [probability for probability in probabilities if probability >= threshold]
    return Tally(len(probabilities), len(alerts), sum(probabilities))


def total(tallies: Sequence[Tally]) -> Tally:
    """Return the tally of all rows together."""
    return Tally(*map(sum, zip(*tallies, strict=True)))


def told(tally: Tally | None) -> Mapping[str, int | float | None]:
    """Return the fields of a log line, each None where nothing was scored."""
    if tally is None:
        return dict.fromkeys(Tally._fields)
    return {**tally._asdict(), "probability_sum": round(tally.probability_sum, 6)}


def as_header(tally: Tally) -> str:
    """Return the three numbers as a header's value, each in digits that are a number of JSON as well."""
    return f"{tally.rows} {tally.alerts} {tally.probability_sum:.6f}"
