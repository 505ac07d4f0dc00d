"""Files to score, and an endpoint in this process that judges rows as a real one does."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from console_factories import a_console, form_token
from fraud_detect.console.endpoint import Answer, Reason, Row, Score
from fraud_detect.console.endpoint.exchange import Exchange
from fraud_detect.console.files.background import Scoring
from fraud_detect.console.files.views import SCORING
from fraud_detect.serving.model import load
from fraud_detect.serving.respond import Request, respond


class ServedHere(Exchange):
    """The endpoint over the model in `root`/model; `before` is called with each body, and may raise or wait.

    A row is explained by its amount alone, which is all that the model of `factories.an_artifact` looks at.
    """

    def __init__(self, root: Path, *, before: Callable[[bytes], object] = bool) -> None:
        super().__init__()
        self.folder, self.before, self.explained = root / "model", before, 0
        self._model: Any = None

    def _exchange(self, body: bytes, content_type: str, accept: str, _seconds: float) -> Answer:
        self.before(body)
        self._model = self._model or load(self.folder)
        reply = respond(Request(body, content_type, accept), self._model)
        return Answer(reply.status, reply.whole())

    def score(self, rows: Sequence[Row], *, reasons: int = 0) -> Sequence[Score]:
        """Return the scores of `rows`."""
        scores = super().score(rows)
        if not reasons:
            return scores
        self.explained += len(rows)
        told = [Reason("amount", row["amount"], float(str(row["amount"]))) for row in rows]
        return [replace(score, reasons=(reason,)) for score, reason in zip(scores, told, strict=True)]

    def __str__(self) -> str:
        return "the endpoint of the test"


def a_file_console(root: Path, **overrides: Any) -> Flask:
    """Return a console over `ServedHere`, whose `before` may be among `overrides`; else as `a_console`."""
    before = {"before": overrides.pop("before")} if "before" in overrides else {}
    return a_console(root, endpoint=ServedHere(root, **before), **overrides)


def scoring_of(app: Flask) -> Scoring:
    """Return what scores files in the background."""
    found: Scoring = app.extensions[SCORING]
    return found


def a_csv(*rows: str, header: str = "id,amount,hour") -> bytes:
    """Return a file of `rows`: a row of the amount 1 where none are given."""
    return "\n".join([header, *(rows or ("a,1,3",))]).encode() + b"\n"


def uploaded(client: FlaskClient, content: bytes, *, name: str = "rows.csv", **headers: str) -> Any:
    """Return the answer to a form with a file."""
    data = {"csrf_token": form_token(client, "/files"), "file": (io.BytesIO(content), name)}
    return client.post("/files", data=data, headers=headers)


def scored(client: FlaskClient, content: bytes, **upload: Any) -> str:
    """Return the address of an uploaded file that the console is done with, whatever came of it."""
    answer = uploaded(client, content, **upload)
    assert answer.status_code == 303, answer.text
    scoring_of(client.application).join()
    return str(answer.location)


def download(client: FlaskClient, address: str, separator: str = ",") -> list[dict[str, str]]:
    """Return the rows of a scored file, by the names of columns."""
    answer = client.get(f"{address}/scored.csv")
    assert answer.status_code == 200, answer.text
    text = answer.data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
