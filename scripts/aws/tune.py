#!/usr/bin/env python3
"""Search for better hyperparameters by a tuning job of SageMaker.

Runs in the environment that `scripts/setup aws` makes; `--help` has the options, docs/sagemaker.md the rest.

Knows the command line and the order of steps. Never knows how a model is trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import specification
import tuning_job
from command_line import checked, click, command, waiting_options, yes_option
from cost import agree, instance_hours
from faults import Fault, aws_faults
from job_options import data_options, hyperparameters_of, job_of, machine_options
from jobs import KINDS, follow, how_to_stop
from session import Aws
from training_job import Job
from tuning_job import Search
from values import name_at, need_name, pairs, tag_list

KIND = KINDS["tuning"]
_ALGORITHM = "algorithm"


@command
@data_options
@machine_options
@click.option("--objective", default="validation:average_precision", show_default=True, metavar="METRIC")
@click.option(
    "--range",
    "own_ranges",
    multiple=True,
    metavar="NAME=RANGE",
    callback=checked(pairs, option="--range"),
    help="LOW..HIGH, LOW..HIGH:log or A,B,C instead of the declared range, or in addition; repeatable.",
)
@click.option("--jobs", type=click.IntRange(1, 750), default=20, show_default=True, metavar="N", help="Jobs at most.")
@click.option("--parallel", type=click.IntRange(1, 100), default=2, show_default=True, metavar="N", help="At once.")
@click.option("--total-minutes", type=click.IntRange(2), metavar="N", help="Stop the whole search after these.")
@click.option("--strategy", type=click.Choice(["Bayesian", "Random"]), default="Bayesian", show_default=True)
@click.option(
    "--early-stopping/--no-early-stopping", default=True, show_default=True, help="End jobs that do worse than others."
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Seed of the search.")
@click.option(
    "--job-name",
    metavar="NAME",
    callback=checked(need_name, option="--job-name", longest=32),
    help="Name of the tuning job (made of the time).",
)
@waiting_options
@yes_option
def main(aws: Aws, job_name: str | None, wait: bool, poll_seconds: float, yes: bool, **given: Any) -> str:
    """Search for hyperparameters by training jobs on SageMaker, and print the address of the best model.tar.gz.

    What is varied are the ranges that the container declares for -p algorithm=... (xgboost without it); what -p gives
    another value stays at that.
    """
    name = job_name or name_at(datetime.now(UTC), prefix="fraud-detect")
    declared = specification.read()
    fixed = hyperparameters_of(declared, given)
    search = _search(declared, given)
    ranges = _ranges(declared, fixed, given["own_ranges"])
    job = job_of(aws, declared, given)
    agree(aws, _bills(job, search), stop=how_to_stop(aws, KIND, name), yes=yes)
    with aws_faults():
        aws.client("sagemaker").create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig=search.request(ranges),
            # No checkpoints: all jobs of a search would have one address for them.
            TrainingJobDefinition={"StaticHyperParameters": fixed, **job.request(None)},
            Tags=tag_list(given["tags"]),
        )
    aws.say(f"tuning job {name}: {tuning_job.count(ranges)} hyperparameters, {search.jobs} jobs")
    if not wait or aws.dry is not None:
        return str(job.output)
    return follow(aws, KIND, name, poll_seconds)


def _search(declared: specification.Specification, given: Mapping[str, Any]) -> Search:
    if given["parallel"] > given["jobs"]:
        raise Fault(
            f"--parallel is {given['parallel']}, --jobs {given['jobs']}",
            expected="no more at once than there are",
            remedy="Lower --parallel.",
        )
    return Search(
        objective=given["objective"],
        direction=declared.need_objective(given["objective"]),
        strategy=given["strategy"],
        jobs=given["jobs"],
        parallel=given["parallel"],
        max_seconds=given["total_minutes"] * 60 if given["total_minutes"] else None,
        early_stopping=given["early_stopping"],
        seed=given["seed"],
    )


def _ranges(
    declared: specification.Specification, fixed: Mapping[str, str], own: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """Return the ranges to search; raise `Fault` for values outside of what the hyperparameters may be."""
    both = sorted(set(fixed) & set(own))
    if both:
        raise Fault(
            f"`{both[0]}` has both a value and a range", expected="one of them", remedy="Leave -p or --range out."
        )
    types = {name: entry["Type"] for name, entry in declared.hyperparameters.items()}
    family = fixed.get(_ALGORITHM, declared.hyperparameters[_ALGORITHM]["DefaultValue"])
    found = tuning_job.widened(tuning_job.without(declared.ranges[family], fixed), own, types)
    for values in tuning_job.values_in(found):
        declared.need_hyperparameters(values)
    if not tuning_job.count(found):
        raise Fault("Every hyperparameter has a value", expected="one to vary", remedy="Give fewer, or a --range.")
    return found


def _bills(job: Job, search: Search) -> str:
    machines = job.machines
    count = search.jobs * machines.instance_count
    hours = instance_hours(count, machines.instance_type, machines.max_seconds)
    spot = " at the spot price" if machines.is_spot else ""
    return f"{hours}{spot} for {search.jobs} jobs, {search.parallel} at once, and {machines.volume_gb} GB of disk each"


if __name__ == "__main__":
    main()
