"""scripts/aws/deploy.py --update: blue/green, turned back by alarms, with nothing old left over and nothing lost."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from aws_stand_in import Done, StandIn
from botocore.session import get_session
from endpoint_stand_in import DEPLOYED, IMAGE, ROLE, Endpoints, deploy, started, the
from job_runs import planned

from running_server import wait_until

DESCRIBE = "SageMaker.DescribeEndpoint"
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
            "MaximumExecutionTimeoutInSeconds": 3600 + 2 * 120,
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


def test_whoever_stops_waiting_is_told_that_the_update_goes_on(scaled: Endpoints) -> None:
    scaled.fate = "endless"
    with started(scaled.aws, "deploy.py", *DEPLOYED, "--update") as process:
        wait_until(lambda: len(scaled.aws.seen) > 2 and {seen.operation for seen in scaled.aws.seen[-2:]} == {DESCRIBE})
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    last = errors.decode().splitlines()[-1]
    assert last.startswith(
        "Error: Interrupted while waiting; expected an end of the job. `aws sagemaker describe-endpoint"
    )
    assert "does not scale any more, which it did between 2 and 4 instances" in last
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


def test_an_endpoint_that_others_made_keeps_its_variant_and_their_things(aws: StandIn) -> None:
    endpoints, sagemaker = Endpoints(aws), aws_itself(aws)
    container = {"Image": IMAGE, "ModelDataUrl": "s3://transactions/model.tar.gz"}
    sagemaker.create_model(ModelName="theirs", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "blue", "ModelName": "theirs", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="theirs", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="fraud", EndpointConfigName="theirs")
    endpoints.coming["fraud"] = []
    done = update(endpoints)
    assert done.status == 0, done.errors
    assert endpoints.config("fraud")["ProductionVariants"][0]["VariantName"] == "blue"
    alarms = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {dimension["Value"] for alarm in alarms for dimension in alarm["Dimensions"]} == {"fraud", "blue"}
    assert ("theirs" in endpoints.names("Model"), "theirs" in endpoints.names("EndpointConfig")) == (True, True)


def aws_itself(aws: StandIn) -> Any:
    """Return a client of SageMaker as the scripts see it."""
    return get_session().create_client(
        "sagemaker",
        region_name="eu-west-1",
        endpoint_url=f"http://127.0.0.1:{aws.port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def test_linear_steps_and_no_alarms(aws: StandIn) -> None:
    done = deploy(aws, "--update", "--dry-run", "--traffic", "linear", "--step-percent", "25", "--no-alarms")
    sent = the(planned(done), "UpdateEndpoint")["DeploymentConfig"]
    step = {"Type": "CAPACITY_PERCENT", "Value": 25}
    assert sent == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "LINEAR", "WaitIntervalInSeconds": 300, "LinearStepSize": step},
            "TerminationWaitInSeconds": 0,
            "MaximumExecutionTimeoutInSeconds": 3600 + 4 * 300,
        }
    }


def test_an_update_of_more_than_eight_hours_is_refused(aws: StandIn) -> None:
    done = deploy(aws, "--update", "--dry-run", "--traffic", "linear", "--bake-seconds", "3600")
    assert (done.status, "Error: The update would wait for 36,000 s in all; expected at most" in done.errors) == (
        1,
        True,
    )


def test_an_update_of_nothing_is_refused(aws: StandIn) -> None:
    done = deploy(aws, "--update")
    assert (done.status, done.errors.split(";")[0]) == (1, "Error: There is no endpoint 'fraud' in eu-west-1")
