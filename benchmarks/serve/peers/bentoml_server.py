"""The booster behind BentoML: `bentoml serve bentoml_server:Fraud`, with FRAUD_MODEL and FRAUD_WORKERS set.

Three of BentoML's ways in. `/invocations` takes CSV as a file, the one form in which an endpoint of its own takes a
body that is not JSON; `/predict` takes the array in JSON of its example for XGBoost; `/mounted/invocations` is an
application mounted beside its service, which goes around its input and output types. Requests are not logged.
"""

# No `from __future__ import annotations`: BentoML would have to look the hints up again.

import os
from pathlib import Path
from typing import Annotated

import bentoml
import numpy as np
import xgboost
from bentoml.validators import ContentType
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

CSV = "text/csv"
mounted = Starlette()


@bentoml.service(workers=int(os.environ["FRAUD_WORKERS"]), logging={"access": {"enabled": False}})
@bentoml.asgi_app(mounted, path="/mounted")
class Fraud:
    """One booster in each worker."""

    def __init__(self) -> None:
        self.booster = xgboost.Booster(params={"nthread": 1})
        self.booster.load_model(os.environ["FRAUD_MODEL"])
        mounted.add_route("/invocations", self.answer, methods=["POST"])

    def score(self, rows: str) -> str:
        """Return a line of label and probability for each line of `rows`."""
        matrix = np.array([[float(cell) for cell in row.split(",")] for row in rows.splitlines()], dtype=np.float32)
        scores = self.booster.inplace_predict(matrix).tolist()
        return "".join(f"{int(score >= 0.5)},{score}\n" for score in scores)

    @bentoml.api
    def invocations(self, rows: Annotated[Path, ContentType(CSV)], /) -> Annotated[str, ContentType(CSV)]:
        """Score a CSV body."""
        return self.score(rows.read_text())

    @bentoml.api
    def predict(self, instances: np.ndarray) -> np.ndarray:
        """Score `{"instances": [[...], ...]}`."""
        return self.booster.inplace_predict(instances.astype(np.float32))

    async def answer(self, request: Request) -> Response:
        """Score a CSV body for the mounted application."""
        return Response(self.score((await request.body()).decode()), media_type=CSV)
