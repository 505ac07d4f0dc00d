"""scripts/aws/train.py and follow.py: what SageMaker is asked for, and what the user is told."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from aws_stand_in import Done, StandIn
from job_runs import IMAGE, JOB, QUICK, ROLE, USUAL, changes, planned, run, sent, started, write_log

from fraud_detect.sagemaker.metrics import definitions

LOGS = "/aws/sagemaker/TrainingJobs"
MODEL = f"s3://features/jobs/{JOB}/output/model.tar.gz"
OPTIONS = (
    *("-p", "num_round=300", "-p", "threshold_policy=recall", "-p", "threshold_target=0.8", "--tag", "team=a"),
    *("--channel", "reason_codes=s3://transactions/raw", "--validation", "s3://transactions/raw/2018-04-01.parquet"),
    *("--instance-type", "ml.m5.2xlarge", "--instance-count", "2", "--volume-gb", "50", "--max-minutes", "30"),
    *("--spot", "--network-isolation", "--encrypt-traffic", "--subnet", "subnet-1", "--security-group", "sg-1"),
    *("--shard", "--output-kms-key", "alias/ours", "--volume-kms-key", "alias/disks"),
    *("--env", "SAGEMAKER_CONTAINER_LOG_LEVEL=10"),
)


def a_state(status: str, secondary: str, **more: Any) -> dict[str, Any]:
    """Return what SageMaker says of the job."""
    return {
        "TrainingJobName": JOB,
        "TrainingJobStatus": status,
        "SecondaryStatus": secondary,
        "ModelArtifacts": {"S3ModelArtifacts": MODEL},
        **more,
    }


def train(aws: StandIn, *arguments: str, **more: Any) -> Done:
    """Train with options that nothing is wrong with; later ones win."""
    return run(aws, "train.py", *USUAL, *QUICK, *arguments, **more)


@pytest.fixture(scope="module")
def done(aws_of_module: StandIn) -> Iterator[Done]:
    """Return the run of a job on two spot instances, which downloads, trains, and completes."""
    write_log(aws_of_module, LOGS, algo_1=["reading the table", "round=1;"], algo_2=["waiting"])
    metrics = [{"MetricName": "validation:f1", "Value": 0.5, "Timestamp": 1}, {"MetricName": "train:f1", "Value": 1}]
    downloading = {"SecondaryStatusTransitions": [{"StatusMessage": "Downloading input data"}]}
    aws_of_module.answer(
        "SageMaker.DescribeTrainingJob",
        a_state("InProgress", "Downloading", **downloading),
        a_state("InProgress", "Training"),
        a_state(
            "Completed",
            "Completed",
            FinalMetricDataList=metrics,
            TrainingTimeInSeconds=90,
            BillableTimeInSeconds=30,
        ),
    )
    yield train(aws_of_module, "--yes", *OPTIONS)
    aws_of_module.answers.clear()


@pytest.fixture(scope="module")
def request_sent(done: Done, aws_of_module: StandIn) -> Any:
    assert done.status == 0, done.errors
    return sent(aws_of_module, "CreateTrainingJob")


def test_the_job_has_its_name_image_role_and_tags(request_sent: Any) -> None:
    assert request_sent["TrainingJobName"] == JOB
    assert request_sent["AlgorithmSpecification"]["TrainingImage"] == IMAGE
    assert request_sent["RoleArn"] == ROLE
    tags = {tag["Key"]: tag["Value"] for tag in request_sent["Tags"]}
    assert tags == {"project": "fraud-detect", "team": "a"}


def test_the_job_has_the_hyperparameters(request_sent: Any) -> None:
    given = {"num_round": "300", "threshold_policy": "recall", "threshold_target": "0.8"}
    assert request_sent["HyperParameters"] == given


def test_the_metrics_are_those_that_the_container_prints(request_sent: Any) -> None:
    assert request_sent["AlgorithmSpecification"]["MetricDefinitions"] == json.loads(definitions())


def test_each_channel_has_its_address_as_it_was_given(request_sent: Any) -> None:
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in request_sent["InputDataConfig"]
    }
    assert channels == {
        "train": "s3://transactions/raw/",
        "validation": "s3://transactions/raw/2018-04-01.parquet",
        "reason_codes": "s3://transactions/raw",
    }


def test_only_the_training_table_is_divided_between_the_hosts(request_sent: Any) -> None:
    distributions = [
        channel["DataSource"]["S3DataSource"]["S3DataDistributionType"] for channel in request_sent["InputDataConfig"]
    ]
    assert distributions == ["ShardedByS3Key", "FullyReplicated", "FullyReplicated"]


def test_the_machines_are_those_asked_for(request_sent: Any) -> None:
    assert request_sent["ResourceConfig"] == {
        "InstanceType": "ml.m5.2xlarge",
        "InstanceCount": 2,
        "VolumeSizeInGB": 50,
        "VolumeKmsKeyId": "alias/disks",
    }


def test_a_spot_job_waits_twice_as_long_and_has_checkpoints_of_its_own(request_sent: Any) -> None:
    assert request_sent["EnableManagedSpotTraining"] is True
    assert request_sent["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800, "MaxWaitTimeInSeconds": 3600}
    assert request_sent["CheckpointConfig"] == {"S3Uri": f"s3://features/jobs/{JOB}/checkpoints"}


def test_the_job_is_kept_to_itself(request_sent: Any) -> None:
    assert request_sent["EnableNetworkIsolation"] is True
    assert request_sent["EnableInterContainerTrafficEncryption"] is True
    assert request_sent["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert request_sent["OutputDataConfig"] == {"S3OutputPath": "s3://features/jobs", "KmsKeyId": "alias/ours"}


def test_standard_output_is_the_address_of_the_model(done: Done) -> None:
    assert done.said == f"{MODEL}\n"


def test_what_bills_is_said_first(done: Done) -> None:
    bills = "AWS bills 2 x ml.m5.2xlarge for at most 0.5 h = at most 1 instance-hours at the spot price"
    assert done.errors.startswith(bills)
    assert f"Stop it with scripts/aws/follow.py training {JOB} --region eu-west-1 --stop." in done.errors


def test_the_states_are_said_as_they_change(done: Done) -> None:
    states = [line.partition(" after")[0] for line in done.errors.splitlines() if " after " in line]
    assert states == ["InProgress, Downloading: Downloading input data", "InProgress, Training", "Completed"]


def test_each_line_of_the_log_is_said_once_with_its_host(done: Done) -> None:
    lines = [line for line in done.errors.splitlines() if line.startswith("algo-")]
    assert lines == ["algo-1: reading the table", "algo-1: round=1;", "algo-2: waiting"]


def test_figures_billed_time_and_how_to_deploy_are_said_at_the_end(done: Done) -> None:
    assert done.errors.splitlines()[-3:] == [
        "validation:f1 = 0.5000",
        "billed 30 s of the 90 s that each instance trained",
        f"deploy it: scripts/aws/deploy.py ENDPOINT --region eu-west-1 --training-job {JOB}",
    ]


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(request_sent: Any, aws_of_module: StandIn) -> None:
    before = len(aws_of_module.seen)
    dry = train(aws_of_module, "--dry-run", *OPTIONS, without=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    assert [each["request"] for each in planned(dry)] == [request_sent]
    assert len(aws_of_module.seen) == before


def test_by_default_a_job_is_one_machine_without_spot_checkpoints_and_network_rules(aws: StandIn) -> None:
    run(aws, "train.py", "--image", IMAGE, "--role", ROLE, "--train", "s3://transactions/raw", "--yes", "--no-wait")
    request = sent(aws, "CreateTrainingJob")
    assert request["ResourceConfig"]["InstanceCount"] == 1
    assert request["OutputDataConfig"] == {"S3OutputPath": "s3://transactions/fraud-detect/jobs"}
    assert not {"CheckpointConfig", "VpcConfig", "Environment"} & set(request)


def test_without_waiting_the_address_to_come_is_printed(aws: StandIn) -> None:
    done = train(aws, "--yes", "--no-wait")
    assert (done.status, done.said) == (0, f"{MODEL}\n")
    assert not [request for request in aws.seen if request.operation == "SageMaker.DescribeTrainingJob"]


def test_a_failed_job_is_said_with_sagemakers_reason(aws: StandIn) -> None:
    reason = "AlgorithmError: The label column has one value; expected two."
    aws.answer("SageMaker.DescribeTrainingJob", a_state("Failed", "Failed", FailureReason=reason))
    done = train(aws, "--yes")
    assert (done.status, done.said) == (1, "")
    assert f"Error: Training job {JOB} ended as Failed: {reason[:-1]}; expected Completed." in done.errors


def test_a_stopped_job_is_no_success_but_keeps_its_model(aws: StandIn) -> None:
    aws.answer("SageMaker.DescribeTrainingJob", a_state("Stopped", "MaxRuntimeExceeded"))
    done = train(aws, "--yes")
    assert done.status == 1
    assert "ended as Stopped: no reason given" in done.errors
    assert "What it saved by then is kept." in done.errors


def test_ctrl_c_leaves_the_job_and_says_how_to_go_on_or_stop_it(aws: StandIn) -> None:
    aws.answer("SageMaker.DescribeTrainingJob", a_state("InProgress", "Training"))
    with started(aws, "train.py", *USUAL, *QUICK, "--yes") as process:
        assert process.stderr is not None
        while "InProgress" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
        status = process.wait(timeout=60)
    assert status == 1
    again = f"scripts/aws/follow.py training {JOB} --region eu-west-1"
    assert f"The job goes on and bills. Go on watching with {again}; add --stop to stop it." in errors
    assert changes(aws) == ["CreateTrainingJob"]


def test_if_the_waiting_fails_the_job_goes_on_and_that_is_said(aws: StandIn) -> None:
    expired = {"__type": "ExpiredTokenException", "message": "The security token is expired."}
    aws.answer("SageMaker.DescribeTrainingJob", expired, status=400)
    done = train(aws, "--yes")
    assert (done.status, done.said) == (1, "")
    assert f"The job goes on and bills. Go on watching with scripts/aws/follow.py training {JOB}" in done.errors
    assert "Renew the credentials" in done.errors.splitlines()[-1]


def test_following_a_job_prints_the_same_address(aws: StandIn) -> None:
    aws.answer("SageMaker.DescribeTrainingJob", a_state("InProgress", "Training"), a_state("Completed", "Completed"))
    done = run(aws, "follow.py", "training", JOB, "--poll-seconds", "0.01")
    assert (done.status, done.said) == (0, f"{MODEL}\n")
    assert changes(aws) == []


def test_following_with_stop_asks_sagemaker_to_stop_the_job(aws: StandIn) -> None:
    aws.answer("SageMaker.StopTrainingJob", {})
    done = run(aws, "follow.py", "training", JOB, "--stop", "--no-wait")
    assert done.status == 0
    assert sent(aws, "StopTrainingJob") == {"TrainingJobName": JOB}


def test_who_may_not_read_the_log_is_told_once_and_gets_the_model(aws: StandIn) -> None:
    refusal = {"__type": "AccessDeniedException", "message": "no"}
    aws.answer("Logs_20140328.DescribeLogStreams", refusal, status=400)
    aws.answer("SageMaker.DescribeTrainingJob", a_state("InProgress", "Training"), a_state("Completed", "Completed"))
    done = train(aws, "--yes")
    assert (done.status, done.said) == (0, f"{MODEL}\n")
    assert done.errors.count("the log is not shown") == 1
