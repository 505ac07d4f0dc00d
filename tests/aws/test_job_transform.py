"""scripts/aws/transform.py: what SageMaker is asked for, and what the user is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aws_stand_in import Done, StandIn
from job_runs import IMAGE, JOB, QUICK, ROLE, changes, planned, run, sent, write_log

DATA = "s3://transactions/model.tar.gz"
MADE = ("--model-data", DATA, "--image", IMAGE, "--role", ROLE)
TABLES = ("--input", "s3://transactions/raw/", "--output", "s3://features/scores")
OPTIONS = (
    *("--join", "--input-filter", "$[1:]", "--output-filter", "$[0,-2,-1]", "--error-rows", "--tag", "team=a"),
    *("--instance-type", "ml.c5.xlarge", "--instance-count", "2", "--strategy", "SingleRecord"),
    *("--max-payload-mb", "10", "--concurrency", "4", "--network-isolation"),
    *("--output-kms-key", "alias/ours", "--volume-kms-key", "alias/disks"),
    *("--env", "SAGEMAKER_INFERENCE_OUTPUT=probability"),
    *("--subnet", "subnet-1", "--security-group", "sg-1"),
)


def a_state(status: str, **more: Any) -> dict[str, Any]:
    """Return what SageMaker says of the job."""
    output = {"S3OutputPath": "s3://features/scores"}
    return {"TransformJobName": JOB, "TransformJobStatus": status, "TransformOutput": output, **more}


def transform(aws: StandIn, *arguments: str) -> Done:
    """Score with options that nothing is wrong with; later ones win."""
    return run(aws, "transform.py", *TABLES, *QUICK, "--yes", *arguments)


@pytest.fixture(scope="module")
def done(aws_of_module: StandIn) -> Iterator[Done]:
    write_log(aws_of_module, "/aws/sagemaker/TransformJobs", algo_1=["scoring"])
    aws_of_module.answer("SageMaker.DescribeTransformJob", a_state("InProgress"), a_state("Completed"))
    yield transform(aws_of_module, *MADE, *OPTIONS)
    aws_of_module.answers.clear()


@pytest.fixture(scope="module")
def request_sent(done: Done, aws_of_module: StandIn) -> Any:
    assert done.status == 0, done.errors
    return sent(aws_of_module, "CreateTransformJob")


def test_the_model_is_made_of_the_artifact(request_sent: Any, aws_of_module: StandIn) -> None:
    model = sent(aws_of_module, "CreateModel")
    assert model["ModelName"] == request_sent["ModelName"] == JOB
    assert model["PrimaryContainer"] == {"Image": IMAGE, "ModelDataUrl": DATA}
    assert (model["ExecutionRoleArn"], model["EnableNetworkIsolation"]) == (ROLE, True)
    assert model["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}


def test_rows_are_lines_in_and_lines_out(request_sent: Any) -> None:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://transactions/raw/"}}
    assert request_sent["TransformInput"] == {"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"}
    assert request_sent["TransformOutput"] == {
        "S3OutputPath": "s3://features/scores",
        "Accept": "text/csv",
        "AssembleWith": "Line",
        "KmsKeyId": "alias/ours",
    }


@pytest.mark.parametrize(
    ("content_type", "how"),
    [("application/jsonlines", "Line"), ("application/json; charset=utf-8", "None"), ("application/x-parquet", "None")],
)
def test_a_file_without_lines_goes_as_a_whole(aws_of_module: StandIn, content_type: str, how: str) -> None:
    told = ("--model-name", "fraud", "--content-type", content_type, "--dry-run")
    (request,) = planned(transform(aws_of_module, *told))
    assert request["request"]["TransformInput"]["SplitType"] == how
    assert request["request"]["TransformOutput"]["AssembleWith"] == how


def test_scores_are_joined_to_the_columns_asked_for(request_sent: Any) -> None:
    filters = {"InputFilter": "$[1:]", "OutputFilter": "$[0,-2,-1]", "JoinSource": "Input"}
    assert request_sent["DataProcessing"] == filters


def test_the_container_is_told_of_error_rows(request_sent: Any) -> None:
    told = {"FRAUD_DETECT_ERROR_ROWS": "true", "SAGEMAKER_INFERENCE_OUTPUT": "probability"}
    assert request_sent["Environment"] == told


def test_requests_are_as_large_and_as_many_as_asked_for(request_sent: Any) -> None:
    chosen = {name: request_sent[name] for name in ("BatchStrategy", "MaxPayloadInMB", "MaxConcurrentTransforms")}
    assert chosen == {"BatchStrategy": "SingleRecord", "MaxPayloadInMB": 10, "MaxConcurrentTransforms": 4}


def test_the_model_made_for_the_job_is_gone_after_it(done: Done, aws_of_module: StandIn) -> None:
    assert done.status == 0
    assert changes(aws_of_module) == ["CreateModel", "CreateTransformJob", "DeleteModel"]
    assert aws_of_module.client("sagemaker").list_models()["Models"] == []


def test_the_folder_of_the_scores_is_printed_and_the_log_is_said(done: Done) -> None:
    assert done.said == "s3://features/scores\n"
    assert "\nscoring\n" in done.errors


def test_what_bills_has_the_limit_that_the_command_keeps(done: Done) -> None:
    hours = "at most 2 instance-hours: this command stops the job after 1 h"
    assert done.errors.startswith(f"AWS bills 2 x ml.c5.xlarge until all rows are scored, {hours}")


def test_a_dry_run_shows_what_would_be_sent(request_sent: Any, aws_of_module: StandIn) -> None:
    requests = planned(transform(aws_of_module, *MADE, *OPTIONS, "--dry-run"))
    assert [each["operation"] for each in requests] == ["CreateModel", "CreateTransformJob"]
    assert requests[-1]["request"] == request_sent


def test_a_model_that_exists_is_used_and_stays(aws: StandIn) -> None:
    aws.client("sagemaker").create_model(ModelName="fraud", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    done = transform(aws, "--model-name", "fraud")
    assert done.status == 0, done.errors
    assert sent(aws, "CreateTransformJob")["ModelName"] == "fraud"
    assert changes(aws) == ["CreateTransformJob"]


def test_a_refused_job_leaves_no_model(aws: StandIn) -> None:
    aws.answer("SageMaker.CreateTransformJob", {"__type": "ResourceLimitExceeded", "message": "0."}, status=400)
    done = transform(aws, *MADE)
    assert (done.status, "ask AWS for a higher quota" in done.errors) == (1, True)
    assert changes(aws) == ["CreateModel", "CreateTransformJob", "DeleteModel"]


def test_a_failed_job_is_said_with_its_reason_and_leaves_no_model(aws: StandIn) -> None:
    aws.answer("SageMaker.DescribeTransformJob", a_state("Failed", FailureReason="ClientError: 400 for row 3."))
    done = transform(aws, *MADE)
    assert (done.status, "ended as Failed: ClientError: 400 for row 3; expected" in done.errors) == (1, True)
    assert changes(aws)[-1] == "DeleteModel"


def test_a_job_that_takes_longer_than_the_limit_is_stopped(aws: StandIn) -> None:
    aws.answer("SageMaker.DescribeTransformJob", *[a_state("InProgress")] * 3, a_state("Stopped"))
    aws.answer("SageMaker.StopTransformJob", {})
    done = transform(aws, *MADE, "--max-minutes", "0.0001")
    assert (done.status, "ended as Stopped" in done.errors) == (1, True)
    assert sent(aws, "StopTransformJob") == {"TransformJobName": JOB}


def test_without_waiting_there_is_no_limit_and_that_is_said(aws: StandIn) -> None:
    done = transform(aws, *MADE, "--no-wait")
    assert "without a limit of time, since --no-wait is given" in done.errors
    assert changes(aws) == ["CreateModel", "CreateTransformJob"]
