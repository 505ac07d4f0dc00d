#!/usr/bin/env python3
"""Let a challenger answer a copy of an endpoint's requests, unseen by those who ask; promote it, or stop it.

Runs in the environment that `scripts/setup aws` makes; `--help` has the options, docs/endpoints.md the permissions.

Knows the command line. Never knows what is in the container.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from command_line import click, command, yes_option
from cost import agree
from endpoint_change import Change, replace
from endpoint_options import bills, deployment, rollout_options, served, served_options
from endpoint_parts import Present, alarms_of, prefix, present
from endpoint_requests import CHALLENGER, Instances, model_request, tags_of
from faults import Fault
from session import Aws
from values import name_at, need_one_of

START, PROMOTE, STOP = "start", "promote", "stop"
_NOT_COPIED = {"EndpointConfigName", "ProductionVariants", "ShadowProductionVariants", "Tags"}


@command
@click.argument("endpoint", metavar="ENDPOINT")
@click.option("--start", "step", flag_value=START, default=START, help="Make the challenger (the default).")
@click.option("--promote", "step", flag_value=PROMOTE, help="Let the challenger's model answer instead.")
@click.option("--stop", "step", flag_value=STOP, help="Remove the challenger.")
@click.option(
    "--sampling-percent",
    type=click.IntRange(1, 100),
    default=100,
    show_default=True,
    help="How many of the requests the challenger answers too.",
)
@click.option("--instance-type", metavar="TYPE", help="The challenger's (those of the endpoint).")
@click.option("--instance-count", type=click.IntRange(1), metavar="N", help="The challenger's (as many as there are).")
@served_options
@rollout_options
@click.option("--poll-seconds", type=float, default=10.0, show_default=True, help="Between questions while waiting.")
@yes_option
def main(aws: Aws, endpoint: str, **given: Any) -> str:
    """Give ENDPOINT a shadow variant, `Challenger`: it answers the same requests, and its answers go nowhere.

    Its latency and errors are in CloudWatch beside those of the variant that answers, and with data capture so are its
    answers. The endpoint must be one in real time, with one model; its alarms turn these changes back too.
    """
    now = present(aws, endpoint)
    _check(now, given["step"])
    change = {START: _start, PROMOTE: _promote, STOP: _stop}[given["step"]](aws, now, given)
    replace(aws, now, change, deployment(given, alarms_of(aws, endpoint)), poll_seconds=given["poll_seconds"])
    return endpoint


def _check(now: Present, step: str) -> None:
    if "ServerlessConfig" in now.variant or now.config.get("AsyncInferenceConfig"):
        raise Fault(
            f"Endpoint '{now.name}' is serverless or asynchronous",
            expected="one in real time: SageMaker has shadow variants only there",
            remedy="Deploy the challenger as an endpoint of its own.",
        )
    if step != START and not now.shadows:
        raise Fault(
            f"Endpoint '{now.name}' has no challenger",
            expected="one",
            remedy="Make it first: scripts/aws/shadow.py without --promote and --stop.",
        )


def _start(aws: Aws, now: Present, given: Mapping[str, Any]) -> Change:
    model = served(aws, given)
    runs_on = Instances(
        given["instance_type"] or now.variant["InstanceType"],
        given["instance_count"] or now.variant["InitialInstanceCount"],
    )
    need_one_of(
        aws.client("sagemaker"), "ProductionVariantInstanceType", runs_on.instance_type, option="--instance-type"
    )
    stop = f"scripts/aws/shadow.py {now.name} --stop ends it."
    agree(aws, f"beside what it does now, {bills(runs_on)}", stop=stop, yes=given["yes"])
    name = _name(now)
    shadow = {
        "VariantName": CHALLENGER,
        "ModelName": name,
        "InstanceType": runs_on.instance_type,
        "InitialInstanceCount": runs_on.count,
        # The share of the requests is this weight's ratio to the production variant's.
        "InitialVariantWeight": given["sampling_percent"] / 100,
    }
    config = _config(aws, now, given, variant={**now.variant, "InitialVariantWeight": 1.0}, shadows=[shadow])
    tags = tags_of(now.name, given["tags"])
    return Change(now.name, model_request(name, model, tags), config, None, given["tags"])


def _promote(aws: Aws, now: Present, given: Mapping[str, Any]) -> Change:
    _agree_to_replace(aws, now, given)
    variant = {**now.variant, "ModelName": now.shadows[0]["ModelName"]}
    return Change(now.name, None, _config(aws, now, given, variant=variant, shadows=[]), None, given["tags"])


def _stop(aws: Aws, now: Present, given: Mapping[str, Any]) -> Change:
    _agree_to_replace(aws, now, given)
    return Change(now.name, None, _config(aws, now, given, variant=now.variant, shadows=[]), None, given["tags"])


def _agree_to_replace(aws: Aws, now: Present, given: Mapping[str, Any]) -> None:
    runs_on = Instances(now.variant["InstanceType"], now.variant["InitialInstanceCount"])
    until = f"{bills(runs_on)}, and the instances of now until the update is through"
    agree(aws, until, stop=f"scripts/aws/delete.py {now.name} ends it.", yes=given["yes"])


def _config(
    aws: Aws, now: Present, given: Mapping[str, Any], *, variant: Mapping[str, Any], shadows: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the request of a configuration like the present one, with these variants."""
    shape = aws.client("sagemaker").meta.service_model.operation_model("CreateEndpointConfig").input_shape
    copied = {key: now.config[key] for key in shape.members if key in now.config and key not in _NOT_COPIED}
    return {
        **copied,
        "EndpointConfigName": _name(now),
        "ProductionVariants": [dict(variant)],
        **({"ShadowProductionVariants": shadows} if shadows else {}),
        "Tags": tags_of(now.name, given["tags"]),
    }


def _name(now: Present) -> str:
    return name_at(datetime.now(UTC), prefix=prefix(now.name))


if __name__ == "__main__":
    main()
