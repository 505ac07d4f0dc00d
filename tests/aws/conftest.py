"""Moto's server, once a session, and a stand-in for AWS in front of it, once a test or a module."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from aws_stand_in import PYTHON, StandIn

from running_server import a_free_port

PATIENCE_SECONDS = 60


@pytest.fixture(scope="session")
def moto_port() -> Iterator[int]:
    """Return the port of a server that answers as AWS does."""
    program = PYTHON.with_name("moto_server")
    if not program.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(
                "There is no .venv-aws, which `scripts/setup aws` makes, and with CI=true no test may be skipped"
            )
        pytest.skip("needs .venv-aws, which `scripts/setup aws` makes")
    port = a_free_port()
    quiet = subprocess.DEVNULL
    with subprocess.Popen([PYTHON, program, "-H", "127.0.0.1", "-p", str(port)], stdout=quiet, stderr=quiet) as server:
        try:
            _wait_for(port)
            yield port
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    pytest.fail(f"moto's server did not listen within {PATIENCE_SECONDS} s")


@contextlib.contextmanager
def _stand_in(moto_port: int) -> Iterator[StandIn]:
    moto = http.client.HTTPConnection("127.0.0.1", moto_port)
    moto.request("POST", "/moto-api/reset")
    moto.getresponse().read()
    moto.close()
    made = StandIn(moto_port)
    s3 = made.client("s3")
    for bucket in ("transactions", "features"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="transactions", Key="raw/2018-04-01.parquet", Body=b"")
    server = made.serve()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def aws(moto_port: int) -> Iterator[StandIn]:
    """Return an AWS with the buckets `transactions`, with one file below raw/, and `features`, which is empty."""
    with _stand_in(moto_port) as made:
        yield made


@pytest.fixture(scope="module")
def aws_of_module(moto_port: int) -> Iterator[StandIn]:
    """Return the same for a whole module, for what is submitted once and looked at often."""
    with _stand_in(moto_port) as made:
        yield made
