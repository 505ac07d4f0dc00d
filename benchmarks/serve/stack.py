"""`serve` with one thing changed: its view, gunicorn's options, or lines of nginx's configuration.

    stack.py serve VIEW OPTIONS CHANGES ARGUMENTS...     as container/serve, but with this file as the gunicorn process
    stack.py gunicorn VIEW OPTIONS ARGUMENTS...          that process; VIEW is scoring or constant

Everything else is what `serve` itself does. OPTIONS are gunicorn's settings and CHANGES pairs of texts, both in JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from flask import Response

from fraud_detect.entrypoints import serve
from fraud_detect.serving import gunicorn, nginx, server

ANSWER = b"0,4.5580464261468246e-05\n"
VIEW = "invocations"


class ConstantServer(server.Server):
    """The same server around the same application, but /invocations answers without a look at the request."""

    def load(self) -> Any:
        """Return the application."""
        app = super().load()
        assert VIEW in app.view_functions, f"the application has no view {VIEW}"
        app.view_functions[VIEW] = lambda: Response(ANSWER, mimetype="text/csv")
        return app


SERVERS = {"scoring": server.Server, "constant": ConstantServer}


def run_serve(view: str, options: str, changes: str, arguments: Sequence[str]) -> None:
    """Serve as container/serve does, with the changes."""
    our_command, our_configuration = gunicorn.command, nginx.render

    def command(*given: Any, **named: Any) -> Sequence[str]:
        words = [*our_command(*given, **named)]
        place = words.index("-m")
        return [*words[:place], __file__, "gunicorn", view, options, *words[place + 2 :]]

    def render(*given: Any, **named: Any) -> str:
        text = our_configuration(*given, **named)
        for before, after in json.loads(changes):
            assert before in text, f"nginx's configuration has no {before}"
            text = text.replace(before, after)
        return text

    gunicorn.command, nginx.render = command, render
    sys.argv[1:] = arguments
    serve.main()


def run_gunicorn(view: str, options: str, arguments: Sequence[str]) -> None:
    """Run gunicorn as the server's own module does, with the view and the options."""
    our_configuration = server.configuration

    def configuration(*given: Any, **named: Any) -> gunicorn.Configuration:
        return {**our_configuration(*given, **named), **json.loads(options)}

    server.Server, server.configuration = SERVERS[view], configuration
    server.main(arguments)


def main() -> None:
    """Serve until a signal comes."""
    part, view, options, *rest = sys.argv[1:]
    if part == "serve":
        run_serve(view, options, rest[0], rest[1:])
    else:
        run_gunicorn(view, options, rest)


if __name__ == "__main__":
    main()
