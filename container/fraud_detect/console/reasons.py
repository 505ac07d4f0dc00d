"""Reasons as bars: to the right towards fraud, to the left towards legitimate, all in one scale.

Knows reasons, and the form in which cases keep them. Never knows Flask, where scores come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fraud_detect.console.endpoint import Reason, Score

FRAUD, LEGITIMATE = "fraud", "legitimate"
MIDDLE = 100.0
"""Where bars begin, in the units of a drawing that is twice as wide."""
SHORTEST = 1.0
"""Of a bar: one must be seen of every reason."""

SMALL = 0.005
"""What two decimals would show as nothing."""


@dataclass(frozen=True)
class Bar:
    """One reason as it is drawn and told.

    `name` is the text of the reason code, or the feature where there is none. `left` and `width` are in units of
    which `MIDDLE` is where bars begin.
    """

    name: str
    feature: str
    value: str
    contribution: str
    towards: str
    left: float
    width: float


@dataclass(frozen=True)
class Sum:
    """What the reasons add up to, in log-odds: `base` and `shown` and `others` are `raw`."""

    base: str
    shown: str
    others: str
    raw: str


def bars(reasons: Sequence[Reason]) -> Sequence[Bar]:
    """Return a bar for each reason, in their order; the largest reaches the end of the drawing."""
    largest = max((abs(reason.contribution) for reason in reasons), default=0.0) or 1.0
    return [_bar(reason, largest) for reason in reasons]


def _bar(reason: Reason, largest: float) -> Bar:
    width = round(max(SHORTEST, MIDDLE * abs(reason.contribution) / largest), 2)
    return Bar(
        name=reason.text or reason.feature,
        feature=reason.feature,
        value=shown(reason.value),
        contribution=signed(reason.contribution),
        towards=towards(reason),
        left=MIDDLE if reason.contribution > 0 else round(MIDDLE - width, 2),
        width=width,
    )


def towards(reason: Reason) -> str:
    """Return which way `reason` moves the score."""
    return FRAUD if reason.contribution > 0 else LEGITIMATE


def in_words(reason: Reason) -> str:
    """Return `reason` in one line, for tables and mails."""
    name = reason.text or reason.feature
    return f"{name} ({shown(reason.value)}) towards {towards(reason)} {signed(reason.contribution)}"


def signed(contribution: float) -> str:
    """Return `contribution` with its sign and two decimals, or the first digit that tells; a typographic minus."""
    is_small = 0 < abs(contribution) < SMALL
    return f"{contribution:+{'.1g' if is_small else '.2f'}}".replace("-", "\N{MINUS SIGN}")


def shown(value: object) -> str:
    """Return the value of a feature as people read it."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def sum_of(score: Score) -> Sum | None:
    """Return what the reasons of `score` add up to; None where the model cannot explain."""
    if score.raw_score is None or score.base_value is None or score.other_contributions is None:
        return None
    told = sum(reason.contribution for reason in score.reasons)
    return Sum(*map(signed, (score.base_value, told, score.other_contributions, score.raw_score)))


def as_documents(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    """Return `reasons` as plain JSON, which `of_documents` reads again: the form of cases in the database."""
    return [asdict(reason) for reason in reasons]


def of_documents(documents: Sequence[Mapping[str, Any]]) -> Sequence[Reason]:
    """Return the reasons that `as_documents` wrote."""
    return [Reason(**document) for document in documents]
