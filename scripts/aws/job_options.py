"""Options that training and tuning jobs share, and the job that they describe.

Knows Click and the API's words. Never knows whether one job is started or many.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from command_line import checked, click, role_option, tag_option, together, vpc_options
from faults import Fault
from s3_address import Address, need_bucket, need_objects, parse
from session import Aws
from specification import Specification
from training_job import Channel, Guards, Job, Machines
from values import need_one_of, pairs, vpc

_MODES = ("File", "FastFile", "Pipe")
_PARTS = ("train", "validation", "test")


def _s3_option(name: str, **more: Any) -> Any:
    return click.option(f"--{name}", metavar="S3", callback=checked(parse, option=f"--{name}"), **more)


data_options = together(
    [
        click.option("--image", required=True, metavar="URI", help="Image in ECR (image.py prints it)."),
        role_option,
        _s3_option("train", required=True, help="Folder of the training table (upload.py prints it)."),
        _s3_option("validation", help="Folder of a table to choose rounds and threshold on, instead of held-out rows."),
        _s3_option("test", help="Folder of a table that chooses nothing."),
        click.option(
            "--channel",
            "channels",
            multiple=True,
            metavar="NAME=S3",
            callback=checked(pairs, option="--channel"),
            help="Another channel, such as reason_codes=s3://...; repeatable.",
        ),
        _s3_option("output", help="Where models go (fraud-detect/jobs in the bucket of --train)."),
        click.option("--input-mode", type=click.Choice(_MODES), default="File", show_default=True),
        click.option("--shard", is_flag=True, help="Give each host its share of the files of --train."),
        click.option(
            "-p",
            "--hyperparameter",
            "hyperparameters",
            multiple=True,
            metavar="NAME=VALUE",
            callback=checked(pairs, option="--hyperparameter"),
            help="One of docs/hyperparameters.md; repeatable.",
        ),
        click.option(
            "--hyperparameters",
            "hyperparameter_file",
            type=click.Path(path_type=Path),
            help="A JSON file of them, such as `fraud-detect tune` prints.",
        ),
    ]
)
machine_options = together(
    [
        click.option("--instance-type", default="ml.m5.xlarge", show_default=True, metavar="TYPE"),
        click.option("--instance-count", type=click.IntRange(1), default=1, show_default=True, metavar="N"),
        click.option(
            "--volume-gb",
            type=click.IntRange(1),
            default=30,
            show_default=True,
            metavar="N",
            help="Disk of each instance.",
        ),
        click.option(
            "--max-minutes",
            type=click.IntRange(1, 28 * 24 * 60),
            default=60,
            show_default=True,
            metavar="N",
            help="A job is stopped after these, and keeps the best model so far.",
        ),
        click.option("--spot", is_flag=True, help="Spot instances: cheaper, and interrupted now and then."),
        click.option(
            "--max-wait-minutes",
            type=click.IntRange(1),
            metavar="N",
            help="With --spot: wait and run so long at most (twice --max-minutes).",
        ),
        click.option("--network-isolation", is_flag=True, help="No network for the container: it needs none."),
        click.option("--encrypt-traffic", is_flag=True, help="Encrypt what several hosts tell each other."),
        vpc_options,
        click.option("--output-kms-key", metavar="KEY", help="KMS key that encrypts the output."),
        click.option("--volume-kms-key", metavar="KEY", help="KMS key that encrypts the disks."),
        click.option(
            "--env",
            "environment",
            multiple=True,
            metavar="NAME=VALUE",
            callback=checked(pairs, option="--env"),
            help="A variable of the container; repeatable.",
        ),
        tag_option,
    ]
)


def job_of(aws: Aws, specification: Specification, given: Mapping[str, Any]) -> Job:
    """Return the job that the options describe; raise `Fault` for what SageMaker would refuse or miss."""
    output = given["output"] or Address(given["train"].bucket, "fraud-detect/jobs")
    found = {name: given[name] for name in _PARTS if given[name]}
    found |= {name: parse(text, option=f"--channel {name}") for name, text in given["channels"].items()}
    need_one_of(aws.client("sagemaker"), "TrainingInstanceType", given["instance_type"], option="--instance-type")
    if aws.dry is None:
        _need_data(aws, found, output)
    return Job(
        image=given["image"],
        role=given["role"],
        channels=tuple(
            Channel(name, address, sharded=given["shard"] and name == "train") for name, address in found.items()
        ),
        output=output,
        input_mode=given["input_mode"],
        metrics=specification.metrics,
        machines=_machines(given),
        guards=Guards(
            isolated=given["network_isolation"],
            encrypted_traffic=given["encrypt_traffic"],
            vpc=vpc(given["subnets"], given["security_groups"]),
            output_key=given["output_kms_key"],
            volume_key=given["volume_kms_key"],
        ),
        environment=given["environment"],
    )


def _need_data(aws: Aws, channels: Mapping[str, Address], output: Address) -> None:
    """Raise `Fault` unless the channels have files and all buckets are in the job's region."""
    s3 = aws.client("s3")
    for name, address in channels.items():
        option = f"--{name}" if name in _PARTS else f"--channel {name}"
        need_objects(s3, address, option=option)
        need_bucket(s3, address, option=option, region=aws.region)
    need_bucket(s3, output, option="--output", region=aws.region)


def _machines(given: Mapping[str, Any]) -> Machines:
    seconds, wait = given["max_minutes"] * 60, given["max_wait_minutes"]
    if wait is not None and (not given["spot"] or wait < given["max_minutes"]):
        raise Fault(
            f"--max-wait-minutes is {wait}" + ("" if given["spot"] else ", without --spot"),
            expected="at least --max-minutes, and only with --spot",
            remedy="Correct it, or leave it out.",
        )
    wait_seconds = (wait * 60 if wait else 2 * seconds) if given["spot"] else None
    return Machines(given["instance_type"], given["instance_count"], given["volume_gb"], seconds, wait_seconds)


def hyperparameters_of(specification: Specification, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the hyperparameters of the file and of the options, of which the latter win, as strings."""
    values = _of_file(given["hyperparameter_file"]) if given["hyperparameter_file"] else {}
    values |= given["hyperparameters"]
    specification.need_hyperparameters(values)
    return values


def _of_file(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): value if isinstance(value, str) else json.dumps(value) for name, value in found.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise Fault(
            f"--hyperparameters is '{path}': {error}",
            expected='a file with a JSON object, such as {"num_round": "300"}',
            remedy="Correct the path or the file.",
        ) from error
