"""Rows as bodies and bodies as scores, whoever carries them.

Knows the media types of `/invocations`. Never knows HTTP clients, AWS.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from threading import BoundedSemaphore
from typing import Any

import orjson

from fraud_detect.codecs.media_types import CSV, JSON
from fraud_detect.console.endpoint import Answer, Endpoint, EndpointError, Reason, Row, RowsRefused, Score, Unreachable

CONNECTIONS = 16
"""Questions that are asked at a time: an endpoint that is slow holds so many threads at most."""
PATIENCE_SECONDS = 3.0
"""How long the next question waits for its turn."""
QUICK_SECONDS, LONG_SECONDS = 15.0, 60.0
"""How long an answer may take: about `FEW_ROWS` at most, which the slowest family scores in 5 s, and about more."""
FEW_ROWS = 1_000
OK, FIRST_SERVER_FAULT, NOT_ACCEPTABLE = 200, 500, 406
COME_AGAIN = (408, 429, 503, 504)
"""Statuses by which an endpoint says that it cannot answer for now."""
CSV_WITH_HEADER = f"{CSV}; header=present"


class Exchange(Endpoint):
    """An endpoint that is reached by `_exchange`, which kinds of endpoints define."""

    def __init__(self) -> None:
        self._explains = True
        self._turns = BoundedSemaphore(CONNECTIONS)

    @abstractmethod
    def _exchange(self, body: bytes, content_type: str, accept: str, seconds: float) -> Answer:
        """Send a body and return the answer, whatever its status; raises Unreachable if none comes in `seconds`."""

    def _asked(self, body: bytes, content_type: str, accept: str, seconds: float) -> Answer:
        if not self._turns.acquire(timeout=PATIENCE_SECONDS):
            raise Unreachable(
                f"{CONNECTIONS} questions wait for the endpoint {self}",
                expected="an answer to one of them",
                remedy="Try again soon; if it stays so, give the endpoint more CPUs.",
            )
        try:
            return self._exchange(body, content_type, accept, seconds)
        finally:
            self._turns.release()

    def score(self, rows: Sequence[Row], *, reasons: int = 0) -> Sequence[Score]:
        """Return a score for each row; without reasons where the model's family cannot give any."""
        body = orjson.dumps({"instances": [dict(row) for row in rows]})
        seconds = QUICK_SECONDS if len(rows) <= FEW_ROWS else LONG_SECONDS
        if reasons and self._explains:
            answer = self._asked(body, JSON, f"{JSON};explain={reasons}", seconds)
            if answer.status != NOT_ACCEPTABLE:
                return self._scores(answer, len(rows))
            self._explains = False
        return self._scores(self._asked(body, JSON, JSON, seconds), len(rows))

    def score_csv(self, body: bytes) -> Sequence[float]:
        """Return the probability of each row of a CSV whose first line names the columns."""
        answer = self._asked(body, CSV_WITH_HEADER, JSON, LONG_SECONDS)
        return [score.probability for score in self._scores(answer, None)]

    def _scores(self, answer: Answer, rows: int | None) -> Sequence[Score]:
        if answer.status != OK:
            raise self._fault(answer)
        try:
            scores = [_score(one) for one in orjson.loads(answer.body)["predictions"]]
        except (KeyError, TypeError, ValueError):
            scores = None
        if scores is None or rows not in (None, len(scores)):
            raise EndpointError(
                f"The endpoint {self} answered something else than scores",
                expected="JSON with a probability for each row",
                remedy="Leave SAGEMAKER_INFERENCE_OUTPUT of the endpoint as it is by default, and look whether the "
                "address is that of a fraud-detect model.",
            )
        return scores

    def _fault(self, answer: Answer) -> Exception:
        if answer.status in COME_AGAIN:
            return Unreachable(
                f"The endpoint {self} answered {answer.status}",
                expected="200",
                remedy="It is overloaded or not ready yet; try again soon.",
            )
        if answer.status < FIRST_SERVER_FAULT:
            with suppress(KeyError, TypeError, ValueError):
                said = orjson.loads(answer.body)
                return RowsRefused(str(said["error"]), expected=str(said["expected"]), remedy=str(said["remedy"]))
        return EndpointError(
            f"The endpoint {self} answered {answer.status}",
            expected="200",
            remedy="Its log says more; try again when it is mended.",
        )


def _score(one: Any) -> Score:
    return Score(
        probability=_probability(one["probability"]),
        label=one.get("predicted_label"),
        reasons=tuple(_reason(reason) for reason in one.get("reasons", ())),
        raw_score=_log_odds(one.get("raw_score")),
        base_value=_log_odds(one.get("base_value")),
        other_contributions=_log_odds(one.get("other_contributions")),
    )


def _probability(said: Any) -> float:
    probability = float(said)
    if not 0 <= probability <= 1:
        raise ValueError(said)
    return probability


def _log_odds(said: Any) -> float | None:
    return None if said is None else float(said)


def _reason(one: Any) -> Reason:
    return Reason(str(one["feature"]), one["value"], float(one["contribution"]), str(one.get("text", "")))
