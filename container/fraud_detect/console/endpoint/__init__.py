"""The endpoint that scores: an address of HTTP, or the name of one on SageMaker.

Knows the form of questions and answers. Never knows the model, Flask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fraud_detect.errors import UserError

Row = Mapping[str, object]
"""A row by the names of features; a cell is a number, text, true, false or None."""


@dataclass(frozen=True)
class Reason:
    """What one feature did to a score: `contribution` in log-odds, positive towards fraud."""

    feature: str
    value: object
    contribution: float
    text: str = ""


@dataclass(frozen=True)
class Score:
    """A row's fraud probability in [0, 1], the label at the threshold, and the largest reasons, if any were asked for.

    `base_value`, the reasons' contributions and `other_contributions` sum to `raw_score`, all in log-odds; they are
    None where the model cannot explain.
    """

    probability: float
    label: object
    reasons: tuple[Reason, ...] = ()
    raw_score: float | None = None
    base_value: float | None = None
    other_contributions: float | None = None


class EndpointError(UserError):
    """The endpoint cannot be reached or does not answer as it should. Somebody has to look after it."""


class Unreachable(EndpointError):
    """No answer comes: nobody listens, it takes too long, or too many wait already. Later may be better."""


class RowsRefused(UserError):
    """The endpoint does not take the rows; the message is its own."""


class Endpoint(Protocol):
    """What scores rows. Threads may share it."""

    def score(self, rows: Sequence[Row], *, reasons: int = 0) -> Sequence[Score]:
        """Return a score for each row, with so many reasons at most.

        Raises
        ------
        RowsRefused
            If a row does not fit the model.
        Unreachable
            If no answer comes.
        EndpointError
            If the answer is of no use.
        """

    def score_csv(self, body: bytes) -> Sequence[float]:
        """Return the probabilities of the rows of a CSV with a header; raises as `score` does."""

    def __str__(self) -> str:
        """Return the endpoint as the user named it."""


@dataclass(frozen=True)
class Answer:
    """Status and body of a response, whoever carried it."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


JsonObject = Mapping[str, Any]
