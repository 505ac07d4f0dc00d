"""Options that deploy.py and shadow.py share, and what their values come to.

Knows Click's names of them. Never knows what is done with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from command_line import checked, click, tag_option, together, vpc_options
from endpoint_alarms import Limits, watch_endpoint
from endpoint_requests import (
    LONGEST_UPDATE_SECONDS,
    STARTING_SECONDS,
    Instances,
    Rollout,
    Served,
    Serverless,
    deployment_config,
)
from endpoint_scaling import Scaling
from faults import Fault, aws_faults
from s3_address import parse
from session import Aws
from values import need_role, pairs, vpc

served_options = together(
    [
        click.option(
            "--training-job", metavar="NAME", help="Serve what this training job made, on its image and role."
        ),
        click.option(
            "--model-data",
            metavar="S3",
            callback=checked(parse, option="--model-data"),
            help="Or the address of a model.tar.gz; needs --image and --role.",
        ),
        click.option("--image", metavar="URI", help="Image in ECR, as image.py prints (the training job's)."),
        click.option(
            "--role", metavar="ARN", callback=checked(need_role), help="Role that the endpoint works as (the job's)."
        ),
        click.option(
            "--env",
            "environment",
            multiple=True,
            metavar="NAME=VALUE",
            callback=checked(pairs, option="--env"),
            help="A setting of the server (docs/serving.md); repeatable.",
        ),
        click.option("--network-isolation", is_flag=True, help="Allow the container no network at all."),
        vpc_options,
        tag_option,
    ]
)

rollout_options = together(
    [
        click.option(
            "--traffic",
            type=click.Choice(["all-at-once", "canary", "linear"]),
            default="all-at-once",
            show_default=True,
            help="How an update moves requests to the new instances.",
        ),
        click.option(
            "--step-percent",
            type=click.IntRange(1, 50),
            default=10,
            show_default=True,
            help="The canary, or each linear step; of two instances one is 50.",
        ),
        click.option(
            "--bake-seconds",
            type=click.IntRange(0, 3600),
            default=300,
            show_default=True,
            help="How long the alarms watch each step.",
        ),
        click.option(
            "--keep-seconds",
            type=click.IntRange(0, 3600),
            default=0,
            show_default=True,
            help="How long the old instances are kept after the last step.",
        ),
    ]
)

alarm_options = together(
    [
        click.option(
            "--alarms/--no-alarms", default=True, show_default=True, help="Make alarms; they turn updates back."
        ),
        click.option(
            "--alarm-error-percent",
            type=click.FloatRange(0, 100),
            default=1.0,
            show_default=True,
            help="Alarm if more requests than these end as 5xx, for two minutes.",
        ),
        click.option(
            "--alarm-latency-ms",
            type=click.FloatRange(0),
            default=1000.0,
            show_default=True,
            help="Alarm if 1 % of requests take longer, for two minutes.",
        ),
        click.option("--alarm-topic", metavar="ARN", help="SNS topic that is told of alarms."),
    ]
)


def served(aws: Aws, given: Mapping[str, Any]) -> Served:
    """Return the model in its container that the options name, asking for the training job's if there is one."""
    job, data = given["training_job"], given["model_data"]
    if bool(job) == bool(data):
        raise Fault(
            f"Of --training-job and --model-data {'both are' if job else 'none is'} given",
            expected="one of them",
            remedy="Name the training job, or the model.tar.gz with its --image and --role.",
        )
    made = _made_by(aws, job) if job else {"model_data": str(data)}
    found = {**made, **{key: given[key] for key in ("image", "role") if given[key]}}
    for key in ("image", "role"):
        if key not in found:
            raise Fault(
                f"--model-data is given without --{key}",
                expected=f"the {key} too",
                remedy=f"Pass --{key}, or --training-job, whose {key} is taken.",
            )
    network = vpc(given["subnets"], given["security_groups"])
    return Served(**found, environment=given["environment"], isolated=given["network_isolation"], vpc=network)


def _made_by(aws: Aws, job: str) -> dict[str, str]:
    with aws_faults():
        found = aws.client("sagemaker").describe_training_job(TrainingJobName=job)
    data = found.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    if not data or found["TrainingJobStatus"] not in {"Completed", "Stopped"}:
        raise Fault(
            f"Training job '{job}' is {found['TrainingJobStatus']} and has made no model",
            expected="a job that is Completed",
            remedy="Wait for its end, or name another job.",
        )
    image = found["AlgorithmSpecification"]["TrainingImage"]
    return {"model_data": data, "image": image, "role": found["RoleArn"]}


def put_alarms(aws: Aws, endpoint: str, variant: str, given: Mapping[str, Any]) -> None:
    """Put the endpoint's alarms, unless none are wanted."""
    if given["alarms"]:
        limits = Limits(given["alarm_error_percent"], given["alarm_latency_ms"], given["alarm_topic"])
        watch_endpoint(aws, endpoint, variant, limits, given["tags"])


def deployment(given: Mapping[str, Any], alarms: list[str]) -> dict[str, Any]:
    """Return how an update proceeds, and which alarms turn it back."""
    rollout = Rollout(
        given["traffic"].upper().replace("-", "_"), given["step_percent"], given["bake_seconds"], given["keep_seconds"]
    )
    if rollout.waits_seconds + STARTING_SECONDS > LONGEST_UPDATE_SECONDS:
        raise Fault(
            f"The update would wait for {rollout.waits_seconds:,} s in all",
            expected=f"at most {LONGEST_UPDATE_SECONDS - STARTING_SECONDS:,}, of the 8 h that SageMaker gives it",
            remedy="Take larger steps, or shorter --bake-seconds and --keep-seconds.",
        )
    return deployment_config(rollout, alarms)


def bills(runs_on: Instances | Serverless, scaling: Scaling | None = None) -> str:
    """Return what an endpoint costs, as a phrase."""
    if isinstance(runs_on, Instances):
        least, most = (scaling.least, scaling.most) if scaling else (runs_on.count, runs_on.count)
        often = f"{least} to {most}" if scaling else f"{most}"
        return f"{often} x {runs_on.instance_type} until it is deleted: at most {24 * most} instance-hours a day"
    request = f"the time of requests in {runs_on.memory_mb:,} MB"
    if runs_on.provisioned is None:
        return f"{request}, and nothing without requests"
    return f"{request}, and {runs_on.provisioned} provisioned containers until it is deleted"
