"""What the user got wrong is one line that says how to mend it, with exit code 1, before anything is made."""

from __future__ import annotations

import pytest
from aws_stand_in import StandIn
from endpoint_stand_in import IMAGE, ROLE, Endpoints, deploy, run
from job_runs import planned

DATA = ("--model-data", "s3://transactions/model.tar.gz")
REAL = ("--image", IMAGE, "--role", ROLE, "--yes")
WRONG = {
    "no model": (REAL, "Of --training-job and --model-data none is given; expected one of them."),
    "no role": ((*DATA, "--image", IMAGE, "--yes"), "--model-data is given without --role; expected the role too."),
    "no output": ((*DATA, *REAL, "--asynchronous"), "--asynchronous is given without --async-output;"),
    "a queue in real time": (
        (*DATA, *REAL, "--async-output", "s3://features/answers"),
        "--async-output is given without --asynchronous; expected both or neither.",
    ),
    "instances for serverless": (
        (*DATA, *REAL, "--serverless", "--max-instances", "3"),
        "--max-instances is given with --serverless; expected what serverless endpoints have:",
    ),
    "none in real time": (
        (*DATA, *REAL, "--min-instances", "0", "--max-instances", "3"),
        "--min-instances is 0 and --max-instances 3; expected both, from 1 on,",
    ),
    "an instance type of nobody": (
        (*DATA, *REAL, "--instance-type", "m5.large"),
        "--instance-type is 'm5.large'; expected one of AWS's values for ProductionVariantInstanceType, such as",
    ),
    "half a VPC": ((*DATA, *REAL, "--subnet", "subnet-1"), "Of --subnet and --security-group only one is given;"),
    "not waiting for scaling": (
        (*DATA, *REAL, "--max-instances", "3", "--no-wait"),
        "--no-wait is given with --update or --max-instances; expected to wait:",
    ),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_a_wrong_choice_is_named_with_what_was_expected(aws: StandIn, case: str) -> None:
    endpoints, (arguments, message) = Endpoints(aws), WRONG[case]
    done = run(aws, "deploy.py", "fraud", *arguments)
    assert (done.status, done.errors.splitlines()[-1][: len(message) + 7]) == (1, f"Error: {message}")
    assert endpoints.operations() == []


@pytest.mark.parametrize("script", ["deploy.py", "shadow.py", "delete.py", "invoke.py"])
def test_without_credentials_the_user_is_told_how_to_log_in(aws: StandIn, script: str) -> None:
    done = run(aws, script, "fraud", without=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    assert (done.status, done.errors.split(";")[0]) == (1, "Error: There are no AWS credentials")


def test_a_training_job_without_a_model_is_named(aws: StandIn) -> None:
    job = {"TrainingJobStatus": "InProgress", "AlgorithmSpecification": {"TrainingImage": IMAGE}, "RoleArn": ROLE}
    aws.answer("SageMaker.DescribeTrainingJob", job)
    done = run(aws, "deploy.py", "fraud", "--training-job", "job", "--yes")
    assert (done.status, done.errors.split(";")[0]) == (
        1,
        "Error: Training job 'job' is InProgress and has made no model",
    )


def test_a_dry_run_needs_no_credentials_sends_nothing_and_is_what_aws_describes(aws: StandIn) -> None:
    more = ("--capture-to", "s3://features/capture", "--max-instances", "3", "--network-isolation", "--kms-key", "k")
    done = deploy(aws, "--dry-run", *more, without=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    assert [sent["operation"] for sent in planned(done)] == [
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "RegisterScalableTarget",
        "PutScalingPolicy",
        "PutMetricAlarm",
        "PutMetricAlarm",
    ]
    assert aws.seen == []


@pytest.mark.parametrize("step", ["--start", "--promote", "--stop"])
def test_a_dry_run_of_a_challenger_is_what_aws_describes(aws: StandIn, step: str) -> None:
    model = (*DATA, "--image", IMAGE, "--role", ROLE) if step == "--start" else ()
    operations = [sent["operation"] for sent in planned(run(aws, "shadow.py", "fraud", step, "--dry-run", *model))]
    made = ["CreateModel"] if step == "--start" else []
    assert operations[: len(made) + 2] == [*made, "CreateEndpointConfig", "UpdateEndpoint"]
    assert set(operations[len(made) + 2 :]) == {"DeleteEndpointConfig", "DeleteModel"}
    assert aws.seen == []
