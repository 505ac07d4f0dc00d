"""scripts/aws/role.py: a role that SageMaker alone may work as, and that reaches what it needs alone."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

import pytest
from aws_stand_in import ACCOUNT, REGION, Done, StandIn
from job_runs import planned, run

DATA = ("--data", "s3://features/fraud")
NAME = "fraud-detect-sagemaker"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:answers"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/ours"


@pytest.fixture(scope="module")
def documents(aws_of_module: StandIn) -> Any:
    done = run(aws_of_module, "role.py", *DATA)
    assert done.status == 0, done.errors
    return json.loads(done.said)


def allows(policy: Any, action: str, resource: str) -> bool:
    """Return whether a statement, whatever its conditions, allows the action on the resource."""
    return any(
        any(fnmatch.fnmatchcase(action, each) for each in statement["Action"])
        and any(fnmatch.fnmatchcase(resource, each) for each in statement["Resource"])
        for statement in policy["Statement"]
    )


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", "arn:aws:s3:::features/fraud/train/a.csv"),
        ("s3:PutObject", "arn:aws:s3:::features/fraud/jobs/a/output/model.tar.gz"),
        ("s3:ListBucket", "arn:aws:s3:::features"),
        ("ecr:BatchGetImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/fraud-detect"),
        ("ecr:GetAuthorizationToken", "*"),
        ("logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/TrainingJobs:log-stream:a"),
        ("logs:CreateLogStream", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/fraud"),
        ("cloudwatch:PutMetricData", "*"),
        ("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:fraud-errors"),
    ],
)
def test_what_jobs_and_endpoints_need_is_allowed(documents: Any, action: str, resource: str) -> None:
    assert allows(documents["PolicyDocument"], action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", "arn:aws:s3:::features/other/a.csv"),
        ("s3:PutObject", "arn:aws:s3:::transactions/fraud/a.csv"),
        ("s3:ListBucket", "arn:aws:s3:::transactions"),
        ("s3:DeleteBucket", "arn:aws:s3:::features"),
        ("s3:DeleteObject", "arn:aws:s3:::features/fraud/train/a.csv"),
        ("ecr:BatchGetImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/other"),
        ("ecr:PutImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/fraud-detect"),
        ("logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/other"),
        ("kms:Decrypt", KEY),
        ("ec2:CreateNetworkInterface", "*"),
        ("sns:Publish", TOPIC),
        ("sagemaker:CreateEndpoint", "*"),
        ("iam:PassRole", "*"),
    ],
)
def test_what_they_do_not_need_is_not(documents: Any, action: str, resource: str) -> None:
    assert not allows(documents["PolicyDocument"], action, resource)


def test_only_the_prefix_of_a_bucket_is_listed_and_only_sagemakers_metrics_are_put(documents: Any) -> None:
    statements = {each["Sid"]: each for each in documents["PolicyDocument"]["Statement"]}
    assert statements["List1"]["Condition"] == {"StringLike": {"s3:prefix": ["fraud", "fraud/*"]}}
    spaces = {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}
    assert statements["Metrics"]["Condition"] == spaces


def test_sagemaker_alone_may_work_as_it_and_for_this_account_alone(documents: Any) -> None:
    (statement,) = documents["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_keys_topics_and_a_vpc_are_allowed_when_asked_for(aws_of_module: StandIn) -> None:
    done = run(aws_of_module, "role.py", *DATA, "--kms-key", KEY, "--topic", TOPIC, "--vpc")
    policy = json.loads(done.said)["PolicyDocument"]
    assert allows(policy, "kms:GenerateDataKey", KEY)
    assert not allows(policy, "kms:Decrypt", f"{KEY}-of-others")
    assert allows(policy, "sns:Publish", TOPIC)
    assert allows(policy, "ec2:CreateNetworkInterface", "*")


def created(aws: StandIn, *more: str) -> Done:
    """Create the role, or renew it."""
    return run(aws, "role.py", *DATA, "--create", NAME, *more)


def test_the_created_role_has_the_printed_documents_and_its_arn_is_printed(aws: StandIn, documents: Any) -> None:
    done = created(aws, "--tag", "team=a")
    assert (done.status, done.said) == (0, f"arn:aws:iam::{ACCOUNT}:role/{NAME}\n"), done.errors
    iam = aws.client("iam")
    role = iam.get_role(RoleName=NAME)["Role"]
    assert role["AssumeRolePolicyDocument"] == documents["AssumeRolePolicyDocument"]
    assert {tag["Key"]: tag["Value"] for tag in role["Tags"]} == {"project": "fraud-detect", "team": "a"}
    policy = iam.get_role_policy(RoleName=NAME, PolicyName="fraud-detect")["PolicyDocument"]
    assert policy == documents["PolicyDocument"]


def test_a_second_run_renews_the_permissions(aws: StandIn) -> None:
    created(aws)
    done = created(aws, "--vpc")
    assert done.status == 0, done.errors
    policy = aws.client("iam").get_role_policy(RoleName=NAME, PolicyName="fraud-detect")["PolicyDocument"]
    assert allows(policy, "ec2:CreateNetworkInterface", "*")


def test_a_role_of_somebody_elses_is_left_alone(aws: StandIn) -> None:
    aws.client("iam").create_role(RoleName=NAME, AssumeRolePolicyDocument="{}")
    done = created(aws)
    assert done.status == 1
    assert done.errors.startswith(
        f"Error: There is a role '{NAME}', which this command did not create; expected no such"
    )
    assert aws.client("iam").list_role_policies(RoleName=NAME)["PolicyNames"] == []


def test_a_dry_run_creates_nothing_and_needs_no_credentials(aws: StandIn) -> None:
    done = run(aws, "role.py", *DATA, "--create", NAME, "--dry-run", without=("AWS_ACCESS_KEY_ID",))
    assert [each["operation"] for each in planned(done)] == ["CreateRole", "PutRolePolicy"]
    assert aws.seen == []
