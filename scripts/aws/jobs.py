"""Jobs of SageMaker that run by themselves: how they are watched, stopped, and what became of them.

Knows SageMaker's operations by the kind of job. Never knows what is in a job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from faults import Fault, aws_faults
from logs import Tail
from session import Aws
from watch import State, watch

_ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True)
class Kind:
    """A kind of job: `name` in AWS's operations, its `logs` if it has any, and what a description of one tells."""

    word: str
    name: str
    logs: str | None
    detail: Callable[[Mapping[str, Any]], str]
    result: Callable[[Aws, Mapping[str, Any]], str]
    console: str

    def ask(self, client: Any, verb: str, job: str) -> dict[str, Any]:
        """Return the answer of the operation `verb`, such as `describe`, about the job."""
        words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in self.name)
        found: dict[str, Any] = getattr(client, verb + words)(**{f"{self.name}Name": job})
        return found


def _secondary(found: Mapping[str, Any]) -> str:
    """Return what a training job does at the moment, in SageMaker's words."""
    secondary = found.get("SecondaryStatus", "")
    message = (found.get("SecondaryStatusTransitions") or [{}])[-1].get("StatusMessage", "")
    same = secondary == found["TrainingJobStatus"]
    return "" if same else f"{secondary}: {message}" if message else str(secondary)


def _counts(found: Mapping[str, Any]) -> str:
    """Return how many jobs of a tuning job are done, run and have failed, and the best figure so far."""
    counts = found.get("TrainingJobStatusCounters", {})
    failed = counts.get("RetryableError", 0) + counts.get("NonRetryableError", 0)
    best = found.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric")
    said = f"{counts.get('Completed', 0)} jobs done, {counts.get('InProgress', 0)} running, {failed} failed"
    return f"{said}, best {best['MetricName']} {best['Value']:.4f}" if best else said


def _model(aws: Aws, found: Mapping[str, Any]) -> str:
    """Say what a training job came to, and return the address of its model."""
    name = found["TrainingJobName"]
    for metric in found.get("FinalMetricDataList", []):
        if metric["MetricName"].startswith(("validation:", "test:", "prequential:", "cross_validation:")):
            aws.say(f"{metric['MetricName']} = {metric['Value']:.4f}")
    if "BillableTimeInSeconds" in found:
        ran = found.get("TrainingTimeInSeconds", found["BillableTimeInSeconds"])
        aws.say(f"billed {found['BillableTimeInSeconds']} s of the {ran} s that each instance trained")
    aws.say(f"deploy it: scripts/aws/deploy.py ENDPOINT --region {aws.region} --training-job {name}")
    return str(found["ModelArtifacts"]["S3ModelArtifacts"])


def _best_model(aws: Aws, found: Mapping[str, Any]) -> str:
    """Say which hyperparameters a tuning job found best, and return the address of the model trained with them."""
    best = found.get("BestTrainingJob")
    if not best:
        raise Fault(
            f"None of the jobs of {found['HyperParameterTuningJobName']} printed its objective",
            expected="one at least",
            remedy="Look at the jobs' failure reasons in the console.",
        )
    aws.say(f"best job: {best['TrainingJobName']}, with")
    for name, value in sorted(best.get("TunedHyperParameters", {}).items()):
        aws.say(f"  {name}={value}")
    with aws_faults():
        trained = KINDS["training"].ask(aws.client("sagemaker"), "describe", best["TrainingJobName"])
    return _model(aws, trained)


def _output(_: Aws, found: Mapping[str, Any]) -> str:
    """Return where a transform job wrote."""
    return str(found["TransformOutput"]["S3OutputPath"])


KINDS = {
    kind.word: kind
    for kind in (
        Kind("training", "TrainingJob", "/aws/sagemaker/TrainingJobs", _secondary, _model, "jobs"),
        Kind("tuning", "HyperParameterTuningJob", None, _counts, _best_model, "hyper-tuning-jobs"),
        Kind("transform", "TransformJob", "/aws/sagemaker/TransformJobs", lambda _: "", _output, "transform-jobs"),
    )
}


def _nothing() -> None:
    """Do nothing after the end."""


def follow(
    aws: Aws,
    kind: Kind,
    job: str,
    poll_seconds: float,
    *,
    limit_seconds: float | None = None,
    then: Callable[[], None] = _nothing,
) -> str:
    """Wait for the end of the job, with its log lines; return the address of what it made.

    Raise `Fault` with SageMaker's reason if it ends otherwise. A job that goes on for `limit_seconds` is stopped.
    `then` is called once the job has ended, however it has; not if the waiting is interrupted.
    """
    client, pace = aws.client("sagemaker"), aws.pace(poll_seconds)
    last: dict[str, Any] = {}
    until = None if limit_seconds is None else pace.clock() + limit_seconds

    def ask() -> State:
        last.clear()
        last.update(kind.ask(client, "describe", job))
        status = last[f"{kind.name}Status"]
        return State(status, last.get("FailureReason", ""), "" if status in _ENDED else kind.detail(last))

    tail = Tail(aws.client("logs"), kind.logs, f"{job}/", aws.say) if kind.logs else None

    def also() -> None:
        nonlocal until
        if tail:
            tail()
        if until is not None and pace.clock() > until and last[f"{kind.name}Status"] not in _ENDED:
            until = None
            stop(aws, kind, job)

    aws.say(f"look at it: {_console(aws, kind, job)}")
    try:
        ended = watch(ask, pace, until=_ENDED, on_interrupt=_goes_on(aws, kind, job), also=also)
    except Fault as fault:
        if not isinstance(fault.__cause__, KeyboardInterrupt):  # whose remedy says so
            aws.say(_goes_on(aws, kind, job))
        raise
    then()
    if ended.name != "Completed":
        raise _ended_badly(aws, kind, job, ended)
    return kind.result(aws, last)


def stop(aws: Aws, kind: Kind, job: str) -> None:
    """Ask SageMaker to stop the job; what it has by then, it keeps."""
    with aws_faults():
        kind.ask(aws.client("sagemaker"), "stop", job)
    aws.say(f"asked SageMaker to stop {kind.word} job {job}")


def how_to_stop(aws: Aws, kind: Kind, job: str) -> str:
    """Return the sentence that says how to stop the job."""
    return f"Stop it with scripts/aws/follow.py {kind.word} {job} --region {aws.region} --stop."


def _goes_on(aws: Aws, kind: Kind, job: str) -> str:
    again = f"scripts/aws/follow.py {kind.word} {job} --region {aws.region}"
    return f"The job goes on and bills. Go on watching with {again}; add --stop to stop it."


def _console(aws: Aws, kind: Kind, job: str) -> str:
    return f"https://{aws.region}.console.aws.amazon.com/sagemaker/home?region={aws.region}#/{kind.console}/{job}"


def _ended_badly(aws: Aws, kind: Kind, job: str, ended: State) -> Fault:
    more = f"`aws logs tail {kind.logs} --log-stream-name-prefix {job}/ --since 1d --region {aws.region}`"
    log = f"The log has more: {more}." if kind.logs else "The console has the reasons of its jobs."
    kept = " What it saved by then is kept." if ended.name == "Stopped" else ""
    reason = ended.reason.strip().rstrip(".") or "no reason given"
    return Fault(
        f"{kind.word.capitalize()} job {job} ended as {ended.name}: {reason}",
        expected="Completed",
        remedy=f"{log}{kept}",
    )
