"""Runs of the commands that start jobs, and what they sent."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from typing import Any

from aws_stand_in import ACCOUNT, PYTHON, REGION, REPOSITORY, Done, StandIn
from request_check import need_valid

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fraud-detect:latest"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/fraud-detect"
JOB = "a-job"
ON = {"--image": IMAGE, "--role": ROLE, "--train": "s3://transactions/raw/", "--output": "s3://features/jobs"}
USUAL = tuple(word for option in ON.items() for word in option)
QUICK = ("--poll-seconds", "0.01", "--job-name", JOB)

_MANY = """
import importlib, json, sys
from click.testing import CliRunner
made = []
for script, *arguments in json.load(sys.stdin):
    result = CliRunner().invoke(importlib.import_module(script.removesuffix(".py")).main, arguments)
    made.append([result.exit_code, result.stdout, result.stderr])
json.dump(made, sys.stdout)
"""


def environment(aws: StandIn, **more: str) -> dict[str, str]:
    """Return the variables of a user whose AWS is the stand-in."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.port}",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    } | more


def run(aws: StandIn, script: str, *arguments: str, without: tuple[str, ...] = (), stdin: int | None = None) -> Done:
    """Run scripts/aws/`script` to its end; standard input is empty unless `stdin` is a file's number."""
    done = subprocess.run(
        [PYTHON, REPOSITORY / "scripts/aws" / script, *arguments],
        env={name: value for name, value in environment(aws).items() if name not in without},
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def run_many(aws: StandIn, command_lines: Sequence[Sequence[str]]) -> list[Done]:
    """Run commands one after another in one process, which saves the start of it; return what came of each."""
    made = subprocess.run(
        [PYTHON, "-c", _MANY],
        env=environment(aws, PYTHONPATH=str(REPOSITORY / "scripts/aws")),
        input=json.dumps(command_lines),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return [Done(*each) for each in json.loads(made.stdout)]


@contextlib.contextmanager
def started(aws: StandIn, script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the script, and give it while it runs."""
    with subprocess.Popen(
        [PYTHON, REPOSITORY / "scripts/aws" / script, *arguments],
        env=environment(aws),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def sent(aws: StandIn, operation: str) -> Any:
    """Return the only request for the operation of SageMaker's, which AWS's API describes."""
    request = aws.the(f"SageMaker.{operation}")
    need_valid("sagemaker", operation, request)
    return request


def changes(aws: StandIn) -> list[str]:
    """Return the operations of SageMaker's that would change something, in order."""
    names = [request.operation.partition(".")[2] for request in aws.seen if request.operation.startswith("SageMaker.")]
    return [name for name in names if not name.startswith(("Describe", "List"))]


def planned(done: Done) -> list[dict[str, Any]]:
    """Return the requests that a dry run printed, each of which AWS's API describes."""
    assert done.status == 0, done.errors
    found: list[dict[str, Any]] = json.loads(done.said)
    for each in found:
        need_valid(each["service"], each["operation"], each["request"])
    return found


def write_log(aws: StandIn, group: str, **streams: list[str]) -> None:
    """Write lines to streams of a job's log, `algo_1` to the stream of that host."""
    logs = aws.client("logs")
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=group)
    for host, lines in streams.items():
        stream = f"{JOB}/{host.replace('_', '-')}-1763000000"
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000) - 60_000
        events = [{"timestamp": now + number, "message": line} for number, line in enumerate(lines)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
