"""Make an endpoint, or replace what it serves: the new is removed if it fails, the old once the new serves.

Knows the order of steps and what to undo. Never knows the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from endpoint_parts import Present, arn_of_model, is_of, remove_config, remove_model
from endpoint_requests import tags_of
from endpoint_scaling import Scaled, Scaling, scale, scale_as_before, scaled, stop_scaling
from faults import Fault, aws_faults
from session import Aws
from watch import State, watch

_ENDED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed", "rolled back")


@dataclass(frozen=True)
class Change:
    """What an endpoint is to become: requests of a new model, if any, and of a new configuration."""

    endpoint: str
    model: Mapping[str, Any] | None
    config: Mapping[str, Any]
    scaling: Scaling | None
    tags: Mapping[str, str]

    @property
    def config_name(self) -> str:
        """The new configuration's name."""
        return str(self.config["EndpointConfigName"])

    @property
    def variant(self) -> str:
        """The production variant's name."""
        return str(self.config["ProductionVariants"][0]["VariantName"])


def create(aws: Aws, change: Change, *, poll_seconds: float | None) -> None:
    """Create the endpoint; return once it is in service, or at once without `poll_seconds`."""
    _make(aws, change)
    try:
        with aws_faults():
            aws.client("sagemaker").create_endpoint(
                EndpointName=change.endpoint,
                EndpointConfigName=change.config_name,
                Tags=tags_of(change.endpoint, change.tags),
            )
    except Fault:
        _unmake(aws, change)
        raise
    if poll_seconds is None:
        return
    ended = _wait(aws, change, poll_seconds, "It can be deleted with scripts/aws/delete.py.")
    if ended.name != "InService":
        raise Fault(
            f"Endpoint '{change.endpoint}' is {ended.name}: {_reason(ended)}",
            expected="InService",
            remedy=f"{_log(change.endpoint)} Delete what was made: scripts/aws/delete.py {change.endpoint}.",
        )
    if change.scaling is not None:
        scale(aws, change.endpoint, change.variant, change.scaling, change.tags)


def replace(
    aws: Aws, present: Present, change: Change, deployment: Mapping[str, Any] | None, *, poll_seconds: float
) -> None:
    """Update the endpoint in place; return once it serves what is new, without what is old.

    Automatic scaling is off meanwhile, as SageMaker wants it, and goes on afterwards, whatever came of the update.
    """
    before = scaled(aws, present.name)
    _make(aws, change)
    try:
        for one in before:
            stop_scaling(aws, one)
        with aws_faults():
            aws.client("sagemaker").update_endpoint(
                EndpointName=present.name,
                EndpointConfigName=change.config_name,
                **({"DeploymentConfig": deployment} if deployment else {}),
            )
    except Fault:
        _turn_back(aws, present, change, before)
        raise
    ended = _wait(aws, change, poll_seconds, _while_interrupted(before))
    if ended.name == "rolled back":
        _turn_back(aws, present, change, before)
    if ended.name != "InService":
        kept = (
            "The endpoint serves what it did before." if ended.name == "rolled back" else "Look at it in the console."
        )
        raise Fault(
            f"The update of endpoint '{present.name}' ended as {ended.name}: {_reason(ended)}",
            expected=f"InService with {change.config_name}",
            remedy=f"{kept} {_log(present.name)}",
        )
    _go_on(aws, present, change, before)


def _make(aws: Aws, change: Change) -> None:
    client = aws.client("sagemaker")
    with aws_faults():
        if change.model is not None:
            client.create_model(**change.model)
    try:
        with aws_faults():
            client.create_endpoint_config(**change.config)
            # AWS's advice: what has been read once is there for CreateEndpoint too.
            client.describe_endpoint_config(EndpointConfigName=change.config_name)
    except Fault:
        _remove_new_model(aws, change)
        raise


def _unmake(aws: Aws, change: Change) -> None:
    _tidy(aws, change.config_name, partial(remove_config, aws, change.config_name))
    _remove_new_model(aws, change)


def _remove_new_model(aws: Aws, change: Change) -> None:
    if change.model is not None:
        name = str(change.model["ModelName"])
        _tidy(aws, name, partial(remove_model, aws, name))


def _turn_back(aws: Aws, present: Present, change: Change, before: list[Scaled]) -> None:
    _unmake(aws, change)
    for one in before:
        _tidy(aws, "scaling", partial(_scale_again, aws, present, change, one))


def _go_on(aws: Aws, present: Present, change: Change, before: list[Scaled]) -> None:
    _remove_old(aws, present, change)
    if change.scaling is not None:
        scale(aws, present.name, change.variant, change.scaling, change.tags)
    else:
        for one in before:
            _scale_again(aws, present, change, one)


def _scale_again(aws: Aws, present: Present, change: Change, before: Scaled) -> None:
    scale_as_before(aws, present.name, change.variant, before, change.tags)


def _remove_old(aws: Aws, present: Present, change: Change) -> None:
    """Remove what the endpoint served before, where it was made for it, and not what somebody else made."""
    used = {
        variant["ModelName"]
        for kind in ("ProductionVariants", "ShadowProductionVariants")
        for variant in change.config.get(kind, [])
    }
    _tidy(aws, present.config_name, partial(_remove_old_config, aws, present))
    for model in sorted(present.models - used):
        _tidy(aws, model, partial(_remove_old_model, aws, present, model))


def _remove_old_config(aws: Aws, present: Present) -> None:
    if is_of(aws, present.name, present.config["EndpointConfigArn"]):
        remove_config(aws, present.config_name)


def _remove_old_model(aws: Aws, present: Present, model: str) -> None:
    if is_of(aws, present.name, arn_of_model(aws, model)):
        remove_model(aws, model)


def _tidy(aws: Aws, what: str, remove: Callable[[], None]) -> None:
    """Do what the outcome does not depend on; say it if it fails."""
    try:
        remove()
    except Fault as fault:
        aws.say(f"left as it is: {what}: {fault}")


def _wait(aws: Aws, change: Change, poll_seconds: float, interrupted: str) -> State:
    client = aws.client("sagemaker")
    begun = False

    def ask() -> State:
        nonlocal begun
        found = client.describe_endpoint(EndpointName=change.endpoint)
        status = found["EndpointStatus"]
        begun = begun or status != "InService"
        if status == "InService" and found["EndpointConfigName"] != change.config_name:
            # Just after the request, the answer may still be of the time before it.
            status = "rolled back" if begun else "not begun"
        return State(status, found.get("FailureReason", ""), _detail(found))

    if aws.dry is not None:
        return State("InService")
    told = f"`aws sagemaker describe-endpoint --endpoint-name {change.endpoint}` tells how far AWS is. {interrupted}"
    try:
        return watch(ask, aws.pace(poll_seconds), until=_ENDED, on_interrupt=told)
    except Fault as fault:
        if not isinstance(fault.__cause__, KeyboardInterrupt):  # else it has said so
            aws.say(told)
        raise


def _detail(found: Mapping[str, Any]) -> str:
    """Return what each variant is in the middle of."""
    pending = found.get("PendingDeploymentSummary") or found
    states = [
        f"{variant['VariantName']} {state['Status']}"
        for variant in pending.get("ProductionVariants", [])
        for state in variant.get("VariantStatus", [])
    ]
    return ", ".join(states)


def _reason(ended: State) -> str:
    return ended.reason.rstrip(".") or "no reason given"


def _log(endpoint: str) -> str:
    return f"Its log has more: `aws logs tail /aws/sagemaker/Endpoints/{endpoint} --since 1h`."


def _while_interrupted(before: list[Scaled]) -> str:
    bounds = [f"{one.target['MinCapacity']} and {one.target['MaxCapacity']} instances" for one in before]
    if not bounds:
        return "What it served before stays; scripts/aws/delete.py removes it with the endpoint."
    return f"It does not scale any more, which it did between {bounds[0]}: update it again with --max-instances."
