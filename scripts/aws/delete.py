#!/usr/bin/env python3
"""Delete an endpoint with everything that deploy.py and shadow.py made for it.

Runs in the environment that `scripts/setup aws` makes; `--help` has the options, docs/endpoints.md the permissions.

Knows the command line and the order of steps. Never knows how endpoints are made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from command_line import click, command, yes_option
from cost import need_yes
from endpoint_parts import (
    alarms_of,
    configs_of,
    find_endpoint,
    is_absent,
    is_of,
    models_of,
    remove_config,
    remove_model,
)
from endpoint_scaling import scaled, stop_scaling
from faults import Fault, aws_faults
from session import Aws, need_credentials
from watch import State, watch


@dataclass(frozen=True)
class Part:
    """Something to delete; `needed` says that what comes after it must stay if it stays."""

    what: str
    remove: Callable[[], None]
    needed: bool = False


@command
@click.argument("endpoint", metavar="ENDPOINT")
@click.option("--poll-seconds", type=float, default=5.0, show_default=True, help="Between questions while waiting.")
@yes_option
def main(aws: Aws, endpoint: str, poll_seconds: float, yes: bool) -> None:
    """Delete ENDPOINT, its configurations, models, alarms and automatic scaling, as far as they have its tag.

    What is to go is listed first. The files in S3, the image, the role and the logs stay. It can be run again: it
    deletes what is still there. A dry run asks AWS what there is, and deletes nothing.
    """
    if aws.dry is not None:
        need_credentials(aws.session)
        aws.dry.asks = True
    parts = _parts(aws, endpoint, poll_seconds)
    if not parts:
        aws.say(f"nothing is left of endpoint '{endpoint}' in {aws.region}")
        return
    for part in parts:
        click.echo(f"to delete: {part.what}", err=True)
    if aws.dry is None and not yes:
        need_yes("Delete them?")
    _delete(aws, endpoint, parts)


def _parts(aws: Aws, endpoint: str, poll_seconds: float) -> list[Part]:
    """Return what there is, in the order in which it may go."""
    found = find_endpoint(aws, endpoint)
    if found is not None and not is_of(aws, endpoint, found["EndpointArn"]):
        raise Fault(
            f"Endpoint '{endpoint}' has no tag of ours",
            expected="one that scripts/aws/deploy.py made",
            remedy=f"If it is to go all the same: `aws sagemaker delete-endpoint --endpoint-name {endpoint}`.",
        )
    parts = [
        Part(f"scaling of {one.target['ResourceId']}", partial(stop_scaling, aws, one)) for one in scaled(aws, endpoint)
    ]
    alarms = alarms_of(aws, endpoint)
    if alarms:
        parts.append(Part(f"alarms {', '.join(alarms)}", partial(_remove_alarms, aws, alarms)))
    if found is not None:
        parts.append(Part(f"endpoint {endpoint}", partial(_remove_endpoint, aws, endpoint, poll_seconds), needed=True))
    parts += [Part(f"configuration {name}", partial(remove_config, aws, name)) for name in configs_of(aws, endpoint)]
    parts += [Part(f"model {name}", partial(remove_model, aws, name)) for name in models_of(aws, endpoint)]
    return parts


def _delete(aws: Aws, endpoint: str, parts: list[Part]) -> None:
    left: list[str] = []
    for number, part in enumerate(parts):
        try:
            part.remove()
        except Fault as fault:
            if not is_absent(fault):
                left.append(f"{part.what} ({fault})")
                if part.needed:
                    left += [later.what for later in parts[number + 1 :]]
                    break
        else:
            aws.say(f"deleted: {part.what}")
    if left:
        raise Fault(
            f"Of endpoint '{endpoint}' these are left: {'; '.join(left)}",
            expected="all to be deleted",
            remedy="Mend what is named, then run this again.",
        )


def _remove_alarms(aws: Aws, names: list[str]) -> None:
    with aws_faults():
        aws.client("cloudwatch").delete_alarms(AlarmNames=names)


def _remove_endpoint(aws: Aws, endpoint: str, poll_seconds: float) -> None:
    with aws_faults():
        aws.client("sagemaker").delete_endpoint(EndpointName=endpoint)

    def ask() -> State:
        found = find_endpoint(aws, endpoint)
        return State("gone") if found is None else State(found["EndpointStatus"], found.get("FailureReason", ""))

    if aws.dry is None:
        interrupted = "The endpoint is being deleted; run this again for its configurations and models."
        watch(ask, aws.pace(poll_seconds), until=("gone",), on_interrupt=interrupted)


if __name__ == "__main__":
    main()
