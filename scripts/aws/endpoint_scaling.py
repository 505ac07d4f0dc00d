"""How many instances an endpoint has, by its load.

Knows Application Auto Scaling. Never knows the command line, what is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from endpoint_alarms import backlog_alarm
from endpoint_requests import ENDPOINT_TAG
from faults import aws_faults
from session import Aws

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
NAMESPACE = "sagemaker"
COOLDOWN_SECONDS = 300
_POLICY = (
    "PolicyName",
    "PolicyType",
    "StepScalingPolicyConfiguration",
    "TargetTrackingScalingPolicyConfiguration",
)


@dataclass(frozen=True)
class Scaling:
    """Bounds, and the load that each instance is meant to have.

    `invocations` are requests a minute and instance; `backlog` those waiting for each instance, of an asynchronous
    endpoint. The other one is None.
    """

    least: int
    most: int
    invocations: float | None
    backlog: float | None


@dataclass(frozen=True)
class Scaled:
    """What was registered for an endpoint's variant: the target and its policies, as AWS describes them."""

    target: Mapping[str, Any]
    policies: list[Mapping[str, Any]]


def resource(endpoint: str, variant: str) -> str:
    """Return the variant's name in Application Auto Scaling."""
    return f"endpoint/{endpoint}/variant/{variant}"


def scale(aws: Aws, endpoint: str, variant: str, scaling: Scaling, tags: Mapping[str, str]) -> None:
    """Register the variant, which is in service, and put its policies."""
    client = aws.client("application-autoscaling")
    _register(client, resource(endpoint, variant), scaling.least, scaling.most, {**tags, ENDPOINT_TAG: endpoint})
    for policy in _policies(endpoint, scaling):
        _put(aws, client, endpoint, variant, policy, tags)
    aws.say(f"scales between {scaling.least} and {scaling.most} instances")


def _register(client: Any, name: str, least: int, most: int, tags: Mapping[str, str]) -> None:
    with aws_faults():
        client.register_scalable_target(
            ServiceNamespace=NAMESPACE,
            ResourceId=name,
            ScalableDimension=DIMENSION,
            MinCapacity=least,
            MaxCapacity=most,
            Tags=dict(tags),
        )


def _policies(endpoint: str, scaling: Scaling) -> list[dict[str, Any]]:
    if scaling.backlog is None:
        return [_tracking(f"{endpoint}-invocations", scaling.invocations, _PER_INSTANCE)]
    policies = [_tracking(f"{endpoint}-backlog", scaling.backlog, _backlog_metric(endpoint))]
    return [*policies, _from_zero(endpoint)] if scaling.least == 0 else policies


_PER_INSTANCE = {
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
}


def _backlog_metric(endpoint: str) -> dict[str, Any]:
    metric = {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
        "Statistic": "Average",
    }
    return {"CustomizedMetricSpecification": metric}


def _tracking(name: str, target: float | None, metric: Mapping[str, Any]) -> dict[str, Any]:
    cooldown = {"ScaleInCooldown": COOLDOWN_SECONDS, "ScaleOutCooldown": 60}
    return {
        "PolicyName": name,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {"TargetValue": target, **metric, **cooldown},
    }


def _from_zero(endpoint: str) -> dict[str, Any]:
    """Return the policy that a backlog without any instance sets off: target tracking begins with the first one."""
    steps = {
        "AdjustmentType": "ChangeInCapacity",
        "MetricAggregationType": "Average",
        "Cooldown": COOLDOWN_SECONDS,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    }
    return {
        "PolicyName": f"{endpoint}-from-zero",
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": steps,
    }


def _put(
    aws: Aws, client: Any, endpoint: str, variant: str, policy: Mapping[str, Any], tags: Mapping[str, str]
) -> None:
    with aws_faults():
        put = client.put_scaling_policy(
            ServiceNamespace=NAMESPACE,
            ResourceId=resource(endpoint, variant),
            ScalableDimension=DIMENSION,
            **policy,
        )
    if policy["PolicyName"] == f"{endpoint}-from-zero":
        backlog_alarm(aws, endpoint, put["PolicyARN"], tags)


def scaled(aws: Aws, endpoint: str) -> list[Scaled]:
    """Return what is registered for the variants of an endpoint, in service or gone."""
    client = aws.client("application-autoscaling")
    with aws_faults():
        pages = client.get_paginator("describe_scalable_targets").paginate(ServiceNamespace=NAMESPACE)
        targets = [target for page in pages for target in page.get("ScalableTargets", [])]
        ours = [target for target in targets if target["ResourceId"].startswith(resource(endpoint, ""))]
        return [Scaled(target, _policies_of(client, target["ResourceId"])) for target in ours]


def _policies_of(client: Any, name: str) -> list[Mapping[str, Any]]:
    pages = client.get_paginator("describe_scaling_policies")
    found = pages.paginate(ServiceNamespace=NAMESPACE, ResourceId=name, ScalableDimension=DIMENSION)
    return [policy for page in found for policy in page["ScalingPolicies"]]


def stop_scaling(aws: Aws, existing: Scaled) -> None:
    """Deregister a variant; its policies and their alarms go with it."""
    with aws_faults():
        aws.client("application-autoscaling").deregister_scalable_target(
            ServiceNamespace=NAMESPACE,
            ResourceId=existing.target["ResourceId"],
            ScalableDimension=existing.target["ScalableDimension"],
        )


def scale_as_before(aws: Aws, endpoint: str, variant: str, before: Scaled, tags: Mapping[str, str]) -> None:
    """Register the variant with the bounds and policies that it had."""
    client = aws.client("application-autoscaling")
    target = before.target
    _register(
        client, target["ResourceId"], target["MinCapacity"], target["MaxCapacity"], {**tags, ENDPOINT_TAG: endpoint}
    )
    for policy in before.policies:
        _put(aws, client, endpoint, variant, {key: policy[key] for key in _POLICY if key in policy}, tags)
    aws.say(f"scales between {target['MinCapacity']} and {target['MaxCapacity']} instances, as before")
