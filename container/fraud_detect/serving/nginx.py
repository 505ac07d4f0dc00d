"""The configuration of nginx, which shields the workers from slow clients, large bodies and odd requests.

Only the paths of `routes` and the headers that the workers read are passed on: what is left of HTTP's corners is
answered here, in JSON.

Knows nginx's language. Never knows processes, the environment, Flask, the model.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fraud_detect.serving.listener import address
from fraud_detect.serving.reply import Reply, fault, not_found, not_http, too_large, unavailable
from fraud_detect.serving.routes import INVOCATIONS, INVOKE, MANY_MODELS, MODEL, MODELS, ONE_MODEL, PING
from fraud_detect.serving.settings import DRAIN_SECONDS, Settings
from fraud_detect.serving.tally import TALLY_HEADER

SOCKET, PING_SOCKET = "gunicorn.sock", "ping.sock"
CONFIGURATION = "nginx.conf"
REQUEST_LOG = "requests.pipe"
TEMPORARY_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
"""nginx makes these folders at its start, used or not."""
METHOD_NOT_ALLOWED = 405
ERROR_PATH = "/nginx-error/"
CLIENT_SECONDS = 60
"""How long a client may take between two parts of its request."""
KEEPALIVE_SECONDS = 75
"""How long a client's idle connection stays open."""
MARGIN_SECONDS = 5
"""How much longer nginx waits than a worker may take, so that the worker's own end comes first."""
WORKERS_PER_PROCESS = 4
"""One nginx process carries more requests than these many Python workers answer."""
OPEN_FILES = 32_768
"""Of one process: two for each connection, clients' and workers' together; idle ones are closed where they run out."""
TRIES = 2
"""A request whose worker died is answered by another one; if that dies too, it is the request.

A worker that dies after half the time that a request may take was ended for it: another one would be, too.
"""
DRAINING = "draining"
"""While a file of this name lies in nginx's folder, a client's connection ends with its answer."""
LAST_ANSWER_SECONDS = 0.5
LAST_OF = {"model_server": 418, "ping_server": 419}
"""Each upstream, and the status inside nginx that leads to its location without kept connections."""
HEADERS = ("Content-Type", "Content-Encoding", "Accept", "X-Amzn-SageMaker-Custom-Attributes")
"""What the workers read of a request's headers."""
LOG_FORMATS = {
    "json": (
        '{"time":"$time_iso8601","level":"INFO","message":"request","id":"$request_id","method":"$method",'
        '"path":"$path","status":$status_number,"rows":$rows,"alerts":$alerts,'
        '"probability_sum":$probability_sum,"milliseconds":$milliseconds,"bytes":$request_length}'
    ),
    "text": (
        "$time_iso8601 INFO request id=$request_id method=$method path=$path status=$status_number rows=$rows "
        "alerts=$alerts probability_sum=$probability_sum milliseconds=$milliseconds bytes=$request_length"
    ),
}
TALLY = f"$upstream_http_{TALLY_HEADER.lower().replace('-', '_')}"
LOGGED_FROM = ("DEBUG", "INFO")


def command(program: str, folder: Path) -> Sequence[str]:
    """Return the command line that runs nginx in the foreground; all it writes lies in `folder`."""
    return program, "-e", "stderr", "-p", str(folder), "-c", str(folder / CONFIGURATION)


def render(settings: Settings, folder: Path, user: str | None = None, *, open_files: int = OPEN_FILES) -> str:
    """Return the text of nginx.conf, with all that nginx writes in `folder`.

    `user` is "name group" of the user to remain, for a master that root started; None for anyone else, who has no
    choice. `open_files` is how many files and connections the system lets one process have open.
    """
    open_files = min(open_files, OPEN_FILES)
    return f"""\
daemon off;
{_user(user)}worker_processes {-(-settings.workers // WORKERS_PER_PROCESS)};
worker_rlimit_nofile {open_files};
worker_shutdown_timeout {DRAIN_SECONDS}s;
pid {_quoted(folder / "nginx.pid")};
error_log stderr crit;

events {{
    worker_connections {open_files // 2};
}}

http {{
{_request_log(settings, folder)}
    server_tokens off;
    default_type application/octet-stream;
{_temporary_paths(folder)}
    keepalive_timeout {KEEPALIVE_SECONDS}s;
    keepalive_requests 100000;

    client_max_body_size {settings.max_body_mb}m;
    client_body_buffer_size 1m;
    client_header_timeout {CLIENT_SECONDS}s;
    client_body_timeout {CLIENT_SECONDS}s;

    map $request_uri $allowed_methods {{
{_allowed_methods(_routes(settings))}
    }}

{_upstream("model_server", folder / SOCKET, settings.workers * settings.waiting_per_worker)}
{_upstream("ping_server", folder / PING_SOCKET)}

{_server(settings, folder)}
}}
"""


def _server(settings: Settings, folder: Path) -> str:
    """Return what answers on the port: errors in JSON, what is passed to the workers, and where."""
    routes = _routes(settings)
    errors = _errors(settings, list(routes))
    return f"""\
    server {{
        listen {address(settings.host)}:{settings.port} backlog=2048;
        add_header X-Request-Id $request_id always;
{_error_pages(errors)}
        proxy_http_version 1.1;
        proxy_pass_request_headers off;
        proxy_set_header Host fraud-detect;
        proxy_set_header Connection close;
        proxy_set_header X-Request-Id $request_id;
{_passed_headers()}
        proxy_hide_header {TALLY_HEADER};
        proxy_connect_timeout 5s;
        proxy_read_timeout {settings.timeout_seconds + MARGIN_SECONDS}s;
        proxy_next_upstream error non_idempotent;
        proxy_next_upstream_tries {TRIES};
        proxy_next_upstream_timeout {settings.timeout_seconds * 500}ms;
        proxy_buffer_size 8k;
        proxy_buffers 32 32k;

        location / {{
            return 404;
        }}
{_locations(routes, folder / DRAINING)}
{_last_locations()}
{_error_locations(errors)}
    }}"""


def environment(inherited: Mapping[str, str], listener: int) -> Mapping[str, str]:
    """Return nginx's environment, in which it finds the descriptor of the port: it need not open it."""
    return {**inherited, "NGINX": f"{listener};"}


def drain(folder: Path) -> None:
    """Let every connection be closed after its next answer, and return when those in use have had one.

    Told to quit, nginx would close idle connections at once, also one whose next request is on its way.
    """
    (folder / DRAINING).touch()
    time.sleep(LAST_ANSWER_SECONDS)


def _routes(settings: Settings) -> Mapping[str, Sequence[str]]:
    """Return the paths and their methods; those of models are told apart by the workers."""
    if not settings.multi_model:
        return ONE_MODEL
    return {**{path: methods for path, methods in ONE_MODEL.items() if path != INVOCATIONS}, MODELS: ()}


def _request_log(settings: Settings, folder: Path) -> str:
    if settings.log_level not in LOGGED_FROM:
        return "    access_log off;"
    # Bytes that are no ASCII would make a line that is no JSON.
    # $request_method is GET once an error has led to its page, and $request may begin with anything.
    # $request_time is in seconds with three decimals, a number of JSON has no leading zeros.
    return f"""\
    map $request_time $milliseconds {{
        default 0;
        "~^0\\.0*(?<below_a_second>[1-9][0-9]*)$" $below_a_second;
        "~^(?<seconds>[1-9][0-9]*)\\.(?<thousandths>[0-9]+)$" $seconds$thousandths;
    }}
    map $status $status_number {{
        default $status;
        000 0;
    }}
    map $request $method {{
        "~^(?<first_word>[A-Z]{{1,20}}) " $first_word;
    }}
    map {TALLY} $rows {{
        default null;
        "~^(?<row_count>[0-9]+) " $row_count;
    }}
    map {TALLY} $alerts {{
        default null;
        "~^[0-9]+ (?<alert_count>[0-9]+) " $alert_count;
    }}
    map {TALLY} $probability_sum {{
        default null;
        "~ (?<sum>[0-9]+\\.[0-9]+)$" $sum;
    }}
    map $request_uri $path {{
        "~^(?<before_query>[!->@-~]*)(\\?|$)" $before_query;
    }}
    map "$request_uri $status" $logged {{
        default 1;
        "{PING} 200" 0;
    }}
    log_format requests escape=json {_quoted(LOG_FORMATS[settings.log_format])};
    access_log {_quoted(folder / REQUEST_LOG)} requests buffer=4k flush=1s if=$logged;"""


def _upstream(name: str, socket: Path, most_at_once: int | None = None) -> str:
    """Return the workers behind `socket`, named twice: a request is not sent to the same server again."""
    limit = "" if most_at_once is None else f" max_conns={-(-most_at_once // TRIES)}"
    server = f"        server {_quoted(f'unix:{socket}')} max_fails=0{limit};"
    return "\n".join([f"    upstream {name} {{", f"        zone {name} 64k;", *[server] * TRIES, "    }"])


def _passed_headers() -> str:
    variables = {name: f"$http_{name.lower().replace('-', '_')}" for name in HEADERS}
    return "\n".join(f"        proxy_set_header {name} {variable};" for name, variable in variables.items())


def _allowed_methods(routes: Mapping[str, Sequence[str]]) -> str:
    known = {f"{path}(\\?|$)": methods for path, methods in routes.items() if methods}
    if MODELS in routes:
        below = dict.fromkeys((*MANY_MODELS[MODEL], *MANY_MODELS[INVOKE]))
        known |= {f"{MODELS}(\\?|$)": MANY_MODELS[MODELS], f"{MODELS}/": tuple(below)}
    return "\n".join(f'        "~^{pattern}" "{", ".join(methods)}";' for pattern, methods in known.items())


def _locations(routes: Mapping[str, Sequence[str]], draining: Path) -> str:
    return "\n".join(_location(path, methods, draining) for path, methods in routes.items())


def _location(path: str, methods: Sequence[str], draining: Path) -> str:
    """Return a path that workers answer; without `methods` it and all below it, with any method."""
    check = f"\n            if ($request_method !~ ^({'|'.join(methods)})$) {{ return 405; }}" if methods else ""
    upstream = "ping_server" if path == PING else "model_server"
    return f"""
        location {"=" if methods else "^~"} {path} {{{check}
            if (-f {_quoted(draining)}) {{ return {LAST_OF[upstream]}; }}
            proxy_pass http://{upstream};
        }}"""


def _last_locations() -> str:
    return "\n".join(
        f"""
        error_page {status} = @last_of_{upstream};
        location @last_of_{upstream} {{
            keepalive_timeout 0;
            proxy_pass http://{upstream};
        }}"""
        for upstream, status in LAST_OF.items()
    )


def _user(user: str | None) -> str:
    return "" if user is None else f"user {user};\n"


def _temporary_paths(folder: Path) -> str:
    return "\n".join(f"    {name}_temp_path {_quoted(folder / name)};" for name in TEMPORARY_PATHS)


def _errors(settings: Settings, paths: Sequence[str]) -> Mapping[int, Reply]:
    """Return the reply for each status that nginx itself can come to; the workers' own errors pass as they are."""
    busy = unavailable(
        "The model server has more requests than it can answer, is starting or restarting, "
        f"or took longer than {settings.timeout_seconds} seconds"
    )
    return {
        400: not_http(400),
        404: not_found("such path", paths),
        405: fault(
            405,
            "The path does not take this method",
            expected="a method that the header Allow names",
            remedy="Use one of these methods.",
        ),
        408: fault(
            408,
            "The request did not arrive in time",
            expected=f"a part of it every {CLIENT_SECONDS} seconds",
            remedy="Try again.",
        ),
        413: too_large(settings.max_body_mb),
        414: not_http(414),
        494: not_http(431),  # nginx's own number for 431
        500: unavailable("The server has no room for the request, on its disk or in memory"),
        501: not_http(501),
        502: busy,
        504: busy,
        505: not_http(505),
    }


def _error_pages(errors: Mapping[int, Reply]) -> str:
    return "\n".join(
        f"        error_page {status} ={reply.status} {ERROR_PATH}{status};" for status, reply in errors.items()
    )


def _error_locations(errors: Mapping[int, Reply]) -> str:
    return "\n".join(_error_location(status, reply) for status, reply in errors.items())


def _error_location(status: int, reply: Reply) -> str:
    headers = {"X-Request-Id": "$request_id"}  # a location with a header of its own has none of the server's
    if reply.retry_seconds is not None:
        headers["Retry-After"] = str(reply.retry_seconds)
    if reply.status == METHOD_NOT_ALLOWED:
        headers["Allow"] = "$allowed_methods"
    added = "".join(f"\n            add_header {name} {value} always;" for name, value in headers.items())
    return f"""
        location = {ERROR_PATH}{status} {{
            internal;
            client_max_body_size 0;
            default_type {reply.media_type};{added}
            return {reply.status} {_quoted(reply.body.decode())};
        }}"""


def _quoted(text: str | Path) -> str:
    """Return `text` as one word of nginx's language. nginx cannot escape a dollar sign: paths and texts hold none."""
    escaped = str(text).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
