"""What SageMaker may do as the role: read the tables, write the models, pull the image, tell how it goes.

Knows IAM's documents. Never knows the command line.

The actions are those that AWS names for the execution role of training jobs, transform jobs and endpoints:
https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from s3_address import Address

_VERSION = "2012-10-17"
_JOBS = ("TrainingJobs", "TransformJobs", "ProcessingJobs", "Endpoints")
_NETWORK = (
    *("CreateNetworkInterface", "CreateNetworkInterfacePermission"),
    *("DeleteNetworkInterface", "DeleteNetworkInterfacePermission"),
    *("DescribeDhcpOptions", "DescribeNetworkInterfaces", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"),
)
_KEYS = ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey")


@dataclass(frozen=True)
class Place:
    """The partition, region and account that the role is for."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of the service."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def s3(self, resource: str) -> str:
        """Return the ARN of a bucket or of objects."""
        return f"arn:{self.partition}:s3:::{resource}"


@dataclass(frozen=True)
class Needs:
    """What the role is to reach: addresses to read and write below, the image's repository, and what is not always so.

    `keys` of KMS and `topics` of SNS are ARNs.
    """

    data: Sequence[Address]
    repository: str
    keys: Sequence[str]
    topics: Sequence[str]
    in_vpc: bool


def trust(place: Place) -> dict[str, Any]:
    """Return who may work as the role: SageMaker, for this account alone."""
    return _document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": place.account}},
            }
        ]
    )


def permissions(place: Place, needs: Needs) -> dict[str, Any]:
    """Return what the role may do."""
    statements = [*_data(place, needs.data), *_image(place, needs.repository), *_telling(place)]
    if needs.keys:
        statements.append(_allow("Keys", [f"kms:{action}" for action in _KEYS], needs.keys))
        for_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        statements.append(_allow("Grants", ["kms:CreateGrant"], needs.keys) | {"Condition": for_aws})
    if needs.topics:
        statements.append(_allow("Topics", ["sns:Publish"], needs.topics))
    if needs.in_vpc:
        statements.append(_allow("Network", [f"ec2:{action}" for action in _NETWORK], ["*"]))
    return _document(statements)


def _data(place: Place, data: Sequence[Address]) -> list[dict[str, Any]]:
    objects = [place.s3(f"{address.below('*').bucket}/{address.below('*').key}") for address in data]
    listing = [
        _allow(f"List{number}", ["s3:ListBucket"], [place.s3(address.bucket)]) | _below(address)
        for number, address in enumerate(data, 1)
    ]
    return [_allow("Objects", ["s3:GetObject", "s3:PutObject"], objects), *listing]


def _below(address: Address) -> dict[str, Any]:
    prefix = address.key.strip("/")
    return {"Condition": {"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}}} if prefix else {}


def _image(place: Place, repository: str) -> list[dict[str, Any]]:
    layers = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    return [
        _allow("Image", layers, [place.arn("ecr", f"repository/{repository}")]),
        _allow("RegistryLogin", ["ecr:GetAuthorizationToken"], ["*"]),  # IAM knows no narrower resource for it
    ]


def _telling(place: Place) -> list[dict[str, Any]]:
    logs = [f"logs:{action}" for action in ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")]
    groups = [place.arn("logs", f"log-group:/aws/sagemaker/{jobs}*") for jobs in _JOBS]
    spaces = {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}
    return [
        _allow("Logs", logs, groups),
        _allow("Metrics", ["cloudwatch:PutMetricData"], ["*"]) | {"Condition": spaces},
        # An update that is turned back by an alarm looks at it as this role.
        _allow("Alarms", ["cloudwatch:DescribeAlarms"], [place.arn("cloudwatch", "alarm:*")]),
    ]


def _allow(name: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _document(statements: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": _VERSION, "Statement": list(statements)}
