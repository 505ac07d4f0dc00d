#!/usr/bin/env python3
"""Train a model by a training job of SageMaker.

Runs in the environment that `scripts/setup aws` makes; `--help` has the options, docs/sagemaker.md the rest.

Knows the command line and the order of steps. Never knows how a model is trained.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import specification
from command_line import checked, click, command, waiting_options, yes_option
from cost import agree, instance_hours
from faults import aws_faults
from job_options import data_options, hyperparameters_of, job_of, machine_options
from jobs import KINDS, follow, how_to_stop
from s3_address import Address, parse
from session import Aws
from training_job import Job
from values import name_at, need_name, tag_list

KIND = KINDS["training"]


@command
@data_options
@machine_options
@click.option(
    "--checkpoints",
    metavar="S3",
    callback=checked(parse, option="--checkpoints"),
    help="Where checkpoints are kept; another job with the same address goes on from them (with --spot a new one).",
)
@click.option(
    "--job-name",
    metavar="NAME",
    callback=checked(need_name, option="--job-name"),
    help="Name of the job (made of the time).",
)
@waiting_options
@yes_option
def main(aws: Aws, job_name: str | None, wait: bool, poll_seconds: float, yes: bool, **given: Any) -> str:
    """Train a model on SageMaker, with its log lines as they come, and print the address of model.tar.gz."""
    name = job_name or name_at(datetime.now(UTC), prefix="fraud-detect")
    declared = specification.read()
    values = hyperparameters_of(declared, given)
    job = job_of(aws, declared, given)
    agree(aws, _bills(job), stop=how_to_stop(aws, KIND, name), yes=yes)
    with aws_faults():
        aws.client("sagemaker").create_training_job(
            TrainingJobName=name,
            HyperParameters=values,
            Tags=tag_list(given["tags"]),
            **job.request(_checkpoints(job, name, given["checkpoints"])),
        )
    aws.say(f"training job {name}")
    if not wait or aws.dry is not None:
        return str(job.output.below(name, "output", "model.tar.gz"))
    return follow(aws, KIND, name, poll_seconds)


def _checkpoints(job: Job, name: str, asked: Address | None) -> Address | None:
    return asked or (job.output.below(name, "checkpoints") if job.machines.is_spot else None)


def _bills(job: Job) -> str:
    machines = job.machines
    hours = instance_hours(machines.instance_count, machines.instance_type, machines.max_seconds)
    return (
        f"{hours}{' at the spot price' if machines.is_spot else ''}, and {machines.volume_gb} GB of disk each meanwhile"
    )


if __name__ == "__main__":
    main()
