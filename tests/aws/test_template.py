"""The CloudFormation template is valid, makes what it says, and watches what the server logs."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from aws_stand_in import ACCOUNT, PYTHON, REGION, REPOSITORY, StandIn
from job_runs import run

from fraud_detect.serving.nginx import LOG_FORMATS

TEMPLATE = REPOSITORY / "infrastructure/fraud-detect.yaml"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fraud-detect:0.1.0"
MODEL = "s3://a-bucket/jobs/first/output/model.tar.gz"
EXPECTED, FACTOR = 0.002, 3


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's own tags as `{tag: value}`."""


def _tagged(loader: Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {tag: loader.construct_sequence(node, deep=True)}


Loader.add_multi_constructor("!", _tagged)


@pytest.fixture(scope="module")
def resources() -> Mapping[str, Any]:
    document: Mapping[str, Any] = yaml.load(TEMPLATE.read_text(), Loader)  # noqa: S506 (a safe loader with tags)
    found: Mapping[str, Any] = document["Resources"]
    return found


def of_type(resources: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {name: made["Properties"] for name, made in resources.items() if made["Type"] == kind}


def statements(resources: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give every statement of the roles' policies."""
    policies = [made["PolicyDocument"] for made in of_type(resources, "AWS::IAM::ManagedPolicy").values()]
    for role in of_type(resources, "AWS::IAM::Role").values():
        policies += [policy["PolicyDocument"] for policy in role["Policies"]]
    for policy in policies:
        for statement in policy["Statement"]:
            yield statement["If"][1] if "If" in statement else statement


def create(aws: StandIn, **parameters: str) -> Mapping[str, str]:
    """Make the stack with the parameters and return its outputs."""
    cloudformation = aws.client("cloudformation")
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    cloudformation.create_stack(
        StackName="fraud", TemplateBody=TEMPLATE.read_text(), Capabilities=["CAPABILITY_IAM"], Parameters=given
    )
    (stack,) = cloudformation.describe_stacks(StackName="fraud")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.mark.usefixtures("moto_port")
def test_cfn_lint_finds_nothing() -> None:
    done = subprocess.run(
        [PYTHON.with_name("cfn-lint"), "--include-checks", "I", "--regions", REGION, "us-east-1", "--", TEMPLATE],
        check=False,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_stack_without_a_model_has_no_endpoint(aws: StandIn) -> None:
    outputs = create(aws)

    assert outputs.keys() == {"BucketName", "RepositoryUri", "TrainingRoleArn", "EndpointRoleArn"}
    assert aws.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert outputs["RepositoryUri"] == IMAGE.partition(":")[0]


def test_bucket_is_encrypted(aws: StandIn) -> None:
    encryption = aws.client("s3").get_bucket_encryption(Bucket=create(aws)["BucketName"])

    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_bucket_is_private_and_asked_by_tls_alone(resources: Mapping[str, Any]) -> None:
    bucket = resources["Bucket"]["Properties"]
    (denied,) = resources["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_stack_with_a_model_has_an_endpoint_of_it(aws: StandIn) -> None:
    outputs = create(aws, ImageUri=IMAGE, ModelDataUrl=MODEL, AlarmEmail="alarms@example.com")

    sagemaker = aws.client("sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName=outputs["EndpointName"])
    configuration = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=configuration["ProductionVariants"][0]["ModelName"])
    assert model["PrimaryContainer"] == {"Image": IMAGE, "ModelDataUrl": MODEL}
    assert model["ExecutionRoleArn"] == outputs["EndpointRoleArn"]


def test_workflow_may_push_from_one_branch_of_one_repository(aws: StandIn) -> None:
    role = create(aws, GitHubRepository="shop/fraud", GitHubBranch="release")["PushRoleArn"].rpartition("/")[2]

    trust = aws.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    condition = trust["Statement"][0]["Condition"]["StringEquals"]
    assert condition["token.actions.githubusercontent.com:sub"] == "repo:shop/fraud:ref:refs/heads/release"


def test_roles_may_do_no_more_than_is_named(resources: Mapping[str, Any]) -> None:
    """Two actions have no resource that they can be limited to."""
    everywhere = {found["Sid"] for found in statements(resources) if found["Resource"] == "*"}
    actions = {action for found in statements(resources) for action in actions_of(found)}

    assert everywhere == {"LogInToRegistry", "WriteMetrics"}
    assert not [action for action in actions if "*" in action]


def test_roles_together_may_do_what_the_one_of_the_script_may(aws: StandIn, resources: Mapping[str, Any]) -> None:
    printed = json.loads(run(aws, "role.py", "--data", "s3://transactions/fraud").said)["PolicyDocument"]
    names = ("PullPolicy", "TrainingRole", "EndpointRole")
    ours = {action for found in statements({name: resources[name] for name in names}) for action in actions_of(found)}

    assert {action for action in ours if not action.startswith("kms:")} == {
        action for found in printed["Statement"] for action in actions_of(found)
    }


def actions_of(statement: Mapping[str, Any]) -> list[str]:
    found = statement["Action"]
    return found if isinstance(found, list) else [found]


def test_endpoint_can_read_models_and_write_nothing_in_the_bucket(resources: Mapping[str, Any]) -> None:
    (policy,) = resources["EndpointRole"]["Properties"]["Policies"]
    actions = {found.get("Action") for found in policy["PolicyDocument"]["Statement"] if "If" not in found}

    assert actions == {"s3:GetObject", "s3:ListBucket", "cloudwatch:DescribeAlarms"}


def test_images_and_models_outlive_the_stack(resources: Mapping[str, Any]) -> None:
    assert {name for name, made in resources.items() if made.get("DeletionPolicy") == "Retain"} == {
        "Bucket",
        "Repository",
    }
    json.loads(resources["Repository"]["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"])


def test_filters_find_their_fields_in_the_lines_of_requests(resources: Mapping[str, Any]) -> None:
    filters = of_type(resources, "AWS::Logs::MetricFilter").values()
    asked = set(re.findall(r"\$\.(\w+)", json.dumps(list(filters))))

    assert asked == {"message", "rows", "alerts", "probability_sum"}
    assert asked <= set(re.findall(r'"(\w+)":', LOG_FORMATS["json"]))


def goes_off(resources: Mapping[str, Any], alarm: str, *, rows: int, alerts: int) -> bool:
    """Return whether the alarm goes off, its expression computed as CloudWatch does."""
    properties = resources[alarm]["Properties"]
    expression = next(each["Expression"]["Sub"] for each in properties["Metrics"] if each["Id"] == "ratio")
    for name, value in {"ExpectedAlertRate": EXPECTED, "DriftFactor": FACTOR}.items():
        expression = expression.replace(f"${{{name}}}", str(value))
    known = {"IF": lambda condition, yes, no: yes if condition else no, "rows": rows, "alerts": alerts}
    value = eval(expression, {"__builtins__": {}}, known)  # noqa: S307 (our own template)
    if properties["ComparisonOperator"] == "GreaterThanThreshold":
        assert properties["Threshold"] == {"Ref": "DriftFactor"}
        return bool(value > FACTOR)
    return bool(value < properties["Threshold"])


@pytest.mark.parametrize(
    ("rows", "alerts", "expected"),
    [
        (100_000, 200, set()),
        (100_000, 590, set()),
        (100_000, 610, {"AlertsTooMany"}),
        (100_000, 70, set()),
        (100_000, 60, {"AlertsTooFew"}),
        (100_000, 0, {"AlertsTooFew"}),
        (9_000, 0, set()),
        (9_000, 900, set()),
    ],
)
def test_drift_is_three_times_as_many_or_as_few_alerts(
    resources: Mapping[str, Any], rows: int, alerts: int, expected: set[str]
) -> None:
    """Of 100,000 rows, 200 are expected; of 9,000 too few to judge by."""
    alarms = ("AlertsTooMany", "AlertsTooFew")

    assert {alarm for alarm in alarms if goes_off(resources, alarm, rows=rows, alerts=alerts)} == expected


def test_a_new_model_is_rolled_back_on_the_alarms_that_it_can_cause(resources: Mapping[str, Any]) -> None:
    deployment = resources["Endpoint"]["Properties"]["DeploymentConfig"]
    watched = {alarm["AlarmName"]["Ref"] for alarm in deployment["AutoRollbackConfiguration"]["Alarms"]}

    assert watched == {"ServerErrors", "ClientErrors", "Latency"}


def test_every_alarm_is_told(resources: Mapping[str, Any]) -> None:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")

    assert len(alarms) == 5
    assert all(alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}] for alarm in alarms.values())
