"""scripts/aws/deploy.py: what SageMaker, CloudWatch and Application Auto Scaling are asked for a new endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from aws_stand_in import ACCOUNT, REGION, StandIn
from endpoint_stand_in import IMAGE, MODEL, ROLE, TAG, Endpoints, deploy, run, the
from job_runs import planned

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:fraud"
EVERYTHING = (
    *("--instance-type", "ml.m5.xlarge", "--instance-count", "2", "--tag", "team=a"),
    *("--env", "SAGEMAKER_INFERENCE_OUTPUT=probability", "--env", "FRAUD_DETECT_REASONS=3"),
    *("--network-isolation", "--subnet", "subnet-1", "--security-group", "sg-1", "--kms-key", "alias/disks"),
    *("--capture-to", "s3://features/capture", "--capture-percent", "20", "--output-kms-key", "alias/output"),
    *("--min-instances", "2", "--max-instances", "4", "--target-invocations", "600", "--alarm-topic", TOPIC),
)


@pytest.fixture(scope="module")
def endpoints(aws_of_module: StandIn) -> Endpoints:
    """Return an endpoint that was deployed with every option of real-time endpoints."""
    made = Endpoints(aws_of_module)
    done = deploy(aws_of_module, *EVERYTHING)
    assert (done.status, done.said) == (0, "fraud\n"), done.errors
    assert [line.split(" after ")[0] for line in done.errors.splitlines() if " after " in line] == [
        "Creating",
        "InService",
    ]
    return made


def test_the_model_has_the_image_the_artifact_the_role_and_the_servers_settings(endpoints: Endpoints) -> None:
    sent = endpoints.sent("CreateModel")
    environment = {"SAGEMAKER_INFERENCE_OUTPUT": "probability", "FRAUD_DETECT_REASONS": "3"}
    container = {"Image": IMAGE, "ModelDataUrl": "s3://transactions/model.tar.gz", "Environment": environment}
    assert (sent["PrimaryContainer"], sent["ExecutionRoleArn"]) == (container, ROLE)


def test_the_model_is_isolated_and_in_its_vpc(endpoints: Endpoints) -> None:
    sent = endpoints.sent("CreateModel")
    assert sent["EnableNetworkIsolation"] is True
    assert sent["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}


def test_one_variant_runs_on_the_instances_asked_for(endpoints: Endpoints) -> None:
    (variant,) = endpoints.sent("CreateEndpointConfig")["ProductionVariants"]
    assert variant == {
        "VariantName": "AllTraffic",
        "ModelName": endpoints.sent("CreateModel")["ModelName"],
        "InstanceType": "ml.m5.xlarge",
        "InitialInstanceCount": 2,
        "InitialVariantWeight": 1.0,
    }


def test_the_disks_and_what_is_captured_have_their_keys(endpoints: Endpoints) -> None:
    sent = endpoints.sent("CreateEndpointConfig")
    assert (sent["KmsKeyId"], sent["DataCaptureConfig"]["KmsKeyId"]) == ("alias/disks", "alias/output")


def test_a_share_of_requests_and_answers_is_captured_as_text(endpoints: Endpoints) -> None:
    capture = endpoints.sent("CreateEndpointConfig")["DataCaptureConfig"]
    assert (capture["InitialSamplingPercentage"], capture["DestinationS3Uri"]) == (20, "s3://features/capture")
    assert capture["CaptureOptions"] == [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    types = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json", "application/jsonlines"]}
    assert capture["CaptureContentTypeHeader"] == types


def test_all_that_is_made_has_the_tag_of_the_endpoint_and_the_users(endpoints: Endpoints) -> None:
    wanted = {"project": "fraud-detect", "team": "a", TAG: "fraud"}
    for operation in ("CreateModel", "CreateEndpointConfig", "CreateEndpoint"):
        tags = {tag["Key"]: tag["Value"] for tag in endpoints.sent(operation)["Tags"]}
        assert (operation, tags) == (operation, wanted)
    cloudwatch = endpoints.aws.client("cloudwatch")
    for alarm in cloudwatch.describe_alarms()["MetricAlarms"]:
        tags = cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == wanted


def test_it_scales_by_requests_between_the_bounds(endpoints: Endpoints) -> None:
    scaling = endpoints.aws.client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["ResourceId"], target["MinCapacity"], target["MaxCapacity"]) == (
        "endpoint/fraud/variant/AllTraffic",
        2,
        4,
    )
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    assert (tracking["TargetValue"], tracking["PredefinedMetricSpecification"]) == (600.0, metric)


def test_scaling_is_registered_once_the_endpoint_is_in_service(endpoints: Endpoints) -> None:
    operations = [request.operation.partition(".")[2] for request in endpoints.aws.seen]
    last_question = max(number for number, name in enumerate(operations) if name == "DescribeEndpoint")
    assert operations.index("RegisterScalableTarget") > last_question


def test_alarms_watch_errors_and_latency_and_tell_the_topic(endpoints: Endpoints) -> None:
    alarms = {
        alarm["AlarmName"]: alarm for alarm in endpoints.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    }
    errors, latency = alarms["fraud-errors"], alarms["fraud-latency"]
    assert (errors["MetricName"], errors["Statistic"], errors["Threshold"]) == ("Invocation5XXErrors", "Average", 0.01)
    assert (latency["MetricName"], latency["ExtendedStatistic"]) == ("ModelLatency", "p99")
    assert latency["Threshold"] == 1_000_000  # microseconds
    where = [{"Name": "EndpointName", "Value": "fraud"}, {"Name": "VariantName", "Value": "AllTraffic"}]
    assert [alarm["Dimensions"] for alarm in (errors, latency)] == [where, where]
    assert [alarm["AlarmActions"] for alarm in (errors, latency)] == [[TOPIC], [TOPIC]]


def test_an_endpoint_that_exists_is_not_replaced_unasked(endpoints: Endpoints) -> None:
    before = endpoints.operations()
    done = deploy(endpoints.aws)
    assert (done.status, done.errors.split(";")[0]) == (1, "Error: There is an endpoint 'fraud' already")
    assert endpoints.operations() == before


@pytest.fixture
def fresh(aws: StandIn) -> Endpoints:
    """Return an account without endpoints."""
    return Endpoints(aws)


def test_a_serverless_endpoint_has_memory_concurrency_and_no_instances(fresh: Endpoints) -> None:
    more = ("--memory-mb", "3072", "--max-concurrency", "20", "--provisioned-concurrency", "2")
    done = deploy(fresh.aws, "--serverless", *more)
    assert done.status == 0, done.errors
    (variant,) = fresh.sent("CreateEndpointConfig")["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 3072, "MaxConcurrency": 20, "ProvisionedConcurrency": 2}
    assert "InstanceType" not in variant
    assert "AWS bills the time of requests in 3,072 MB, and 2 provisioned containers until it is deleted" in done.errors


@pytest.fixture(scope="module")
def queued(aws_of_module: StandIn) -> Any:
    """Return the requests for an asynchronous endpoint with every option."""
    options = (
        *("--asynchronous", "--async-output", "s3://features/answers", "--async-failures", "s3://features/failures"),
        *("--success-topic", TOPIC, "--error-topic", TOPIC, "--max-concurrent-per-instance", "8"),
        *("--min-instances", "0", "--max-instances", "3", "--target-backlog", "2.5", "--dry-run"),
    )
    return planned(deploy(aws_of_module, *options, without=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")))


def test_an_asynchronous_endpoint_has_its_addresses_topics_and_concurrency(queued: Any) -> None:
    assert the(queued, "CreateEndpointConfig")["AsyncInferenceConfig"] == {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 8},
        "OutputConfig": {
            "S3OutputPath": "s3://features/answers",
            "S3FailurePath": "s3://features/failures",
            "NotificationConfig": {"SuccessTopic": TOPIC, "ErrorTopic": TOPIC},
        },
    }


def test_it_starts_with_an_instance_and_may_scale_down_to_none(queued: Any) -> None:
    (variant,) = the(queued, "CreateEndpointConfig")["ProductionVariants"]
    target = the(queued, "RegisterScalableTarget")
    assert (variant["InitialInstanceCount"], target["MinCapacity"], target["MaxCapacity"]) == (1, 0, 3)


def test_it_scales_by_what_waits_for_each_instance(queued: Any) -> None:
    tracking = the(queued, "PutScalingPolicy", PolicyName="fraud-backlog")["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 2.5
    assert tracking["CustomizedMetricSpecification"]["MetricName"] == "ApproximateBacklogSizePerInstance"


def test_a_request_that_waits_without_an_instance_brings_the_first_one(queued: Any) -> None:
    steps = the(queued, "PutScalingPolicy", PolicyName="fraud-from-zero")["StepScalingPolicyConfiguration"]
    assert steps["StepAdjustments"] == [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]
    alarm = the(queued, "PutMetricAlarm", AlarmName="fraud-waiting")
    assert (alarm["MetricName"], alarm["AlarmActions"]) == ("HasBacklogWithoutCapacity", ["ARN-OF-THE-POLICY"])


def test_from_a_training_job_its_artifact_image_and_role_are_taken(fresh: Endpoints) -> None:
    sagemaker = fresh.aws.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName="job",
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://features/jobs"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    artifact = sagemaker.describe_training_job(TrainingJobName="job")["ModelArtifacts"]["S3ModelArtifacts"]
    done = run(fresh.aws, "deploy.py", "fraud", "--training-job", "job", "--yes", "--poll-seconds", "0.01")
    assert done.status == 0, done.errors
    sent = fresh.sent("CreateModel")
    assert (sent["PrimaryContainer"], sent["ExecutionRoleArn"]) == ({"Image": IMAGE, "ModelDataUrl": artifact}, ROLE)


def test_an_endpoint_that_fails_is_exit_code_1_with_its_reason(fresh: Endpoints) -> None:
    fresh.fate, fresh.reason = "Failed", "The container did not pass the ping health check."
    done = deploy(fresh.aws, "--max-instances", "2")
    assert done.status == 1
    assert (
        "Error: Endpoint 'fraud' is Failed: The container did not pass the ping health check; expected" in done.errors
    )
    assert "aws logs tail /aws/sagemaker/Endpoints/fraud" in done.errors
    assert "scripts/aws/delete.py fraud" in done.errors
    assert fresh.operations()[-1] == "CreateEndpoint"


def test_what_was_made_for_an_endpoint_that_is_refused_is_removed(fresh: Endpoints) -> None:
    limit = "The account-level service limit is 0 Instances."
    fresh.aws.answer("SageMaker.CreateEndpoint", {"__type": "ResourceLimitExceeded", "message": limit}, status=400)
    done = deploy(fresh.aws)
    assert done.status == 1
    assert "AWS refused CreateEndpoint with ResourceLimitExceeded" in done.errors
    assert "ask AWS for a higher quota" in done.errors
    assert (fresh.names("Model"), fresh.names("EndpointConfig")) == ([], [])


def test_the_model_of_a_configuration_that_is_refused_is_removed(fresh: Endpoints) -> None:
    wrong = {"__type": "ValidationException", "message": "Nitro instances take no key."}
    fresh.aws.answer("SageMaker.CreateEndpointConfig", wrong, status=400)
    done = deploy(fresh.aws)
    assert (done.status, "Nitro instances take no key" in done.errors) == (1, True)
    assert fresh.names("Model") == []


def test_without_waiting_the_endpoint_is_left_to_start(fresh: Endpoints) -> None:
    done = deploy(fresh.aws, "--no-wait")
    assert (done.status, " after " in done.errors) == (0, False)


def test_without_a_yes_and_a_terminal_costs_are_named_and_nothing_is_made(fresh: Endpoints) -> None:
    done = run(fresh.aws, "deploy.py", "fraud", *MODEL, "--instance-count", "2")
    assert done.status == 1
    assert "AWS bills 2 x ml.m5.large until it is deleted: at most 48 instance-hours a day" in done.errors
    assert "Pass --yes" in done.errors
    assert fresh.operations() == []
