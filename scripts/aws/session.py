"""The session with AWS that a command works in, or its dry run.

Knows boto3. Never knows which command works in it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from dry_run import DryRun
from faults import Fault, aws_faults
from watch import Pace


@dataclass(frozen=True)
class Aws:
    """A boto3 session; `dry` holds the requests of a dry run, in which nothing is sent."""

    session: Any
    dry: DryRun | None = None

    @property
    def region(self) -> str:
        """The region's name."""
        return str(self.session.region_name)

    def client(self, service: str) -> Any:
        """Return boto3's client of the service."""
        return self.session.client(service)

    def say(self, line: str) -> None:
        """Tell of progress on standard error; in a dry run nothing happens that could be told of."""
        if self.dry is None:
            print(line, file=sys.stderr, flush=True)

    def pace(self, poll_seconds: float) -> Pace:
        """Return how to wait for a job."""
        return Pace(self.say, poll_seconds)


def open_aws(region: str | None, profile: str | None, *, dry_run: bool) -> Aws:
    """Return the session; raise `Fault` without a region, or without credentials unless it is a dry run."""
    session = open_session(region, profile)
    if dry_run:
        return Aws(session, DryRun(session))
    need_credentials(session)
    return Aws(session)


def open_session(region: str | None, profile: str | None = None) -> Any:
    """Return a boto3 session with a region."""
    try:
        import boto3
    except ImportError as error:
        raise Fault(
            f"{sys.executable} has no boto3",
            expected="the environment with AWS's SDKs",
            remedy=f"Run `scripts/setup aws`, then .venv-aws/bin/python {sys.argv[0]}.",
        ) from error
    with aws_faults():
        session = boto3.Session(region_name=region, profile_name=profile)
    if session.region_name is None:
        raise Fault(
            "No region is set",
            expected="an AWS region such as eu-west-1",
            remedy="Pass --region, or set AWS_DEFAULT_REGION.",
        )
    return session


def need_credentials(session: Any) -> None:
    """Raise `Fault` if the session has no credentials."""
    with aws_faults():
        found = session.get_credentials()
    if found is None:
        raise Fault(
            "There are no AWS credentials",
            expected="those of who may do this",
            remedy="Log in with `aws sso login` or `aws configure`, or set AWS_PROFILE.",
        )
