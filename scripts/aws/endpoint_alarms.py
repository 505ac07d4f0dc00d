"""Alarms on an endpoint: they turn an update back, wake an endpoint without instances, and can tell people.

Knows CloudWatch. Never knows the command line, what is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from endpoint_requests import tags_of
from faults import aws_faults
from session import Aws


@dataclass(frozen=True)
class Limits:
    """What an endpoint may come to: errors as a percentage of requests, the 99th percentile of latency in ms.

    `topic` is the ARN of the SNS topic that is told, None for nobody.
    """

    error_percent: float
    latency_ms: float
    topic: str | None


def alarm_names(endpoint: str) -> list[str]:
    """Return the names of the alarms that `watch_endpoint` puts."""
    return [f"{endpoint}-errors", f"{endpoint}-latency"]


def watch_endpoint(aws: Aws, endpoint: str, variant: str, limits: Limits, tags: Mapping[str, str]) -> None:
    """Put the alarms on errors of the server (5xx) and on latency; those of the same name are replaced."""
    errors, latency = alarm_names(endpoint)
    where = {"EndpointName": endpoint, "VariantName": variant}
    topic = [limits.topic] if limits.topic else []
    rate = {"MetricName": "Invocation5XXErrors", "Statistic": "Average", "Threshold": limits.error_percent / 100}
    microseconds = {
        "MetricName": "ModelLatency",
        "ExtendedStatistic": "p99",
        "Threshold": limits.latency_ms * 1000,
        "EvaluateLowSampleCountPercentile": "ignore",
    }
    _put(aws, errors, f"more than {limits.error_percent:g} % of requests ended as 5xx", where, tags, topic, rate)
    _put(aws, latency, f"1 % of requests took more than {limits.latency_ms:g} ms", where, tags, topic, microseconds)


def backlog_alarm(aws: Aws, endpoint: str, policy: str, tags: Mapping[str, str]) -> None:
    """Put the alarm that runs the scaling policy, an ARN, when requests wait and there is no instance."""
    metric = {
        "MetricName": "HasBacklogWithoutCapacity",
        "Statistic": "Average",
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    }
    name = f"{endpoint}-waiting"
    _put(aws, name, "requests wait without an instance", {"EndpointName": endpoint}, tags, [policy], metric)


def _put(
    aws: Aws,
    name: str,
    means: str,
    where: Mapping[str, str],
    tags: Mapping[str, str],
    actions: list[str],
    metric: Mapping[str, Any],
) -> None:
    usual = {
        "Namespace": "AWS/SageMaker",
        "ComparisonOperator": "GreaterThanThreshold",
        "Period": 60,
        "EvaluationPeriods": 2,
        "TreatMissingData": "notBreaching",
    }
    with aws_faults():
        aws.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            AlarmDescription=f"Endpoint {where['EndpointName']}: {means}.",
            Dimensions=[{"Name": key, "Value": value} for key, value in where.items()],
            AlarmActions=actions,
            Tags=tags_of(where["EndpointName"], tags),
            **{**usual, **metric},
        )
