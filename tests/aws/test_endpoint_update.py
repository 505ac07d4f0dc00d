"""scripts/aws/deploy.py --update: blue/green, turned back by alarms, with nothing old left over and nothing lost."""

from __future__ import annotations

from typing import Any

import pytest
from aws_stand_in import Done, StandIn
from endpoint_stand_in import Endpoints, deploy, planned, the

MODEL = ("--model-data", "s3://transactions/better/model.tar.gz")


@pytest.fixture
def scaled(aws: StandIn) -> Endpoints:
    """Return an endpoint that scales between 2 and 4 instances, and has 3."""
    made = Endpoints(aws)
    done = deploy(aws, "--instance-count", "2", "--min-instances", "2", "--max-instances", "4", "--tag", "team=a")
    assert done.status == 0, done.errors
    made.counts["fraud"] = 3
    aws.seen.clear()
    return made


def target_of(endpoints: Endpoints) -> Any:
    scaling = endpoints.aws.client("application-autoscaling")
    (found,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return found


def policies_of(endpoints: Endpoints) -> Any:
    scaling = endpoints.aws.client("application-autoscaling")
    return scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]


def update(endpoints: Endpoints, *arguments: str) -> Done:
    return deploy(endpoints.aws, "--update", *MODEL, *arguments)


def test_an_update_goes_on_with_the_new_and_removes_the_old(scaled: Endpoints) -> None:
    old = scaled.names("Model")
    done = update(scaled, "--traffic", "canary", "--step-percent", "34", "--bake-seconds", "120")
    assert (done.status, done.said) == (0, "fraud\n"), done.errors
    (variant,) = scaled.config("fraud")["ProductionVariants"]
    assert variant["ModelName"] == scaled.sent("CreateModel")["ModelName"]
    # As many instances as scaling had come to, and its bounds and policies afterwards.
    assert variant["InitialInstanceCount"] == 3
    assert (target_of(scaled)["MinCapacity"], target_of(scaled)["MaxCapacity"]) == (2, 4)
    assert [policy["PolicyName"] for policy in policies_of(scaled)] == ["fraud-invocations"]
    assert (scaled.names("Model"), scaled.names("EndpointConfig")) == ([variant["ModelName"]], [variant["ModelName"]])
    assert old != scaled.names("Model")
    assert scaled.sent("UpdateEndpoint")["DeploymentConfig"] == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 120,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 34},
            },
            "TerminationWaitInSeconds": 0,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "fraud-errors"}, {"AlarmName": "fraud-latency"}]},
    }


def test_an_update_that_an_alarm_turns_back_leaves_all_as_it_was(scaled: Endpoints) -> None:
    old = scaled.names("Model")
    scaled.fate, scaled.reason = "rolled back", "Alarm fraud-errors is in ALARM."
    done = update(scaled)
    assert done.status == 1
    assert "Error: The update of endpoint 'fraud' ended as rolled back: Alarm fraud-errors is in ALARM;" in done.errors
    assert "The endpoint serves what it did before." in done.errors
    states = [line.split(" after ")[0] for line in done.errors.splitlines() if " after " in line]
    assert states == ["Updating", "RollingBack", "rolled back"]
    assert (scaled.names("Model"), scaled.names("EndpointConfig")) == (old, old)
    assert (target_of(scaled)["MinCapacity"], target_of(scaled)["MaxCapacity"]) == (2, 4)


def test_an_update_that_is_refused_leaves_all_as_it_was(scaled: Endpoints) -> None:
    old = scaled.names("Model")
    wrong = {"__type": "ValidationException", "message": "The alarm is in ALARM."}
    scaled.aws.answer("SageMaker.UpdateEndpoint", wrong, status=400)
    done = update(scaled, "--max-instances", "8")
    assert (done.status, "AWS refused UpdateEndpoint with ValidationException" in done.errors) == (1, True)
    assert (scaled.names("Model"), scaled.names("EndpointConfig")) == (old, old)
    assert target_of(scaled)["MaxCapacity"] == 4


def test_an_update_that_can_no_longer_be_watched_goes_on_and_loses_nothing(scaled: Endpoints) -> None:
    scaled.fate = "unknown"
    done = update(scaled)
    assert (done.status, "AWS refused DescribeEndpoint with AccessDeniedException" in done.errors) == (1, True)
    assert "does not scale any more, which it did between 2 and 4 instances" in done.errors
    assert (len(scaled.names("Model")), len(scaled.names("EndpointConfig"))) == (2, 2)


def test_a_model_that_somebody_else_made_is_left(scaled: Endpoints) -> None:
    old = scaled.names("Model")
    sagemaker = scaled.aws.client("sagemaker")
    arn = sagemaker.describe_model(ModelName=old[0])["ModelArn"]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["fraud-detect:endpoint"])
    done = update(scaled, "--max-instances", "8")
    assert done.status == 0, done.errors
    assert set(old) < set(scaled.names("Model"))
    assert target_of(scaled)["MaxCapacity"] == 8  # the scaling asked for takes the place of the old


def test_linear_steps_and_no_alarms(aws: StandIn) -> None:
    done = deploy(aws, "--update", "--dry-run", "--traffic", "linear", "--step-percent", "25", "--no-alarms")
    sent = the(planned(done), "UpdateEndpoint")["DeploymentConfig"]
    step = {"Type": "CAPACITY_PERCENT", "Value": 25}
    routing = {"Type": "LINEAR", "WaitIntervalInSeconds": 300, "LinearStepSize": step}
    assert sent == {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 0}}


def test_an_update_of_nothing_is_refused(aws: StandIn) -> None:
    done = deploy(aws, "--update")
    assert (done.status, done.errors.split(";")[0]) == (1, "Error: There is no endpoint 'fraud' in eu-west-1")
