"""The gunicorn process of one side: `stack.py scoring|constant SETTINGS_JSON FOLDER MODE OPTIONS_JSON`.

Both sides are the server of fraud-detect, with the same configuration; the constant one has another view.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from flask import Flask, Response

from fraud_detect.serving.gunicorn import configuration
from fraud_detect.serving.server import Server
from fraud_detect.serving.settings import Settings

ANSWER = b"0,4.5580464261468246e-05\n"


class ConstantServer(Server):
    """The same server around a view that does nothing."""

    def load(self) -> Any:
        """Return the application."""
        app = Flask(__name__, static_folder=None)

        @app.get("/ping")
        def ping() -> Response:
            return Response()

        @app.post("/invocations")
        def invocations() -> Response:
            return Response(ANSWER, mimetype="text/csv")

        return app


SIDES = {"scoring": Server, "constant": ConstantServer}


def main() -> None:
    """Serve until a signal comes."""
    side, text, folder, mode, options = sys.argv[1:]
    settings = Settings.model_validate_json(text)
    chosen = {**configuration(settings, Path(folder), mode), **json.loads(options)}
    SIDES[side](settings, chosen).run()


if __name__ == "__main__":
    main()
