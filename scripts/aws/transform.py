#!/usr/bin/env python3
"""Score files in S3 by a batch transform job of SageMaker.

Runs in the environment that `scripts/setup aws` makes; `--help` has the options, docs/sagemaker.md the rest.

Knows the command line and the API's words. Never knows how rows are scored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from command_line import checked, click, command, tag_option, together, vpc_options, waiting_options, yes_option
from cost import agree
from faults import Fault, aws_faults
from jobs import KINDS, follow, how_to_stop
from s3_address import Address, need_bucket, need_objects, parse
from session import Aws
from values import name_at, need_name, need_one_of, need_role, pairs, tag_list, vpc

KIND = KINDS["transform"]
_MOST_MB = 100  # requests at once times megabytes, SageMaker's limit

model_options = together(
    [
        click.option("--model-name", metavar="NAME", help="A model of SageMaker, such as deploy.py makes."),
        click.option(
            "--model-data",
            metavar="S3",
            callback=checked(parse, option="--model-data"),
            help="Or a model.tar.gz, as train.py prints; needs --image and --role.",
        ),
        click.option("--image", metavar="URI", help="Image in ECR."),
        click.option("--role", metavar="ARN", callback=checked(need_role), help="Role that SageMaker works as."),
        click.option("--network-isolation", is_flag=True, help="No network for the container: it needs none."),
        vpc_options,
    ]
)
table_options = together(
    [
        click.option(
            "--input",
            "source",
            required=True,
            metavar="S3",
            callback=checked(parse, option="--input"),
            help="File or folder of rows to score, without a header.",
        ),
        click.option(
            "--output",
            required=True,
            metavar="S3",
            callback=checked(parse, option="--output"),
            help="Folder for the scores: one file .out for each file.",
        ),
        click.option(
            "--content-type",
            default="text/csv",
            show_default=True,
            metavar="TYPE",
            help="CSV and JSON Lines are sent in parts, a file of JSON or Parquet as a whole.",
        ),
        click.option("--accept", default="text/csv", show_default=True, metavar="TYPE"),
        click.option("--join", is_flag=True, help="Put the scores after the columns of each row."),
        click.option("--input-filter", metavar="JSONPATH", help="Columns to score, such as $[1:]."),
        click.option("--output-filter", metavar="JSONPATH", help="Columns to write, such as $[0,-2,-1]."),
        click.option(
            "--error-rows", is_flag=True, help="A row that cannot be scored is an ERROR row, not the job's end."
        ),
    ]
)
running_options = together(
    [
        click.option("--instance-type", default="ml.m5.xlarge", show_default=True, metavar="TYPE"),
        click.option("--instance-count", type=click.IntRange(1), default=1, show_default=True, metavar="N"),
        click.option(
            "--strategy", type=click.Choice(["MultiRecord", "SingleRecord"]), default="MultiRecord", show_default=True
        ),
        click.option("--max-payload-mb", type=click.IntRange(1, _MOST_MB), default=6, show_default=True, metavar="N"),
        click.option(
            "--concurrency", type=click.IntRange(1), metavar="N", help="Requests at once (the container's say)."
        ),
        click.option(
            "--max-minutes",
            type=click.FloatRange(0, min_open=True),
            default=60.0,
            show_default=True,
            metavar="N",
            help="This command stops the job after these; SageMaker has no limit of its own.",
        ),
        click.option("--output-kms-key", metavar="KEY", help="KMS key that encrypts the output."),
        click.option("--volume-kms-key", metavar="KEY", help="KMS key that encrypts the disks."),
        click.option(
            "--env",
            "environment",
            multiple=True,
            metavar="NAME=VALUE",
            callback=checked(pairs, option="--env"),
            help="A setting of docs/serving.md; repeatable.",
        ),
        tag_option,
    ]
)


@command
@model_options
@table_options
@running_options
@click.option(
    "--job-name",
    metavar="NAME",
    callback=checked(need_name, option="--job-name"),
    help="Name of the job (made of the time).",
)
@waiting_options
@yes_option
def main(aws: Aws, job_name: str | None, wait: bool, poll_seconds: float, yes: bool, **given: Any) -> str:
    """Score the rows of files in S3, and print the folder of the scores.

    A model that is made of --model-data for it is deleted at the end of the job; with --no-wait it stays.
    """
    name = job_name or name_at(datetime.now(UTC), prefix="fraud-detect")
    _check(aws, given)
    agree(aws, _bills(given, wait=wait), stop=how_to_stop(aws, KIND, name), yes=yes)
    clean_up = _create(aws, name, given)
    aws.say(f"transform job {name}")
    if not wait or aws.dry is not None:
        return str(given["output"])
    return follow(aws, KIND, name, poll_seconds, limit_seconds=given["max_minutes"] * 60, then=clean_up)


def _create(aws: Aws, name: str, given: Mapping[str, Any]) -> Callable[[], None]:
    """Create the job, and a model for it if there is none; return what removes that model."""
    client = aws.client("sagemaker")
    if given["model_name"]:
        with aws_faults():
            client.create_transform_job(**_request(given["model_name"], name, given))
        return lambda: None

    def remove() -> None:
        with aws_faults():
            client.delete_model(ModelName=name)

    with aws_faults():
        client.create_model(**_model_request(name, given))
    try:
        with aws_faults():
            client.create_transform_job(**_request(name, name, given))
    except Fault:
        remove()
        raise
    return remove


def _check(aws: Aws, given: Mapping[str, Any]) -> None:
    made = [given[name] for name in ("model_data", "image", "role")]
    if bool(given["model_name"]) == all(made) or (given["model_name"] and any(made)):
        raise Fault(
            "The model is not clear",
            expected="--model-name, or --model-data with --image and --role",
            remedy="Pass the one or the other.",
        )
    if (given["concurrency"] or 1) * given["max_payload_mb"] > _MOST_MB:
        raise Fault(
            f"--concurrency {given['concurrency']} times --max-payload-mb {given['max_payload_mb']}",
            expected=f"{_MOST_MB} MB at most",
            remedy="Lower one of them.",
        )
    need_one_of(aws.client("sagemaker"), "TransformInstanceType", given["instance_type"], option="--instance-type")
    if aws.dry is None:
        s3 = aws.client("s3")
        need_objects(s3, given["source"], option="--input")
        need_bucket(s3, given["source"], option="--input", region=aws.region)
        need_bucket(s3, given["output"], option="--output", region=aws.region)


def _model_request(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ModelName": name,
        "PrimaryContainer": {"Image": given["image"], "ModelDataUrl": str(given["model_data"])},
        "ExecutionRoleArn": given["role"],
        "EnableNetworkIsolation": given["network_isolation"],
        "Tags": tag_list(given["tags"]),
        **_given(VpcConfig=vpc(given["subnets"], given["security_groups"])),
    }


def _request(model: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    source: Address = given["source"]
    settings = dict(given["environment"]) | ({"FRAUD_DETECT_ERROR_ROWS": "true"} if given["error_rows"] else {})
    filters = _given(InputFilter=given["input_filter"], OutputFilter=given["output_filter"])
    return {
        "TransformJobName": name,
        "ModelName": model,
        "BatchStrategy": given["strategy"],
        "MaxPayloadInMB": given["max_payload_mb"],
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source.as_prefix}},
            "ContentType": given["content_type"],
            "SplitType": _by_line(given["content_type"]),
        },
        "TransformOutput": {
            "S3OutputPath": str(given["output"]),
            "Accept": given["accept"],
            "AssembleWith": _by_line(given["content_type"]),
            **_given(KmsKeyId=given["output_kms_key"]),
        },
        "TransformResources": {
            "InstanceType": given["instance_type"],
            "InstanceCount": given["instance_count"],
            **_given(VolumeKmsKeyId=given["volume_kms_key"]),
        },
        "DataProcessing": filters | {"JoinSource": "Input" if given["join"] else "None"},
        "Tags": tag_list(given["tags"]),
        **_given(MaxConcurrentTransforms=given["concurrency"], Environment=settings or None),
    }


def _by_line(media_type: str) -> str:
    """Return SageMaker's word for how files of the type are divided and put together: by lines, or not at all."""
    kind = media_type.partition(";")[0].strip().lower()
    return "None" if kind == "application/json" or kind.endswith("parquet") else "Line"


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _bills(given: Mapping[str, Any], *, wait: bool) -> str:
    machines = f"{given['instance_count']} x {given['instance_type']} until all rows are scored"
    hours = given["max_minutes"] / 60
    limit = f"at most {given['instance_count'] * hours:g} instance-hours: this command stops the job after {hours:g} h"
    return f"{machines}, {limit}" if wait else f"{machines}, without a limit of time, since --no-wait is given"


if __name__ == "__main__":
    main()
