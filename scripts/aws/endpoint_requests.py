"""What SageMaker is asked for to serve a model: a model, an endpoint configuration, how traffic moves to it.

Knows SageMaker's request shapes. Never knows a client, the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from values import tag_list

ENDPOINT_TAG = "fraud-detect:endpoint"
"""The tag by which everything that was made for an endpoint is found again; its value is the endpoint's name."""
VARIANT, CHALLENGER = "AllTraffic", "Challenger"
LONGEST_UPDATE_SECONDS = 28_800
STARTING_SECONDS = 3_600
"""How long an update may take besides its waits."""
CSV_TYPES = ["text/csv"]
JSON_TYPES = ["application/json", "application/jsonlines"]


@dataclass(frozen=True)
class Served:
    """A model in its container: `model_data` is the address of its model.tar.gz, `vpc` as in `values.vpc`."""

    image: str
    model_data: str
    role: str
    environment: Mapping[str, str]
    isolated: bool
    vpc: Mapping[str, Any] | None


@dataclass(frozen=True)
class Instances:
    """Instances that run as long as the endpoint exists."""

    instance_type: str
    count: int


@dataclass(frozen=True)
class Serverless:
    """Containers that run for requests; `provisioned` of them are kept warm, None for none."""

    memory_mb: int
    max_concurrency: int
    provisioned: int | None


@dataclass(frozen=True)
class Queue:
    """Asynchronous requests: addresses of answers and failures, SNS topics, requests at once on an instance."""

    output: str
    failures: str | None
    success_topic: str | None
    error_topic: str | None
    max_concurrent: int | None
    kms_key: str | None


@dataclass(frozen=True)
class Capture:
    """Which share of requests and answers is kept, 1 to 100 percent, and below which address."""

    percent: int
    address: str
    kms_key: str | None


@dataclass(frozen=True)
class Hosting:
    """Where a model runs, and what is kept of its requests; `kms_key` encrypts the instances' disks."""

    runs_on: Instances | Serverless
    queue: Queue | None
    capture: Capture | None
    kms_key: str | None


@dataclass(frozen=True)
class Rollout:
    """How traffic moves to a new fleet: `ALL_AT_ONCE`, or in steps of `step_percent`, as `CANARY` or `LINEAR`.

    Each step is watched for `bake_seconds`; the old fleet is kept for `keep_seconds` after the last.
    """

    kind: str
    step_percent: int
    bake_seconds: int
    keep_seconds: int

    @property
    def waits_seconds(self) -> int:
        """How long an update waits in all."""
        steps = {"ALL_AT_ONCE": 1, "CANARY": 2, "LINEAR": -(-100 // self.step_percent)}[self.kind]
        return steps * self.bake_seconds + self.keep_seconds


def tags_of(endpoint: str, tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the tags of everything that is made for the endpoint."""
    return tag_list({**tags, ENDPOINT_TAG: endpoint})


def model_request(name: str, served: Served, tags: list[dict[str, str]]) -> dict[str, Any]:
    """Return the request of CreateModel."""
    container = {"Image": served.image, "ModelDataUrl": served.model_data, "Environment": dict(served.environment)}
    return _filled(
        ModelName=name,
        PrimaryContainer=_filled(**container),
        ExecutionRoleArn=served.role,
        EnableNetworkIsolation=served.isolated or None,
        VpcConfig=served.vpc,
        Tags=tags,
    )


def config_request(
    name: str, model: str, hosting: Hosting, tags: list[dict[str, str]], *, variant: str = VARIANT
) -> dict[str, Any]:
    """Return the request of CreateEndpointConfig."""
    return _filled(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": variant, "ModelName": model, **_variant(hosting.runs_on)}],
        AsyncInferenceConfig=hosting.queue and _asynchronous(hosting.queue),
        DataCaptureConfig=hosting.capture and _capture(hosting.capture),
        KmsKeyId=hosting.kms_key,
        Tags=tags,
    )


def deployment_config(rollout: Rollout, alarms: list[str]) -> dict[str, Any]:
    """Return how an update proceeds, and the alarms that turn it back."""
    step = {"Type": "CAPACITY_PERCENT", "Value": rollout.step_percent}
    routing = _filled(
        Type=rollout.kind,
        WaitIntervalInSeconds=rollout.bake_seconds,
        CanarySize=step if rollout.kind == "CANARY" else None,
        LinearStepSize=step if rollout.kind == "LINEAR" else None,
    )
    policy = {
        "TrafficRoutingConfiguration": routing,
        "TerminationWaitInSeconds": rollout.keep_seconds,
        "MaximumExecutionTimeoutInSeconds": rollout.waits_seconds + STARTING_SECONDS,
    }
    rollback = {"Alarms": [{"AlarmName": name} for name in alarms]} if alarms else None
    return _filled(BlueGreenUpdatePolicy=policy, AutoRollbackConfiguration=rollback)


def _variant(runs_on: Instances | Serverless) -> dict[str, Any]:
    if isinstance(runs_on, Instances):
        return {
            "InstanceType": runs_on.instance_type,
            "InitialInstanceCount": runs_on.count,
            "InitialVariantWeight": 1.0,
        }
    return {
        "ServerlessConfig": _filled(
            MemorySizeInMB=runs_on.memory_mb,
            MaxConcurrency=runs_on.max_concurrency,
            ProvisionedConcurrency=runs_on.provisioned,
        )
    }


def _asynchronous(queue: Queue) -> dict[str, Any]:
    client = _filled(MaxConcurrentInvocationsPerInstance=queue.max_concurrent)
    output = _filled(
        S3OutputPath=queue.output,
        S3FailurePath=queue.failures,
        KmsKeyId=queue.kms_key,
        NotificationConfig=_filled(SuccessTopic=queue.success_topic, ErrorTopic=queue.error_topic),
    )
    return _filled(ClientConfig=client, OutputConfig=output)


def _capture(capture: Capture) -> dict[str, Any]:
    # Types that are not named are captured as base64, which Model Monitor does not read.
    headers = {"CsvContentTypes": CSV_TYPES, "JsonContentTypes": JSON_TYPES}
    return _filled(
        EnableCapture=True,
        InitialSamplingPercentage=capture.percent,
        DestinationS3Uri=capture.address,
        KmsKeyId=capture.kms_key,
        CaptureOptions=[{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        CaptureContentTypeHeader=headers,
    )


def _filled(**members: Any) -> dict[str, Any]:
    """Return the members that say something."""
    return {name: value for name, value in members.items() if value is not None and value != {}}
