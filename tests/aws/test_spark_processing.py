"""scripts/aws/spark_features.py processing: what SageMaker is asked for, and what the user is told."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from aws_stand_in import ACCOUNT, JOB, REGION, REPOSITORY, ROLE, Done, StandIn

OPTIONS = (
    "--set",
    "extended",
    "--full",
    "--instance-type",
    "ml.r5.2xlarge",
    "--instance-count",
    "3",
    "--tag",
    "team=a",
)
DESCRIBE = "SageMaker.DescribeProcessingJob"
CREATE = "SageMaker.CreateProcessingJob"


@pytest.fixture(scope="module")
def done(aws_of_module: StandIn) -> Done:
    return aws_of_module.submit("processing", *OPTIONS, "--conf", "spark.sql.shuffle.partitions=48")


@pytest.fixture(scope="module")
def request_sent(done: Done, aws_of_module: StandIn) -> Any:
    assert done.status == 0, done.errors
    return aws_of_module.the(CREATE)


@pytest.fixture(scope="module")
def kept(request_sent: Any, aws_of_module: StandIn) -> Any:
    name = request_sent["ProcessingJobName"]
    return aws_of_module.client("sagemaker").describe_processing_job(ProcessingJobName=name)


def described(status: str, **more: str) -> dict[str, Any]:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:processing-job/{JOB}"
    return {"ProcessingJobName": JOB, "ProcessingJobArn": arn, "ProcessingJobStatus": status, **more}


def test_the_job_runs_on_the_spark_image_with_python_3_12(kept: Any) -> None:
    registry = "571004829621.dkr.ecr.eu-west-1.amazonaws.com"
    assert kept["AppSpecification"]["ImageUri"] == f"{registry}/sagemaker-spark-processing:3.5-cpu-py312-v1"


def test_the_application_is_given_the_addresses_and_the_features_asked_for(kept: Any) -> None:
    told = ["--input", "s3://transactions/raw", "--output", "s3://features/by-day", "--set", "extended", "--full"]
    assert kept["AppSpecification"]["ContainerArguments"] == told


def test_the_package_and_the_application_are_submitted_to_spark(kept: Any) -> None:
    command, option, package, application = kept["AppSpecification"]["ContainerEntrypoint"]
    assert (command, option) == ("smspark-submit", "--py-files")
    assert package.endswith("/fraud_detect.zip")
    assert application == "/opt/ml/processing/input/code/spark_features.py"


def test_the_application_is_uploaded_as_it_is_in_the_repository(kept: Any, aws_of_module: StandIn) -> None:
    inputs = {given["InputName"]: given["S3Input"]["S3Uri"] for given in kept["ProcessingInputs"]}
    source = "container/fraud_detect/entrypoints/spark_features.py"
    assert aws_of_module.object(inputs["code"]) == (REPOSITORY / source).read_bytes()


def test_a_setting_of_spark_comes_as_its_configuration(kept: Any, aws_of_module: StandIn) -> None:
    inputs = {given["InputName"]: given["S3Input"] for given in kept["ProcessingInputs"]}
    assert inputs["conf"]["LocalPath"] == "/opt/ml/processing/input/conf"
    properties = {"spark.sql.shuffle.partitions": "48"}
    assert json.loads(aws_of_module.object(inputs["conf"]["S3Uri"])) == [
        {"Classification": "spark-defaults", "Properties": properties}
    ]


def test_the_job_has_the_machines_asked_for(request_sent: Any) -> None:
    machines = {"InstanceType": "ml.r5.2xlarge", "InstanceCount": 3, "VolumeSizeInGB": 30}
    assert request_sent["ProcessingResources"]["ClusterConfig"] == machines


def test_the_job_has_its_role_tags_and_limit(request_sent: Any) -> None:
    assert request_sent["RoleArn"] == ROLE
    assert request_sent["Tags"] == [{"Key": "team", "Value": "a"}]
    assert request_sent["StoppingCondition"] == {"MaxRuntimeInSeconds": 240 * 60}


def test_the_user_is_told_the_arn_and_where_to_look(done: Done) -> None:
    assert f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:processing-job/{JOB}" in done.said
    assert f"console.aws.amazon.com/sagemaker/home?region={REGION}#/processing-jobs/{JOB}" in done.said


def test_the_sdk_sends_nothing_to_anybody_else(aws: StandIn) -> None:
    aws.answer(DESCRIBE, described("InProgress"), described("InProgress"), described("Completed"))
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        done = aws.submit("processing", "--poll-seconds", "2", HTTPS_PROXY=f"http://127.0.0.1:{proxy.getsockname()[1]}")
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has come
            proxy.accept()
    assert done.status == 0


def test_each_state_is_said_once(aws: StandIn) -> None:
    going = described("InProgress")
    aws.answer(DESCRIBE, going, going, going, described("Stopping"), described("Completed"))
    done = aws.submit("processing")
    states = [line.split()[0] for line in done.said.splitlines() if " after " in line]
    assert (done.status, states) == (0, ["InProgress", "Stopping", "Completed"])


def test_a_failed_job_is_exit_code_1_with_its_reason(aws: StandIn) -> None:
    aws.answer(
        DESCRIBE, described("Failed", FailureReason="AlgorithmError: exit code 1", ExitMessage="No column TX_ID")
    )
    done = aws.submit("processing")
    assert done.status == 1
    assert done.errors.startswith(f"Error: Processing job {JOB} ended as Failed: AlgorithmError: exit code 1 No column")
    assert "Traceback" not in done.errors


def test_without_waiting_the_job_is_left_to_run(aws: StandIn) -> None:
    aws.answer(DESCRIBE, described("InProgress"))
    done = aws.submit("processing", "--no-wait")
    assert (done.status, "look at it" in done.said, "features are in" in done.said) == (0, True, False)


def test_a_dry_run_prints_the_request_and_sends_nothing(aws: StandIn) -> None:
    done = aws.submit("processing", "--dry-run", without=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    operations = [sent["operation"] for sent in json.loads(done.said)]
    assert (aws.seen, operations) == ([], ["PutObject", "PutObject", "CreateProcessingJob"])
