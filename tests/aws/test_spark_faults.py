"""What the user got wrong is one line that says how to mend it, with exit code 1, before anything is created."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from aws_stand_in import StandIn

WRONG = [
    (["--role", "features"], "--role is 'features'; expected the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME."),
    (["--input", "transactions/raw"], "--input is 'transactions/raw'; expected s3://BUCKET/KEY"),
    (["--output", "s3://features/a b"], "--output is 's3://features/a b'; expected s3://BUCKET/KEY"),
    (["--input", "s3://transactions/$(id)"], "--input is 's3://transactions/$(id)'; expected s3://BUCKET/KEY"),
    (["--input", "s3://transactions/raw/2019*"], "--input is 's3://transactions/raw/2019*', and there is nothing;"),
    (["--input", "s3://nowhere/raw"], "AWS refused ListObjectsV2 with NoSuchBucket"),
    (["--output", "s3://nowhere/a"], "--output is 's3://nowhere/a', and the bucket 'nowhere' does not exist;"),
    (["--output", "s3://features"], "The code would go to s3://features/fraud-detect/spark, which is below --output;"),
    (["--code", "s3://nowhere"], "--code is 's3://nowhere', and the bucket 'nowhere' does not exist;"),
    (
        ["--instance-type", "m5.xlarge"],
        "--instance-type is 'm5.xlarge'; expected one of AWS's values for ProcessingInstanceType, such as",
    ),
    (["--region", "mars-1"], "SageMaker's SDK finds no Spark image: Unsupported region: mars-1."),
    (["--job-name", "a_b"], "--job-name is 'a_b'; expected 1 to 63 letters, digits and hyphens"),
    (["--conf", "spark.x=a b"], "--conf is 'spark.x=a b'; expected spark.NAME=VALUE without blanks and quotes."),
    (["--tag", "team"], "--tag is 'team'; expected KEY=VALUE."),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=lambda value: value[0] if isinstance(value, list) else "")
def test_a_wrong_value_is_named_with_what_was_expected(aws: StandIn, arguments: list[str], message: str) -> None:
    done = aws.submit("processing", *arguments)
    assert done.status == 1
    assert done.errors.startswith(f"Error: {message}")
    assert len(done.errors.splitlines()) == 1


@pytest.mark.parametrize("service", ["processing", "emr-serverless"])
def test_without_credentials_the_user_is_told_how_to_log_in(aws: StandIn, service: str) -> None:
    done = aws.submit(service, without=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    assert (done.status, done.errors.split(";")[0]) == (1, "Error: There are no AWS credentials")


def test_without_a_region_the_user_is_told_how_to_set_one(aws: StandIn) -> None:
    done = aws.submit("processing", without=("AWS_DEFAULT_REGION",))
    assert (done.status, done.errors.split(";")[0]) == (1, "Error: No region is set")


def test_a_profile_that_does_not_exist_is_named(aws: StandIn) -> None:
    done = aws.submit("processing", AWS_PROFILE="theirs")
    assert (done.status, "The config profile (theirs) could not be found" in done.errors) == (1, True)


def test_an_endpoint_that_nobody_answers_is_said_to_be_out_of_reach(aws: StandIn) -> None:
    done = aws.submit("emr-serverless", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert done.status == 1
    assert done.errors.startswith("Error: AWS was not reached (EndpointConnectionError)")


def test_a_refusal_of_sagemaker_is_said_with_its_remedy(aws: StandIn) -> None:
    limit = "The account-level service limit for processing job usage is 0 Instances."
    aws.answer("SageMaker.CreateProcessingJob", {"__type": "ResourceLimitExceeded", "message": limit}, status=400)
    done = aws.submit("processing")
    refused = f"AWS refused CreateProcessingJob with ResourceLimitExceeded: {limit[:-1]}; expected it to be accepted."
    assert (done.status, done.errors) == (
        1,
        f"Error: {refused} Use fewer or smaller instances, or ask AWS for a higher quota.\n",
    )


def test_who_may_not_look_into_the_input_may_submit_all_the_same(aws: StandIn) -> None:
    aws.answer("GET /transactions", {}, status=403)
    assert aws.submit("emr-serverless", "--release", "emr-7.13.0", "--python", "/usr/bin/python3.11").status == 0


def test_an_application_that_does_not_exist_is_named(aws: StandIn) -> None:
    done = aws.submit("emr-serverless", "--application-id", "00abc")
    assert done.status == 1
    assert "AWS refused GetApplication with ResourceNotFoundException" in done.errors


def test_a_python_without_the_sdks_is_told_apart(aws: StandIn, tmp_path: Path) -> None:
    (tmp_path / "boto3.py").write_text("raise ImportError")
    done = aws.submit("processing", program=sys.executable, PYTHONPATH=str(tmp_path))
    assert (done.status, "Run `scripts/setup aws`" in done.errors) == (1, True)
