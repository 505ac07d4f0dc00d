"""Features by SageMaker Processing, through the SDK's `PySparkProcessor`.

Knows SageMaker's SDK. Never knows EMR, nor what the application does.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from faults import Fault, aws_faults
from spark_code import Uploaded
from spark_job import Job
from watch import Pace, State, watch

SPARK, PYTHON, CONTAINER = (
    "3.5",
    "py312",
    "1",
)  # of SageMaker's Spark images, the ones with a Python that the package runs on
_LOGS = "/aws/sagemaker/ProcessingJobs"
_ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True)
class Machines:
    """What the job runs on; `image` None lets the SDK find the region's Spark image."""

    instance_type: str
    instance_count: int
    volume_gb: int
    volume_kms_key: str | None
    image: str | None


def submit(session: Any, job: Job, machines: Machines, uploaded: Uploaded) -> None:
    """Create the processing job and return once SageMaker has taken it."""
    from sagemaker.core.helper.session_helper import Session

    logging.getLogger("sagemaker").setLevel(logging.CRITICAL)  # its errors are raised too, and said once by us
    with aws_faults():
        ours = Session(boto_session=session, sagemaker_config=_configuration())
        processor = _processor(ours, job, machines)
        processor.run(
            submit_app=uploaded.application,
            submit_py_files=[uploaded.package],
            arguments=job.arguments,
            configuration=_classified(job),
            job_name=job.name,
            wait=False,
        )


def _processor(ours: Any, job: Job, machines: Machines) -> Any:
    from sagemaker.core.network import NetworkConfig
    from sagemaker.core.spark.processing import PySparkProcessor

    network = NetworkConfig(subnets=list(job.subnets), security_group_ids=list(job.security_groups))
    try:
        return PySparkProcessor(
            role=job.role,
            instance_type=machines.instance_type,
            instance_count=machines.instance_count,
            framework_version=SPARK,
            py_version=PYTHON,
            container_version=CONTAINER,
            image_uri=machines.image,
            volume_size_in_gb=machines.volume_gb,
            volume_kms_key=machines.volume_kms_key,
            configuration_location=str(job.code),
            max_runtime_in_seconds=job.limit_minutes * 60,
            sagemaker_session=ours,
            tags=[{"Key": key, "Value": value} for key, value in job.tags.items()],
            network_config=network if job.subnets else None,
        )
    except ValueError as error:
        raise Fault(
            f"SageMaker's SDK finds no Spark image: {str(error).rstrip('.')}",
            expected="a region that it knows",
            remedy="Correct --region, or pass --image.",
        ) from error


def _configuration() -> dict[str, Any]:
    """Return the user's own defaults for the SDK, with its telemetry off."""
    from sagemaker.core.config import load_sagemaker_config

    found: dict[str, Any] = load_sagemaker_config() or {}
    found.setdefault("SchemaVersion", "1.0")
    modules = found.setdefault("SageMaker", {}).setdefault("PythonSDK", {}).setdefault("Modules", {})
    modules["TelemetryOptOut"] = True
    return found


def _classified(job: Job) -> list[dict[str, Any]] | None:
    return [{"Classification": "spark-defaults", "Properties": dict(job.spark)}] if job.spark else None


def console(session: Any, job: Job) -> str:
    """Return where the job is to be looked at."""
    region = session.region_name
    return f"https://{region}.console.aws.amazon.com/sagemaker/home?region={region}#/processing-jobs/{job.name}"


def arn(session: Any, job: Job) -> str:
    """Return the job's ARN, as SageMaker says it."""
    with aws_faults():
        return str(session.client("sagemaker").describe_processing_job(ProcessingJobName=job.name)["ProcessingJobArn"])


def wait(session: Any, job: Job, pace: Pace) -> None:
    """Return when the job is complete; raise `Fault` with SageMaker's reason when it ends otherwise."""
    client = session.client("sagemaker")

    def ask() -> State:
        found = client.describe_processing_job(ProcessingJobName=job.name)
        reasons = [found.get("FailureReason", ""), found.get("ExitMessage", "")]
        return State(found["ProcessingJobStatus"], " ".join(filter(None, reasons)))

    stop = f"The job goes on; stop it with `aws sagemaker stop-processing-job --processing-job-name {job.name}`."
    ended = watch(ask, pace, until=_ENDED, on_interrupt=stop)
    if ended.name != "Completed":
        raise Fault(
            f"Processing job {job.name} ended as {ended.name}: {ended.reason.rstrip('.') or 'no reason given'}",
            expected="Completed",
            remedy=f"Its log has more: `aws logs tail {_LOGS} --log-stream-name-prefix {job.name} --since 1d`.",
        )
