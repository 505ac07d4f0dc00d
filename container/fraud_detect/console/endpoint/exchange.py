"""Rows as bodies and bodies as scores, whoever carries them.

Knows the media types of `/invocations`. Never knows HTTP clients, AWS.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson

from fraud_detect.codecs.media_types import CSV, JSON
from fraud_detect.console.endpoint import Answer, Endpoint, EndpointError, Reason, Row, RowsRefused, Score

CONNECTIONS = 16
OK, FIRST_SERVER_FAULT, NOT_ACCEPTABLE = 200, 500, 406
CSV_WITH_HEADER = f"{CSV}; header=present"


class Exchange(Endpoint):
    """An endpoint that is reached by `_exchange`, which kinds of endpoints define."""

    def __init__(self) -> None:
        self._explains = True

    @abstractmethod
    def _exchange(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Send a body and return the answer, whatever its status; raises EndpointError if none comes."""

    def score(self, rows: Sequence[Row], *, reasons: int = 0) -> Sequence[Score]:
        """Return a score for each row; without reasons where the model's family cannot give any."""
        body = orjson.dumps({"instances": [dict(row) for row in rows]})
        if reasons and self._explains:
            answer = self._exchange(body, JSON, f"{JSON};explain={reasons}")
            if answer.status != NOT_ACCEPTABLE:
                return self._scores(answer, len(rows))
            self._explains = False
        return self._scores(self._exchange(body, JSON, JSON), len(rows))

    def score_csv(self, body: bytes) -> Sequence[float]:
        """Return the probability of each row of a CSV whose first line names the columns."""
        answer = self._exchange(body, CSV_WITH_HEADER, JSON)
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
        if answer.status < FIRST_SERVER_FAULT:
            with suppress(KeyError, TypeError, ValueError):
                said = orjson.loads(answer.body)
                return RowsRefused(said["error"], expected=said["expected"], remedy=said["remedy"])
        return EndpointError(
            f"The endpoint {self} answered {answer.status}",
            expected="200",
            remedy="Its log says more; try again when it is mended.",
        )


def _score(one: Any) -> Score:
    return Score(
        probability=float(one["probability"]),
        label=one.get("predicted_label"),
        reasons=tuple(_reason(reason) for reason in one.get("reasons", ())),
        raw_score=one.get("raw_score"),
        base_value=one.get("base_value"),
        other_contributions=one.get("other_contributions"),
    )


def _reason(one: Any) -> Reason:
    return Reason(one["feature"], one["value"], float(one["contribution"]), one.get("text", ""))
