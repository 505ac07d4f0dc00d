"""The booster behind LitServe: `litserve_server.py MODEL WORKERS PORT`.

The body comes as text by a type hint of FastAPI's, as LitServe's page on request formats has it. Answers go over ZeroMQ
(`fast_queue`), the faster of its two queues, and requests are not logged.
"""

# No `from __future__ import annotations`: LitServe compares the hints with types, and text is none.

import sys
from typing import Annotated

import litserve
import numpy as np
import xgboost
from fastapi import Body
from starlette.responses import Response

CSV = "text/csv"


class Fraud(litserve.LitAPI):
    """One booster in each worker."""

    def __init__(self, model: str) -> None:
        super().__init__(api_path="/invocations")
        self._model = model

    def setup(self, device: str) -> None:  # noqa: ARG002  LitServe's signature
        """Load the booster, for one thread."""
        self.booster = xgboost.Booster(params={"nthread": 1})
        self.booster.load_model(self._model)

    def decode_request(self, request: Annotated[str, Body(media_type=CSV)]) -> np.ndarray:
        """Return the rows of a CSV body, float32, shape (n, width)."""
        return np.array([[float(cell) for cell in row.split(",")] for row in request.splitlines()], dtype=np.float32)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32, shape (n,)."""
        return self.booster.inplace_predict(x)

    def encode_response(self, output: np.ndarray) -> Response:
        """Return a line of label and probability for each row."""
        return Response("".join(f"{int(score >= 0.5)},{score}\n" for score in output.tolist()), media_type=CSV)


def main() -> None:
    """Serve until a signal comes."""
    model, workers, port = sys.argv[1:]
    server = litserve.LitServer(Fraud(model), accelerator="cpu", workers_per_device=int(workers), fast_queue=True)
    server.run(host="127.0.0.1", port=int(port), log_level="warning", generate_client_file=False)


if __name__ == "__main__":
    main()
