#!/usr/bin/env python3
"""Serve a model: an endpoint in real time, serverless or asynchronous, new or updated in place.

Runs in the environment that `scripts/setup aws` makes; `--help` has the options, docs/endpoints.md the permissions.

Knows the command line. Never knows what is in the container.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from command_line import checked, click, command, waiting_options, yes_option
from cost import agree
from endpoint_alarms import alarm_names
from endpoint_change import Change, create, replace
from endpoint_options import alarm_options, bills, deployment, put_alarms, rollout_options, served, served_options
from endpoint_parts import Present, find_endpoint, prefix, present
from endpoint_requests import VARIANT, Hosting, Served, Serverless, config_request, model_request, tags_of
from endpoint_scaling import Scaling
from faults import Fault
from hosting_options import hosting_of, hosting_options, need_fitting, scaling_of
from session import Aws
from values import name_at, need_name


@command
@click.argument("endpoint", metavar="ENDPOINT", callback=checked(need_name, option="ENDPOINT", longest=63))
@served_options
@hosting_options
@click.option("--update", is_flag=True, help="Replace what the existing endpoint serves, without a pause.")
@rollout_options
@alarm_options
@waiting_options
@yes_option
def main(aws: Aws, endpoint: str, **given: Any) -> str:
    """Deploy a model as ENDPOINT and print that name.

    A model, an endpoint configuration and the endpoint are made, with tags by which delete.py finds them.

    With --update the endpoint goes on answering while the new instances start; if they fail or an alarm goes off, it
    keeps the old ones. What is not given anew is as by default, but for the number of instances and the scaling.
    """
    need_fitting(given)
    scaling = scaling_of(given)
    _check(aws, endpoint, given)
    now = present(aws, endpoint) if given["update"] else None
    model, hosting = served(aws, given), hosting_of(aws, given, now)
    how = _deployment(endpoint, given, hosting)
    _agree(aws, endpoint, given, hosting, scaling)
    change = _change(endpoint, given, model, hosting, scaling, now)
    if now is None:
        create(aws, change, poll_seconds=given["poll_seconds"] if given["wait"] else None)
        put_alarms(aws, endpoint, change.variant, given)
    else:
        put_alarms(aws, endpoint, change.variant, given)
        replace(aws, now, change, how, poll_seconds=given["poll_seconds"])
    return endpoint


def _deployment(endpoint: str, given: Mapping[str, Any], hosting: Hosting) -> dict[str, Any] | None:
    """Return how the update proceeds; SageMaker takes a policy for instances only."""
    if isinstance(hosting.runs_on, Serverless):
        return None
    return deployment(given, alarm_names(endpoint) if given["alarms"] else [])


def _check(aws: Aws, endpoint: str, given: Mapping[str, Any]) -> None:
    if not given["update"] and aws.dry is None and find_endpoint(aws, endpoint) is not None:
        raise Fault(
            f"There is an endpoint '{endpoint}' already",
            expected="a new name",
            remedy="Pass --update to replace what it serves, or another name.",
        )
    if not given["wait"] and (given["update"] or given["max_instances"]):
        raise Fault(
            "--no-wait is given with --update or --max-instances",
            expected="to wait: the old configuration is removed, and scaling begins, when the endpoint is in service",
            remedy="Leave --no-wait out.",
        )


def _agree(aws: Aws, endpoint: str, given: Mapping[str, Any], hosting: Hosting, scaling: Scaling | None) -> None:
    phrase = bills(hosting.runs_on, scaling)
    twice = ", and the old instances until the update is through" if given["update"] else ""
    agree(aws, phrase + twice, stop=f"scripts/aws/delete.py {endpoint} ends it.", yes=given["yes"])


def _change(
    endpoint: str,
    given: Mapping[str, Any],
    model: Served,
    hosting: Hosting,
    scaling: Scaling | None,
    now: Present | None,
) -> Change:
    name = name_at(datetime.now(UTC), prefix=prefix(endpoint))
    tags = tags_of(endpoint, given["tags"])
    variant = now.variant["VariantName"] if now else VARIANT
    config = config_request(name, name, hosting, tags, variant=variant)
    return Change(endpoint, model_request(name, model, tags), config, scaling, given["tags"])


if __name__ == "__main__":
    main()
