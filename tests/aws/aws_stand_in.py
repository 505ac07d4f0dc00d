"""AWS as the scripts see it: moto's server, and in front of it one that writes requests down and can answer itself."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from botocore.session import get_session

REPOSITORY = Path(__file__).parents[2]
PYTHON = REPOSITORY / ".venv-aws/bin/python"
SCRIPT = "scripts/aws/spark_features.py"
ACCOUNT, REGION = "123456789012", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/features"
JOB = "features-of-a-test"
_OF_ONE_HOP = {"connection", "content-length", "date", "server", "transfer-encoding"}


@dataclass(frozen=True)
class Seen:
    """One request: its operation, such as `SageMaker.CreateProcessingJob` or `POST /applications`, and its body."""

    operation: str
    body: bytes
    method: str = "POST"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        """The body as parsed JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Raw:
    """An answer as it goes over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Done:
    """What a run of the script came to."""

    status: int
    said: str
    errors: str


@dataclass
class StandIn:
    """A server on `port` that passes everything on to moto's, but for the operations that it is told to answer."""

    moto_port: int
    seen: list[Seen] = field(default_factory=list)
    answers: dict[str, list[tuple[int, Mapping[str, Any]]]] = field(default_factory=dict)
    hooks: list[Callable[[Seen], Raw | None]] = field(default_factory=list)
    """What is asked for an answer, in order, before moto is; None leaves it to the next."""
    port: int = 0

    def answer(self, operation: str, *bodies: Mapping[str, Any], status: int = 200) -> None:
        """Answer the operation with each of `bodies` in turn, then with the last again and again."""
        self.answers[operation] = [(status, body) for body in bodies]

    def the(self, operation: str) -> Any:
        """Return the JSON of the only request for the operation."""
        found = [request for request in self.seen if request.operation.startswith(operation)]
        assert len(found) == 1, [request.operation for request in self.seen]
        return found[0].json

    def client(self, service: str) -> Any:
        """Return a client for what moto keeps."""
        return _client(service, self.moto_port)

    def object(self, address: str) -> bytes:
        """Return the object at an s3:// address."""
        place = urllib.parse.urlsplit(address)
        content: bytes = self.client("s3").get_object(Bucket=place.netloc, Key=place.path[1:])["Body"].read()
        return content

    def run(
        self,
        *arguments: str,
        repository: Path = REPOSITORY,
        program: str | Path = PYTHON,
        without: Sequence[str] = (),
        **more: str,
    ) -> Done:
        """Run the script as a user would, with this server as AWS; `without` takes variables from its environment."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        } | more
        kept = {name: value for name, value in environment.items() if name not in without}
        done = subprocess.run(
            [program, repository / SCRIPT, *arguments],
            env=kept,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def submit(self, service: str, *arguments: str, **more: Any) -> Done:
        """Run the script for a job that nothing is wrong with; later arguments win over its own."""
        usual = ["--input", "s3://transactions/raw", "--output", "s3://features/by-day", "--role", ROLE]
        return self.run(service, *usual, "--job-name", JOB, "--poll-seconds", "0.01", *arguments, **more)

    def serve(self) -> ThreadingHTTPServer:
        """Start to serve on a free port; whoever calls shuts the server down."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def reply(self, operation: str) -> tuple[int, Mapping[str, Any]] | None:
        """Return the answer that the operation was given, and use it up unless it is the last."""
        told = self.answers.get(operation)
        if not told:
            return None
        return told.pop(0) if len(told) > 1 else told[0]

    def hooked(self, request: Seen) -> Raw | None:
        """Return the answer of the first hook that has one."""
        return next((answer for hook in self.hooks if (answer := hook(request)) is not None), None)

    def forward(self, request: Seen) -> Raw:
        """Return moto's answer."""
        upstream = http.client.HTTPConnection("127.0.0.1", self.moto_port, timeout=60)
        upstream.request(request.method, request.path, request.body, dict(request.headers))
        answer = upstream.getresponse()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_ONE_HOP}
        made = Raw(answer.status, kept, answer.read())
        upstream.close()
        return made


@cache
def _client(service: str, port: int) -> Any:
    return _session().create_client(
        service,
        region_name=REGION,
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@cache
def _session() -> Any:
    return get_session()  # reading the descriptions of services takes most of the time that a client takes


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            operation = self.headers.get("X-Amz-Target", f"{self.command} {self.path.split('?')[0]}")
            request = Seen(operation, body, self.command, self.path, dict(self.headers))
            stand_in.seen.append(request)
            told = stand_in.reply(operation)
            if told is None:
                self.send(stand_in.hooked(request) or stand_in.forward(request))
            else:
                self.send(Raw(told[0], {"Content-Type": "application/json"}, json.dumps(told[1]).encode()))

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815 (http.server's names)

        def send(self, answer: Raw) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Say nothing: pytest shows what was seen."""

    return Handler
