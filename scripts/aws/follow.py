#!/usr/bin/env python3
"""Go on watching a job of SageMaker, or stop it.

Knows the command line. Never knows what the job does.
"""

from __future__ import annotations

from command_line import click, command, waiting_options
from jobs import KINDS, follow, stop
from session import Aws


@command
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("job", metavar="JOB")
@click.option("--stop", "stopping", is_flag=True, help="Ask SageMaker to stop it first.")
@waiting_options
def main(aws: Aws, kind: str, job: str, stopping: bool, wait: bool, poll_seconds: float) -> str | None:
    """Watch JOB, a training, tuning or transform job that runs already, until its end, and print what it made."""
    if stopping:
        stop(aws, KINDS[kind], job)
    if not wait or aws.dry is not None:
        return None
    return follow(aws, KINDS[kind], job, poll_seconds)


if __name__ == "__main__":
    main()
