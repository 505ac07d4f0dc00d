"""What a report is made of.

Knows shapes. Never knows where any of it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.schema import Float32Matrix, Float64Matrix, Schema

Labels = NDArray[np.uint8]
Probabilities = NDArray[np.float64]
Score = Callable[[Float32Matrix], Probabilities]
"""From rows, float32, shape (n, width), to probabilities, float64, shape (n,)."""
Contribute = Callable[[Float32Matrix], Float64Matrix]
"""From rows, float32, shape (n, width), to contributions, float64, shape (n, width + 1), base value last; log-odds."""


@dataclass(frozen=True)
class HeldOut:
    """Rows that the model was not fitted on, and what it makes of them; all of shape (n,) but `features`.

    `part` is `test` or `validation`. `amounts` are 0 or more, and None without such a column. `days` is how long the
    rows took to come in; None where that is not known, as for a random part of the rows.
    """

    part: str
    features: Float32Matrix
    labels: Labels
    probabilities: Probabilities
    amounts: NDArray[np.float64] | None = None
    days: float | None = None


@dataclass(frozen=True)
class Job:
    """A finished job.

    `features`, `labels` are the training rows. `metrics` is metrics.json, `settings` are
    hyperparameters by name, `libraries` versions by name. `contribute` is None for a model that gives no contributions;
    `score` then tells what each feature is worth. `reason_codes` are texts by
    feature, `warnings` lines of the log.
    """

    algorithm: str
    schema: Schema
    metrics: Mapping[str, Any]
    settings: Mapping[str, Any]
    libraries: Mapping[str, str]
    features: Float32Matrix
    labels: Labels
    held_out: HeldOut
    score: Score
    contribute: Contribute | None = None
    reason_codes: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    @property
    def figures(self) -> Mapping[str, Any]:
        """The metrics of the held-out rows."""
        figures: Mapping[str, Any] = self.metrics[self.held_out.part]
        return figures

    @property
    def threshold(self) -> float:
        """The probability from which a row counts as fraud."""
        return float(self.metrics["threshold"]["value"])


def sample(labels: Labels, frauds: int, legitimate: int) -> NDArray[np.intp]:
    """Return the indices, ascending, of at most so many rows of each class of `labels`, shape (n,), evenly spaced."""
    of_each = [spaced(np.flatnonzero(labels == 1), frauds), spaced(np.flatnonzero(labels == 0), legitimate)]
    return np.sort(np.concatenate(of_each))


def spaced(indices: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Return at most `most` of `indices`, evenly spaced."""
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, most).astype(np.intp)]
