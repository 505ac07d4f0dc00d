"""scripts/aws/spark_features.py emr-serverless: what EMR Serverless is asked for, and what the user is told."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from aws_stand_in import JOB, REPOSITORY, ROLE, Done, StandIn

PYTHON = ("--python", "/usr/bin/python3.11")
OLD = ("--release", "emr-7.13.0")  # moto takes no other releases


def conf(run: Any) -> dict[str, str]:
    """Return Spark's settings of a job run."""
    words = shlex.split(run["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"])
    assert set(words[::2]) == {"--conf"}
    return dict(word.split("=", 1) for word in words[1::2])


def planned(aws: StandIn, *arguments: str) -> dict[str, Any]:
    """Return the requests of a dry run by their operation."""
    done = aws.submit("emr-serverless", "--dry-run", *arguments)
    assert done.status == 0, done.errors
    return {sent["operation"]: sent["request"] for sent in json.loads(done.said)}


def an_application(aws: StandIn) -> str:
    emr = aws.client("emr-serverless")
    made = emr.create_application(name="ours", releaseLabel="emr-7.13.0", type="SPARK", clientToken="1")
    emr.stop_application(applicationId=made["applicationId"])
    return str(made["applicationId"])


def state_of(aws: StandIn, application: str) -> str:
    emr = aws.client("emr-serverless")
    return str(emr.get_application(applicationId=application)["application"]["state"])


@pytest.fixture(scope="module")
def done(aws_of_module: StandIn) -> Done:
    extra = ("--set", "extended", "--conf", "spark.executor.cores=4", "--limit-minutes", "30", "--tag", "team=a")
    return aws_of_module.submit("emr-serverless", *OLD, *PYTHON, *extra)


@pytest.fixture(scope="module")
def run(done: Done, aws_of_module: StandIn) -> Any:
    assert done.status == 0, done.errors
    emr = aws_of_module.client("emr-serverless")
    application = emr.list_applications()["applications"][0]["id"]
    run = emr.list_job_runs(applicationId=application)["jobRuns"][0]["id"]
    return emr.get_job_run(applicationId=application, jobRunId=run)["jobRun"]


def test_the_run_has_its_name_role_tags_and_limit(run: Any) -> None:
    assert (run["name"], run["executionRole"], run["tags"]) == (JOB, ROLE, {"team": "a"})
    assert run["executionTimeoutMinutes"] == 30


def test_the_run_is_given_the_addresses_and_the_features_asked_for(run: Any) -> None:
    told = ["--input", "s3://transactions/raw", "--output", "s3://features/by-day", "--set", "extended"]
    assert run["jobDriver"]["sparkSubmit"]["entryPointArguments"] == told


def test_the_runs_entry_point_is_the_application_of_the_repository(run: Any, aws_of_module: StandIn) -> None:
    source = REPOSITORY / "container/fraud_detect/entrypoints/spark_features.py"
    assert aws_of_module.object(run["jobDriver"]["sparkSubmit"]["entryPoint"]) == source.read_bytes()


def test_the_package_is_submitted_to_spark(run: Any, aws_of_module: StandIn) -> None:
    assert aws_of_module.object(conf(run)["spark.submit.pyFiles"]).startswith(b"PK")


def test_a_setting_of_spark_is_passed_on(run: Any) -> None:
    assert conf(run)["spark.executor.cores"] == "4"


def test_the_python_asked_for_runs_driver_and_executors(run: Any) -> None:
    found = {name: value for name, value in conf(run).items() if "PYTHON" in name}
    driver = "spark.emr-serverless.driverEnv"
    names = {f"{driver}.PYSPARK_DRIVER_PYTHON", f"{driver}.PYSPARK_PYTHON", "spark.executorEnv.PYSPARK_PYTHON"}
    assert found == dict.fromkeys(names, "/usr/bin/python3.11")


def test_the_logs_go_below_the_code(run: Any) -> None:
    logs = run["configurationOverrides"]["monitoringConfiguration"]["s3MonitoringConfiguration"]
    assert logs == {"logUri": "s3://features/fraud-detect/spark/logs/"}


def test_the_created_application_is_said_and_stopped(run: Any, done: Done, aws_of_module: StandIn) -> None:
    application = run["applicationId"]
    assert f"created application {application} of emr-7.13.0" in done.said
    assert f"stopped application {application}; use it again with --application-id {application}" in done.said
    assert state_of(aws_of_module, application) == "STOPPED"


def test_the_user_is_told_the_arn_and_where_to_look(run: Any, done: Done) -> None:
    assert run["arn"] in done.said
    ids = f"--application-id {run['applicationId']} --job-run-id {run['jobRunId']}"
    assert f"aws emr-serverless get-dashboard-for-job-run {ids}" in done.said


def test_an_application_of_ones_own_is_started_and_left_running(aws: StandIn) -> None:
    application = an_application(aws)
    done = aws.submit("emr-serverless", "--application-id", application, *PYTHON)
    assert (done.status, state_of(aws, application)) == (0, "STARTED")


def test_an_application_of_an_old_release_needs_another_python(aws: StandIn) -> None:
    done = aws.submit("emr-serverless", "--application-id", an_application(aws))
    assert done.status == 1
    assert "release is emr-7.13.0, whose own Python is older than 3.11" in done.errors


def test_the_default_release_needs_no_other_python(aws: StandIn) -> None:
    sent = planned(aws)
    assert sent["CreateApplication"]["releaseLabel"] == "emr-spark-8.1.0"
    assert list(conf(sent["StartJobRun"])) == ["spark.submit.pyFiles"]


def test_a_packed_environment_is_unpacked_and_its_python_run(aws: StandIn) -> None:
    found = conf(planned(aws, *OLD, "--python-archive", "s3://features/python.tar.gz")["StartJobRun"])
    assert found["spark.archives"] == "s3://features/python.tar.gz#environment"
    assert found["spark.executorEnv.PYSPARK_PYTHON"] == "./environment/bin/python"


def test_subnets_are_those_of_the_created_application(aws: StandIn) -> None:
    sent = planned(aws, "--subnet", "subnet-1", "--subnet", "subnet-2", "--security-group", "sg-1")
    network = {"subnetIds": ["subnet-1", "subnet-2"], "securityGroupIds": ["sg-1"]}
    assert sent["CreateApplication"]["networkConfiguration"] == network


def test_a_dry_run_sends_nothing(aws: StandIn) -> None:
    planned(aws)
    assert aws.seen == []


def test_a_failed_run_is_exit_code_1_with_its_reason_and_its_logs(aws: StandIn) -> None:
    application = an_application(aws)
    aws.answer(
        f"POST /applications/{application}/jobruns", {"applicationId": application, "jobRunId": "r1", "arn": "a"}
    )
    failed = {"jobRun": {"state": "FAILED", "stateDetails": "Job failed: No column TX_ID."}}
    aws.answer(f"GET /applications/{application}/jobruns/r1", {"jobRun": {"state": "RUNNING"}}, failed)
    done = aws.submit("emr-serverless", "--application-id", application, *PYTHON)
    assert done.status == 1
    assert "Job run r1 ended as FAILED: Job failed: No column TX_ID; expected SUCCESS." in done.errors
    assert f"fraud-detect/spark/logs/applications/{application}/jobs/r1/SPARK_DRIVER/" in done.errors


def test_a_role_of_another_account_is_refused_and_the_created_application_not_left_running(aws: StandIn) -> None:
    done = aws.submit("emr-serverless", *OLD, *PYTHON, "--role", "arn:aws:iam::999999999999:role/theirs")
    assert done.status == 1
    assert "AWS refused StartJobRun with AccessDeniedException: Cross-account pass role is not allowed;" in done.errors
    assert "stops itself after 15 idle minutes" in done.said
