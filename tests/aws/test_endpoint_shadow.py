"""scripts/aws/shadow.py: a challenger beside an endpoint's model, promoted or stopped."""

from __future__ import annotations

from typing import Any

import pytest
from aws_stand_in import Done, StandIn
from endpoint_stand_in import IMAGE, ROLE, Endpoints, deploy, run

CAPTURE = ("--capture-to", "s3://features/capture", "--kms-key", "alias/disks")


@pytest.fixture(scope="module")
def first(aws_of_module: StandIn) -> Endpoints:
    """Return an endpoint with data capture on two instances."""
    made = Endpoints(aws_of_module)
    done = deploy(aws_of_module, "--instance-count", "2", *CAPTURE)
    assert done.status == 0, done.errors
    return made


def shadow(endpoints: Endpoints, *arguments: str) -> Done:
    return run(endpoints.aws, "shadow.py", "fraud", "--yes", "--poll-seconds", "0.01", *arguments)


def challenge(endpoints: Endpoints) -> dict[str, Any]:
    """Give the endpoint a challenger, and return the configuration that it then serves."""
    model = ("--model-data", "s3://transactions/better/model.tar.gz", "--image", IMAGE, "--role", ROLE)
    done = shadow(
        endpoints, *model, "--sampling-percent", "40", "--instance-type", "ml.m5.xlarge", "--instance-count", "1"
    )
    assert done.status == 0, done.errors
    assert "AWS bills beside what it does now, 1 x ml.m5.xlarge" in done.errors
    return endpoints.config("fraud")


def test_a_challenger_answers_its_share_beside_the_model_and_can_be_stopped(first: Endpoints) -> None:
    before = first.config("fraud")
    made = challenge(first)
    (challenger,) = made["ShadowProductionVariants"]
    assert challenger.pop("ModelName") in set(first.names("Model")) - {before["ProductionVariants"][0]["ModelName"]}
    assert challenger == {
        "VariantName": "Challenger",
        "InstanceType": "ml.m5.xlarge",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 0.4,
    }
    same = ("ProductionVariants", "DataCaptureConfig", "KmsKeyId", "Tags")
    assert {key: made[key] for key in same} == {key: before[key] for key in same}
    assert len(first.names("EndpointConfig")) == 1
    update = [seen.json for seen in first.aws.seen if seen.operation == "SageMaker.UpdateEndpoint"][-1]
    alarms = [alarm["AlarmName"] for alarm in update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]]
    assert alarms == ["fraud-errors", "fraud-latency"]

    stopped = shadow(first, "--stop")
    assert stopped.status == 0, stopped.errors
    after = first.config("fraud")
    assert "ShadowProductionVariants" not in after
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert len(first.names("Model")) == 1
    nobody = shadow(first, "--promote")
    assert (nobody.status, nobody.errors.split(";")[0]) == (1, "Error: Endpoint 'fraud' has no challenger")


def test_a_promoted_challengers_model_answers_on_the_endpoints_instances(first: Endpoints) -> None:
    (challenger,) = challenge(first)["ShadowProductionVariants"]
    done = shadow(first, "--promote")
    assert done.status == 0, done.errors
    (variant,) = first.config("fraud")["ProductionVariants"]
    assert (variant["VariantName"], variant["ModelName"]) == ("AllTraffic", challenger["ModelName"])
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.m5.large", 2)
    assert first.names("Model") == [challenger["ModelName"]]
    assert len(first.names("EndpointConfig")) == 1


def test_a_challenger_that_does_not_start_is_removed_again(first: Endpoints) -> None:
    before = first.names("Model")
    first.fate, first.reason = "rolled back", "The challenger did not pass the ping health check."
    model = ("--model-data", "s3://transactions/broken/model.tar.gz", "--image", IMAGE, "--role", ROLE)
    done = shadow(first, *model)
    assert (done.status, "did not pass the ping health check" in done.errors) == (1, True)
    assert first.names("Model") == before


def test_a_serverless_endpoint_has_no_challengers(aws: StandIn) -> None:
    made = Endpoints(aws)
    assert deploy(aws, "--serverless").status == 0
    done = shadow(made, "--stop")
    assert (done.status, done.errors.split(";")[0]) == (1, "Error: Endpoint 'fraud' is serverless or asynchronous")
