"""Features by EMR Serverless, through boto3.

Knows EMR Serverless. Never knows SageMaker, nor what the application does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from faults import Fault, aws_faults
from s3_address import Address
from spark_code import Uploaded
from spark_job import Job
from watch import Pace, State, watch

RELEASE = "emr-spark-8.1.0"  # its own Python is 3.11 or later
_OLD_PYTHON = re.compile(r"emr-[567]\.")  # their own Python is 3.9 or older
_IDLE_MINUTES = 15
_ACTIVE = ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING", "QUEUED")
_ENDED = ("SUCCESS", "FAILED", "CANCELLED")
_READY = ("STARTED", "TERMINATED")


@dataclass(frozen=True)
class Python:
    """Which Python runs the job: a `path` on the image, a packed environment in S3, or, with neither, the release's."""

    path: str | None
    archive: Address | None

    @property
    def settings(self) -> dict[str, str]:
        """Spark's settings that choose it for the driver and the executors."""
        path = "./environment/bin/python" if self.archive else self.path
        if path is None:
            return {}
        chosen = {
            "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": path,
            "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": path,
            "spark.executorEnv.PYSPARK_PYTHON": path,
        }
        return {"spark.archives": f"{self.archive}#environment", **chosen} if self.archive else chosen


@dataclass(frozen=True)
class Application:
    """An application of EMR Serverless."""

    id: str
    release: str


@dataclass(frozen=True)
class Run:
    """One job run."""

    application_id: str
    id: str
    arn: str


def need_python(release: str, python: Python) -> None:
    """Raise `Fault` where the job would run on the old Python of an old release."""
    if _OLD_PYTHON.match(release) and not python.settings:
        raise Fault(
            f"The application's release is {release}, whose own Python is older than 3.11",
            expected=f"Python 3.11 or later, as in {RELEASE}",
            remedy="Pass --python or --python-archive (docs/spark.md), or use an application of a later release.",
        )


def existing(client: Any, application_id: str) -> Application:
    """Return the application of that id."""
    with aws_faults():
        found = client.get_application(applicationId=application_id)["application"]
    return Application(application_id, found.get("releaseLabel", ""))


def create(client: Any, job: Job, release: str, pace: Pace) -> Application:
    """Create an application named as the job; it starts by itself with a job, and stops by itself when idle."""
    network = {"subnetIds": list(job.subnets), "securityGroupIds": list(job.security_groups)}
    with aws_faults():
        made = client.create_application(
            name=job.name,
            releaseLabel=release,
            type="SPARK",
            clientToken=job.name,
            tags=dict(job.tags),
            autoStartConfiguration={"enabled": True},
            autoStopConfiguration={"enabled": True, "idleTimeoutMinutes": _IDLE_MINUTES},
            **({"networkConfiguration": network} if job.subnets else {}),
        )
    application = Application(made["applicationId"], release)
    pace.say(f"created application {application.id} of {release}")
    return application


def stop(client: Any, application: Application, pace: Pace) -> None:
    """Stop an application that nothing runs on, and say what became of it."""
    itself = f"application {application.id} stops itself after {_IDLE_MINUTES} idle minutes"
    try:
        with aws_faults():
            if client.list_job_runs(applicationId=application.id, states=list(_ACTIVE))["jobRuns"]:
                pace.say(itself)
                return
            client.stop_application(applicationId=application.id)
    except Fault as fault:
        pace.say(f"{itself}; it was not stopped now: {fault}")
        return
    option = f"--application-id {application.id}"
    pace.say(
        f"stopped application {application.id}; use it again with {option}, "
        f"or delete it with `aws emr-serverless delete-application {option}`"
    )


def start(client: Any, application: Application, pace: Pace) -> None:
    """Return when the application is started."""

    def ask() -> State:
        found = client.get_application(applicationId=application.id)["application"]
        return State(found["state"], found.get("stateDetails", ""))

    with aws_faults():
        if client.get_application(applicationId=application.id)["application"]["state"] in ("CREATED", "STOPPED"):
            client.start_application(applicationId=application.id)
    interrupted = f"Stop it with `aws emr-serverless stop-application --application-id {application.id}`."
    state = watch(ask, pace, until=_READY, on_interrupt=interrupted)
    if state.name != "STARTED":
        raise Fault(
            f"Application {application.id} is {state.name}: {state.reason or 'no reason given'}",
            expected="one that can be started",
            remedy="Pass another --application-id, or none to have one created.",
        )


def submit(client: Any, application: Application, job: Job, python: Python, uploaded: Uploaded) -> Run:
    """Start the job run; its logs go below `job.code`."""
    chosen = {"spark.submit.pyFiles": uploaded.package, **python.settings, **job.spark}
    with aws_faults():
        run = client.start_job_run(
            applicationId=application.id,
            clientToken=job.name,
            executionRoleArn=job.role,
            name=job.name,
            executionTimeoutMinutes=job.limit_minutes,
            tags=dict(job.tags),
            jobDriver={
                "sparkSubmit": {
                    "entryPoint": uploaded.application,
                    "entryPointArguments": job.arguments,
                    "sparkSubmitParameters": " ".join(f"--conf {name}={value}" for name, value in chosen.items()),
                }
            },
            configurationOverrides={
                "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": f"{logs(job)}/"}}
            },
        )
    return Run(application.id, run["jobRunId"], run["arn"])


def dashboard(run: Run) -> str:
    """Return how the run is to be looked at, in Spark's own pages."""
    return f"aws emr-serverless get-dashboard-for-job-run --application-id {run.application_id} --job-run-id {run.id}"


def logs(job: Job) -> Address:
    """Return where the logs of the job's driver and executors are written."""
    return job.code.below("logs")


def wait(client: Any, run: Run, job: Job, pace: Pace) -> None:
    """Return when the run has succeeded; raise `Fault` with EMR's reason when it ends otherwise."""
    ids = {"applicationId": run.application_id, "jobRunId": run.id}

    def ask() -> State:
        found = client.get_job_run(**ids)["jobRun"]
        return State(found["state"], found.get("stateDetails") or "")

    options = f"--application-id {run.application_id} --job-run-id {run.id}"
    interrupted = f"The run goes on; stop it with `aws emr-serverless cancel-job-run {options}`."
    ended = watch(ask, pace, until=_ENDED, on_interrupt=interrupted)
    if ended.name != "SUCCESS":
        raise Fault(
            f"Job run {run.id} ended as {ended.name}: {ended.reason.rstrip('.') or 'no reason given'}",
            expected="SUCCESS",
            remedy=f"Its logs are below {logs(job)}/applications/{run.application_id}/jobs/{run.id}/SPARK_DRIVER/.",
        )
