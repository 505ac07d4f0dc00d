"""Options of deploy.py on where a model runs, what is kept, and how it scales; what their values come to.

Knows Click's names of them, and which go together. Never knows what is done with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from command_line import checked, click, together
from endpoint_parts import Present
from endpoint_requests import Capture, Hosting, Instances, Queue, Serverless
from endpoint_scaling import Scaling
from faults import Fault
from s3_address import parse
from session import Aws
from values import need_one_of

REAL_TIME, SERVERLESS, ASYNCHRONOUS = "real-time", "serverless", "asynchronous"
MEMORY_MB = [str(1024 * gb) for gb in range(1, 7)]

_KIND = together(
    [
        click.option(
            "--real-time", "kind", flag_value=REAL_TIME, default=REAL_TIME, help="On instances (the default)."
        ),
        click.option("--serverless", "kind", flag_value=SERVERLESS, help="On no instances: billed by request."),
        click.option("--asynchronous", "kind", flag_value=ASYNCHRONOUS, help="On instances, through a queue and S3."),
        click.option("--instance-type", default="ml.m5.large", show_default=True, metavar="TYPE"),
        click.option(
            "--instance-count",
            type=click.IntRange(1),
            metavar="N",
            help="Instances (1; at an update as many as there are).",
        ),
        click.option(
            "--memory-mb", type=click.Choice(MEMORY_MB), default="2048", show_default=True, help="Serverless."
        ),
        click.option(
            "--max-concurrency",
            type=click.IntRange(1, 200),
            default=5,
            show_default=True,
            help="Serverless: requests at once.",
        ),
        click.option(
            "--provisioned-concurrency", type=click.IntRange(1, 200), metavar="N", help="Serverless: kept warm."
        ),
    ]
)
_QUEUE = together(
    [
        click.option(
            "--async-output", metavar="S3", callback=checked(parse, option="--async-output"), help="Of answers."
        ),
        click.option(
            "--async-failures", metavar="S3", callback=checked(parse, option="--async-failures"), help="Of failures."
        ),
        click.option("--success-topic", metavar="ARN", help="SNS topic that is told of answers."),
        click.option("--error-topic", metavar="ARN", help="SNS topic that is told of failures."),
        click.option(
            "--max-concurrent-per-instance", type=click.IntRange(1, 1000), metavar="N", help="Of asynchronous requests."
        ),
    ]
)
_CAPTURE = together(
    [
        click.option(
            "--capture-to",
            metavar="S3",
            callback=checked(parse, option="--capture-to"),
            help="Keep requests and answers below this address.",
        ),
        click.option(
            "--capture-percent", type=click.IntRange(1, 100), default=100, show_default=True, help="How many of them."
        ),
        click.option("--kms-key", metavar="KEY", help="Key that encrypts the instances' disks."),
        click.option("--output-kms-key", metavar="KEY", help="Key that encrypts what is written to S3."),
    ]
)
_SCALING = together(
    [
        click.option("--min-instances", type=click.IntRange(0), metavar="N", help="Scale between (1; asynchronous 0)"),
        click.option("--max-instances", type=click.IntRange(1), metavar="N", help="and these."),
        click.option(
            "--target-invocations",
            type=click.FloatRange(0, min_open=True),
            default=1000.0,
            show_default=True,
            help="Requests a minute that an instance is meant for.",
        ),
        click.option(
            "--target-backlog",
            type=click.FloatRange(0, min_open=True),
            default=5.0,
            show_default=True,
            help="Asynchronous: requests that may wait for each instance.",
        ),
    ]
)
hosting_options = together([_KIND, _QUEUE, _CAPTURE, _SCALING])

_ONLY: Mapping[str, tuple[str, ...]] = {
    SERVERLESS: ("provisioned_concurrency",),
    ASYNCHRONOUS: ("async_output", "async_failures", "success_topic", "error_topic", "max_concurrent_per_instance"),
}
_NOT_SERVERLESS = ("network_isolation", "subnets", "capture_to", "kms_key", "instance_count", "max_instances")


def need_fitting(given: Mapping[str, Any]) -> None:
    """Raise `Fault` for an option that the kind of endpoint does not have."""
    wrong = [(name, kind) for kind, names in _ONLY.items() for name in names if given[name] and given["kind"] != kind]
    if wrong:
        option = _option(wrong[0][0])
        raise Fault(
            f"{option} is given without --{wrong[0][1]}", expected="both or neither", remedy="Correct the options."
        )
    unknown = [name for name in _NOT_SERVERLESS if given["kind"] == SERVERLESS and given[name]]
    if unknown:
        raise Fault(
            f"{_option(unknown[0])} is given with --serverless",
            expected="what serverless endpoints have: no VPC, isolation, capture, disks' keys or instances",
            remedy="Leave it out, or deploy in real time.",
        )
    if given["kind"] == ASYNCHRONOUS and not given["async_output"]:
        raise Fault("--asynchronous is given without --async-output", expected="where answers go", remedy="Pass it.")


def _option(name: str) -> str:
    return {"subnets": "--subnet"}.get(name, f"--{name.replace('_', '-')}")


def hosting_of(aws: Aws, given: Mapping[str, Any], now: Present | None) -> Hosting:
    """Return where the model is to run; an update keeps the number of instances that there are `now`."""
    client = aws.client("sagemaker")
    kind = need_one_of(client, "ProductionVariantInstanceType", given["instance_type"], option="--instance-type")
    count = given["instance_count"] or (now.variant.get("InitialInstanceCount", 1) if now else 1)
    serverless = Serverless(int(given["memory_mb"]), given["max_concurrency"], given["provisioned_concurrency"])
    key = given["output_kms_key"]
    queue = Queue(
        str(given["async_output"]),
        str(given["async_failures"]) if given["async_failures"] else None,
        given["success_topic"],
        given["error_topic"],
        given["max_concurrent_per_instance"],
        key,
    )
    capture = Capture(given["capture_percent"], str(given["capture_to"]), key) if given["capture_to"] else None
    return Hosting(
        serverless if given["kind"] == SERVERLESS else Instances(kind, count),
        queue if given["kind"] == ASYNCHRONOUS else None,
        capture,
        given["kms_key"],
    )


def scaling_of(given: Mapping[str, Any]) -> Scaling | None:
    """Return how the endpoint is to scale, or None if no option says so."""
    waits = given["kind"] == ASYNCHRONOUS
    most, least = given["max_instances"], given["min_instances"]
    if most is None and least is None:
        return None
    floor = 0 if waits else 1
    least = floor if least is None else least
    if most is None or not floor <= least <= most:
        raise Fault(
            f"--min-instances is {least} and --max-instances {most}",
            expected=f"both, from {floor} on, the latter not less than the former",
            remedy="Correct them; only an asynchronous endpoint can scale down to 0.",
        )
    if waits:
        return Scaling(least, most, None, given["target_backlog"])
    return Scaling(least, most, given["target_invocations"], None)
