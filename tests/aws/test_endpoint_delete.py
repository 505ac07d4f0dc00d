"""scripts/aws/delete.py: all that was made for an endpoint, nothing else, and what is left when something fails."""

from __future__ import annotations

import json

import pytest
from aws_stand_in import StandIn
from endpoint_stand_in import IMAGE, ROLE, TAG, Endpoints, deploy, run

OF_ANOTHER = "fraud-of-another"


@pytest.fixture
def endpoints(aws: StandIn) -> Endpoints:
    """Return the endpoint `fraud` with scaling and alarms, and models and alarms that only have such names."""
    made = Endpoints(aws)
    done = deploy(aws, "--max-instances", "3")
    assert done.status == 0, done.errors
    sagemaker, cloudwatch = aws.client("sagemaker"), aws.client("cloudwatch")
    tags = [{"Key": TAG, "Value": "fraud-2"}]
    container = {"Image": IMAGE, "ModelDataUrl": "s3://transactions/model.tar.gz"}
    sagemaker.create_model(ModelName=OF_ANOTHER, PrimaryContainer=container, ExecutionRoleArn=ROLE, Tags=tags)
    cloudwatch.put_metric_alarm(
        AlarmName=OF_ANOTHER,
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Period=60,
        EvaluationPeriods=1,
        Statistic="Sum",
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    aws.seen.clear()
    return made


def left(endpoints: Endpoints) -> list[str]:
    alarms = endpoints.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    targets = endpoints.aws.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    names = [name for kind in ("Endpoint", "EndpointConfig", "Model") for name in endpoints.names(kind)]
    return [
        *names,
        *[alarm["AlarmName"] for alarm in alarms],
        *[one["ResourceId"] for one in targets["ScalableTargets"]],
    ]


def test_all_of_the_endpoint_goes_and_nothing_of_another(endpoints: Endpoints) -> None:
    done = run(endpoints.aws, "delete.py", "fraud", "--yes", "--poll-seconds", "0.01")
    assert done.status == 0, done.errors
    assert left(endpoints) == [OF_ANOTHER, OF_ANOTHER]
    listed = [line for line in done.errors.splitlines() if line.startswith("to delete: ")]
    assert [line.split()[2] for line in listed] == ["scaling", "alarms", "endpoint", "configuration", "model"]
    again = run(endpoints.aws, "delete.py", "fraud", "--yes")
    assert (again.status, again.errors) == (0, "nothing is left of endpoint 'fraud' in eu-west-1\n")


def test_without_a_yes_and_a_terminal_nothing_goes(endpoints: Endpoints) -> None:
    before = left(endpoints)
    done = run(endpoints.aws, "delete.py", "fraud")
    assert (done.status, "to delete: endpoint fraud" in done.errors, "Pass --yes" in done.errors) == (1, True, True)
    assert left(endpoints) == before


def test_a_dry_run_prints_what_would_go(endpoints: Endpoints) -> None:
    before = left(endpoints)
    done = run(endpoints.aws, "delete.py", "fraud", "--dry-run")
    assert [sent["operation"] for sent in json.loads(done.said)] == [
        "DeregisterScalableTarget",
        "DeleteAlarms",
        "DeleteEndpoint",
        "DeleteEndpointConfig",
        "DeleteModel",
    ]
    assert left(endpoints) == before


def test_every_failure_is_reported_and_the_rest_goes_the_next_time(endpoints: Endpoints) -> None:
    denied = {"__type": "AccessDeniedException", "message": "User is not authorized."}
    for operation in ("AnyScaleFrontendService.DeregisterScalableTarget", "SageMaker.DeleteModel"):
        endpoints.aws.answer(operation, denied, status=400)
    done = run(endpoints.aws, "delete.py", "fraud", "--yes", "--poll-seconds", "0.01")
    assert done.status == 1
    assert (
        "Of endpoint 'fraud' these are left: scaling of endpoint/fraud/variant/AllTraffic (AWS refused" in done.errors
    )
    assert "model fraud-2" in done.errors.split("these are left")[1]
    assert endpoints.names("Endpoint") == []
    endpoints.aws.answers.clear()
    again = run(endpoints.aws, "delete.py", "fraud", "--yes")
    assert again.status == 0, again.errors
    assert left(endpoints) == [OF_ANOTHER, OF_ANOTHER]


def test_configurations_and_models_stay_as_long_as_the_endpoint_does(endpoints: Endpoints) -> None:
    endpoints.coming["fraud"] = [("Updating", endpoints.serves["fraud"])] * 9
    done = run(endpoints.aws, "delete.py", "fraud", "--yes")
    assert done.status == 1
    reported = done.errors.split("these are left: ")[1]
    assert [
        part.split()[0]
        for part in reported.split("; expected all")[0].split("; ")
        if part.startswith(("conf", "model"))
    ] == [
        "configuration",
        "model",
    ]
    assert len(endpoints.names("EndpointConfig")) == 1


def test_an_endpoint_of_somebody_else_is_refused(endpoints: Endpoints) -> None:
    sagemaker = endpoints.aws.client("sagemaker")
    arn = sagemaker.describe_endpoint(EndpointName="fraud")["EndpointArn"]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=[TAG])
    done = run(endpoints.aws, "delete.py", "fraud", "--yes")
    assert (done.status, done.errors.split(";")[0]) == (1, "Error: Endpoint 'fraud' has no tag of ours")
    assert endpoints.names("Endpoint") == ["fraud"]
