"""A training job as SageMaker's API takes it, alone or as one of a tuning job.

Knows the API's words. Never knows the command line, what the container does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from s3_address import Address


@dataclass(frozen=True)
class Channel:
    """Where the files of a channel are, and whether each host gets all of them or its share."""

    name: str
    address: Address
    sharded: bool = False

    def request(self, input_mode: str) -> dict[str, Any]:
        """Return SageMaker's `Channel`."""
        distribution = "ShardedByS3Key" if self.sharded else "FullyReplicated"
        source = {"S3DataType": "S3Prefix", "S3Uri": self.address.as_prefix, "S3DataDistributionType": distribution}
        return {"ChannelName": self.name, "InputMode": input_mode, "DataSource": {"S3DataSource": source}}


@dataclass(frozen=True)
class Machines:
    """What a job runs on, for `max_seconds` at most; on spot instances waiting included for `max_wait_seconds`."""

    instance_type: str
    instance_count: int
    volume_gb: int
    max_seconds: int
    max_wait_seconds: int | None

    @property
    def is_spot(self) -> bool:
        """Whether the job runs on spot instances."""
        return self.max_wait_seconds is not None


@dataclass(frozen=True)
class Guards:
    """What keeps the job and its data to itself."""

    isolated: bool
    encrypted_traffic: bool
    vpc: Mapping[str, Any] | None
    output_key: str | None
    volume_key: str | None


@dataclass(frozen=True)
class Job:
    """What training jobs and those of tuning jobs have in common."""

    image: str
    role: str
    channels: tuple[Channel, ...]
    output: Address
    input_mode: str
    metrics: list[dict[str, str]]
    machines: Machines
    guards: Guards
    environment: Mapping[str, str]

    def request(self, checkpoints: Address | None) -> dict[str, Any]:
        """Return the members that CreateTrainingJob and HyperParameterTrainingJobDefinition share."""
        return {
            "AlgorithmSpecification": {
                "TrainingImage": self.image,
                "TrainingInputMode": self.input_mode,
                "MetricDefinitions": self.metrics,
            },
            "RoleArn": self.role,
            "InputDataConfig": [channel.request(self.input_mode) for channel in self.channels],
            "OutputDataConfig": {"S3OutputPath": str(self.output)} | _given(KmsKeyId=self.guards.output_key),
            "ResourceConfig": self._resources(),
            "StoppingCondition": {"MaxRuntimeInSeconds": self.machines.max_seconds}
            | _given(MaxWaitTimeInSeconds=self.machines.max_wait_seconds),
            "EnableManagedSpotTraining": self.machines.is_spot,
            "EnableNetworkIsolation": self.guards.isolated,
            "EnableInterContainerTrafficEncryption": self.guards.encrypted_traffic,
            **_given(
                VpcConfig=self.guards.vpc,
                CheckpointConfig={"S3Uri": str(checkpoints)} if checkpoints else None,
                Environment=dict(self.environment) or None,
            ),
        }

    def _resources(self) -> dict[str, Any]:
        return {
            "InstanceType": self.machines.instance_type,
            "InstanceCount": self.machines.instance_count,
            "VolumeSizeInGB": self.machines.volume_gb,
            **_given(VolumeKmsKeyId=self.guards.volume_key),
        }


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
