#!/usr/bin/env python3
"""Print or create the role that SageMaker works as, with no more permissions than it needs.

Knows IAM and the command line. Never knows what runs as the role.
"""

from __future__ import annotations

import json
from typing import Any

from command_line import checked, click, command, tag_option
from faults import Fault, aws_faults
from role_policy import Needs, Place, permissions, trust
from s3_address import parse
from session import Aws
from values import PROJECT_TAG, need_name, tag_list

_POLICY = "fraud-detect"


def _addresses(texts: tuple[str, ...]) -> list[Any]:
    return [parse(text, option="--data") for text in texts]


@command
@click.option(
    "--data",
    required=True,
    multiple=True,
    metavar="S3",
    callback=checked(_addresses),
    help="Where tables are read and models written, such as s3://BUCKET/fraud; repeatable.",
)
@click.option("--repository", default="fraud-detect", show_default=True, metavar="NAME", help="The image's, in ECR.")
@click.option(
    "--kms-key", "keys", multiple=True, metavar="ARN", help="A KMS key that data is encrypted with; repeatable."
)
@click.option(
    "--topic", "topics", multiple=True, metavar="ARN", help="An SNS topic that is told of answers; repeatable."
)
@click.option("--vpc", is_flag=True, help="Allow jobs and endpoints in a VPC.")
@click.option(
    "--create",
    "name",
    metavar="NAME",
    callback=checked(need_name, option="--create", longest=64),
    help="Create the role, or renew the permissions of one that was created so, and print its ARN.",
)
@tag_option
def main(
    aws: Aws,
    data: list[Any],
    repository: str,
    keys: tuple[str, ...],
    topics: tuple[str, ...],
    vpc: bool,
    name: str | None,
    tags: dict[str, str],
) -> str:
    """Print who may work as the role and what it may do, as IAM's documents; with --create, create it.

    A role costs nothing.
    """
    place = _place(aws)
    documents = {
        "AssumeRolePolicyDocument": trust(place),
        "PolicyDocument": permissions(place, Needs(data, repository, keys, topics, in_vpc=vpc)),
    }
    if name is None:
        return json.dumps(documents, indent=2)
    with aws_faults():
        arn = _created(aws, name, json.dumps(documents["AssumeRolePolicyDocument"]), tags)
        aws.client("iam").put_role_policy(
            RoleName=name, PolicyName=_POLICY, PolicyDocument=json.dumps(documents["PolicyDocument"])
        )
    return arn


def _place(aws: Aws) -> Place:
    with aws_faults():
        account = aws.client("sts").get_caller_identity()["Account"]
    return Place(aws.session.get_partition_for_region(aws.region), aws.region, account)


def _created(aws: Aws, name: str, trusted: str, tags: dict[str, str]) -> str:
    """Return the ARN of the role, created or ours already; raise `Fault` for a role of somebody else's."""
    from botocore.exceptions import ClientError

    iam = aws.client("iam")
    try:
        found = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=trusted,
            Description="SageMaker as which fraud-detect trains and serves",
            Tags=tag_list(tags),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityAlreadyExists":
            raise
        found = iam.get_role(RoleName=name)
        ours = {"Key": PROJECT_TAG[0], "Value": PROJECT_TAG[1]}
        if ours not in found["Role"].get("Tags", []):
            raise Fault(
                f"There is a role '{name}', which this command did not create",
                expected=f"no such role, or one with the tag {'='.join(PROJECT_TAG)}",
                remedy="Choose another name, or give that role the printed permissions yourself.",
            ) from error
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trusted)
        aws.say(f"role {name} was there; its permissions are renewed")
        return str(found["Role"]["Arn"])
    iam.get_waiter("role_exists").wait(RoleName=name)
    aws.say(f"created role {name}; it may take a few seconds until SageMaker may work as it")
    return str(found["Role"]["Arn"])


if __name__ == "__main__":
    main()
