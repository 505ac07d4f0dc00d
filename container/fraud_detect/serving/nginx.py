"""The configuration of nginx, which shields the workers from slow clients and large bodies.

Knows nginx's language. Never knows processes, the environment, Flask, the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fraud_detect.serving.reply import Reply, fault, too_large, unavailable
from fraud_detect.serving.settings import DRAIN_SECONDS, Settings

SOCKET = "gunicorn.sock"
CONFIGURATION = "nginx.conf"
TEMPORARY_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
"""nginx makes these folders at its start, used or not."""
ERROR_PATH = "/nginx-error/"
CLIENT_SECONDS = 60
"""How long a client may take between two parts of its request."""
KEEPALIVE_SECONDS = 75
"""How long a client's idle connection stays open."""
MARGIN_SECONDS = 5
"""How much longer nginx waits than a worker may take, so that the worker's own end comes first."""
WORKERS_PER_PROCESS = 4
"""One nginx process carries more requests than these many Python workers answer."""


def command(program: str, folder: Path) -> Sequence[str]:
    """Return the command line that runs nginx in the foreground; all it writes lies in `folder`."""
    return program, "-e", "stderr", "-p", str(folder), "-c", str(folder / CONFIGURATION)


def render(settings: Settings, folder: Path, user: str | None = None) -> str:
    """Return the text of nginx.conf, with all that nginx writes in `folder`.

    `user` is "name group" of the user to remain, for a master that root started; None for anyone else, who has no
    choice.
    """
    errors = _errors(settings.max_body_mb)
    return f"""\
daemon off;
{_user(user)}worker_processes {-(-settings.workers // WORKERS_PER_PROCESS)};
worker_shutdown_timeout {DRAIN_SECONDS}s;
pid {_quoted(folder / "nginx.pid")};
error_log stderr error;

events {{
    worker_connections 1024;
}}

http {{
    access_log off;
    server_tokens off;
    default_type application/octet-stream;
{_temporary_paths(folder)}
    keepalive_timeout {KEEPALIVE_SECONDS}s;
    keepalive_requests 100000;

    client_max_body_size {settings.max_body_mb}m;
    client_body_buffer_size 128k;
    client_header_timeout {CLIENT_SECONDS}s;
    client_body_timeout {CLIENT_SECONDS}s;

    upstream model_server {{
        server {_quoted(f"unix:{folder / SOCKET}")};
    }}

    server {{
        listen {address(settings.host)}:{settings.port} backlog=2048;
{_error_pages(errors)}

        location / {{
            proxy_pass http://model_server;
            proxy_set_header Host $http_host;
            proxy_http_version 1.1;
            proxy_set_header Connection close;
            proxy_connect_timeout 5s;
            proxy_read_timeout {settings.timeout_seconds + MARGIN_SECONDS}s;
            proxy_buffer_size 8k;
            proxy_buffers 32 32k;
        }}
{_error_locations(errors)}
    }}
}}
"""


def address(host: str) -> str:
    """Return `host` as it stands before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def _user(user: str | None) -> str:
    return "" if user is None else f"user {user};\n"


def _temporary_paths(folder: Path) -> str:
    return "\n".join(f"    {name}_temp_path {_quoted(folder / name)};" for name in TEMPORARY_PATHS)


def _errors(max_body_mb: int) -> Mapping[int, Reply]:
    """Return the reply for each status that nginx itself can come to; the workers' own errors pass as they are."""
    restarting = unavailable("The model server is starting or restarting")
    http = "a complete HTTP/1.1 request with a path and headers of at most 8 KB each"
    unreadable = {"expected": http, "remedy": "Use an HTTP library."}
    return {
        400: fault(400, "The request is not valid HTTP", **unreadable),
        405: fault(405, "The method is not one for this server", expected="GET or POST", remedy="Use one of these."),
        408: fault(
            408,
            "The request did not arrive in time",
            expected=f"a part of it every {CLIENT_SECONDS} seconds",
            remedy="Try again.",
        ),
        413: too_large(max_body_mb),
        414: fault(414, "The URL is too long", **unreadable),
        494: fault(431, "A header is too long", **unreadable),  # nginx's own number for 431
        501: fault(501, "The Transfer-Encoding is unknown", **unreadable),
        502: restarting,
        504: restarting,
        505: fault(505, "The HTTP version is unknown", **unreadable),
    }


def _error_pages(errors: Mapping[int, Reply]) -> str:
    return "\n".join(
        f"        error_page {status} ={reply.status} {ERROR_PATH}{status};" for status, reply in errors.items()
    )


def _error_locations(errors: Mapping[int, Reply]) -> str:
    return "\n".join(_error_location(f"{ERROR_PATH}{status}", reply) for status, reply in errors.items())


def _error_location(path: str, reply: Reply) -> str:
    retry = "" if reply.retry_seconds is None else f"\n            add_header Retry-After {reply.retry_seconds} always;"
    return f"""
        location = {path} {{
            internal;
            client_max_body_size 0;
            default_type {reply.media_type};{retry}
            return {reply.status} {_quoted(reply.body.decode())};
        }}"""


def _quoted(text: str | Path) -> str:
    """Return `text` as one word of nginx's language. nginx cannot escape a dollar sign: paths and texts hold none."""
    escaped = str(text).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
