#!/usr/bin/env python3
"""Compute features with Spark on AWS: on SageMaker Processing or on EMR Serverless.

Runs in the environment that `scripts/setup aws` makes; `--help` has the options, docs/spark.md the permissions.

Knows the command line and the order of steps. Never knows how features are computed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import spark_emr
import spark_processing
from dry_run import DryRun
from faults import Fault
from s3_address import Address, need_bucket, need_objects, parse
from session import need_credentials, open_session
from spark_code import Uploaded, read_code, upload
from spark_job import Job, settings
from values import name_at, need_name, need_one_of, need_role, pairs
from watch import Pace

SOURCE = Path(__file__).parents[2] / "container"


def main(arguments: list[str], *, now: datetime) -> int:
    """Submit what `arguments` ask for and return the exit code: 0, or 1 with the reason on standard error."""
    options = _parser().parse_args(arguments)
    try:
        _submit(options, now)
    except Fault as fault:
        print(f"Error: {fault}", file=sys.stderr)
        return 1
    return 0


def _submit(options: argparse.Namespace, now: datetime) -> None:
    job = _job(options, now)
    session = open_session(options.region)
    if not options.dry_run:
        need_credentials(session)
        _SERVICES[options.service](session, options, job, _say)
        return
    dry = DryRun(session)
    options.wait = False
    _SERVICES[options.service](session, options, job, _say_nothing)
    print(dry.text())


def _job(options: argparse.Namespace, now: datetime) -> Job:
    target = parse(options.output, option="--output")
    code = parse(options.code, option="--code") if options.code else Address(target.bucket, "fraud-detect/spark")
    if target.covers(code):
        raise Fault(
            f"The code would go to {code}, which is below --output",
            expected="a folder of features that holds nothing else",
            remedy="Pass another --output, a folder of its own, or another --code.",
        )
    return Job(
        name=need_name(options.job_name or name_at(now, prefix="fraud-detect-features"), option="--job-name"),
        source=parse(options.input, option="--input"),
        target=target,
        code=code,
        role=need_role(options.role, page="docs/spark.md"),
        feature_set=options.set,
        whole=options.full,
        spark=settings(options.conf),
        tags=pairs(options.tag, option="--tag"),
        subnets=tuple(options.subnet),
        security_groups=tuple(options.security_group),
        limit_minutes=options.limit_minutes,
    )


def _uploaded(session: Any, job: Job, say: Callable[[str], None]) -> Uploaded:
    code = read_code(SOURCE)
    s3 = session.client("s3")
    need_objects(s3, job.source, option="--input")
    for option, address in (("--output", job.target), ("--code", job.code)):
        need_bucket(s3, address, option=option)
    uploaded = upload(code, s3, job.code)
    say(f"code {code.digest}: {uploaded.application} and {uploaded.package}")
    return uploaded


def _by_processing(session: Any, options: argparse.Namespace, job: Job, say: Callable[[str], None]) -> None:
    machines = spark_processing.Machines(
        options.instance_type, options.instance_count, options.volume_gb, options.volume_kms_key, options.image
    )
    need_one_of(session.client("sagemaker"), "ProcessingInstanceType", machines.instance_type, option="--instance-type")
    spark_processing.submit(session, job, machines, _uploaded(session, job, say))
    say(f"processing job {job.name}, {machines.instance_count} x {machines.instance_type}")
    say(f"look at it: {spark_processing.console(session, job)}")
    if options.wait:
        say(f"ARN {spark_processing.arn(session, job)}")
        spark_processing.wait(session, job, Pace(say, options.poll_seconds))
        say(f"features are in {job.target}")


def _by_emr(session: Any, options: argparse.Namespace, job: Job, say: Callable[[str], None]) -> None:
    archive = parse(options.python_archive, option="--python-archive") if options.python_archive else None
    python = spark_emr.Python(options.python, archive)
    client, pace = session.client("emr-serverless"), Pace(say, options.poll_seconds)
    given = spark_emr.existing(client, options.application_id) if options.application_id else None
    spark_emr.need_python(given.release if given else options.release, python)
    uploaded = _uploaded(session, job, say)
    application = given or spark_emr.create(client, job, options.release, pace)
    try:
        spark_emr.start(client, application, pace)
        run = spark_emr.submit(client, application, job, python, uploaded)
        say(f"job run {run.id} of application {run.application_id}, ARN {run.arn}")
        say(f"look at it: {spark_emr.dashboard(run)}")
        if options.wait:
            spark_emr.wait(client, run, job, pace)
            say(f"features are in {job.target}")
    finally:
        if given is None:
            spark_emr.stop(client, application, pace)


_SERVICES = {"processing": _by_processing, "emr-serverless": _by_emr}


def _say(line: str) -> None:
    print(line, flush=True)


def _say_nothing(_: str) -> None:
    """Take the lines of a dry run, which would tell of what did not happen."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="spark_features.py", description="Compute features with Spark on AWS.")
    services = parser.add_subparsers(dest="service", required=True, metavar="SERVICE")
    _processing_options(services.add_parser("processing", help="on SageMaker Processing", parents=[_common_options()]))
    _emr_options(services.add_parser("emr-serverless", help="on EMR Serverless", parents=[_common_options()]))
    return parser


def _common_options() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    add = common.add_argument
    add("--input", required=True, metavar="S3", help="a folder or glob of Parquet files, or *.csv, *.csv.gz")
    add("--output", required=True, metavar="S3", help="folder for the features, one file a day")
    add("--set", choices=("handbook", "extended"), default="handbook", help="which features (%(default)s)")
    add("--full", action="store_true", help="compute all days anew, also those that --output already has")
    add("--role", required=True, metavar="ARN", help="role that the job runs as")
    add("--code", metavar="S3", help="where the code is uploaded (fraud-detect/spark in the output's bucket)")
    add("--region", help="AWS region (your configuration's)")
    add("--job-name", metavar="NAME", help="name of the job (made of the time)")
    add("--limit-minutes", type=int, default=240, metavar="N", help="the job is stopped after these (%(default)s)")
    add("--conf", action="append", default=[], metavar="spark.NAME=VALUE", help="a setting of Spark; repeatable")
    add("--tag", action="append", default=[], metavar="KEY=VALUE", help="a tag of the job; repeatable")
    add("--subnet", action="append", default=[], metavar="ID", help="subnet to run in; repeatable")
    add("--security-group", action="append", default=[], metavar="ID", help="security group; repeatable")
    add("--wait", action=argparse.BooleanOptionalAction, default=True, help="wait for the end of the job (yes)")
    add("--poll-seconds", type=float, default=10.0, metavar="N", help="between questions while waiting (%(default)s)")
    add("--dry-run", action="store_true", help="send nothing; print the requests as JSON")
    return common


def _processing_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--instance-type", default="ml.m5.xlarge", metavar="TYPE", help="(%(default)s)")
    add("--instance-count", type=int, default=2, metavar="N", help="(%(default)s)")
    add("--volume-gb", type=int, default=30, metavar="N", help="disk of each instance (%(default)s)")
    add("--volume-kms-key", metavar="KEY", help="key that encrypts the disks")
    add("--image", metavar="URI", help="another image than SageMaker's own for Spark")


def _emr_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--application-id", metavar="ID", help="application to run on (one is created, and stopped at the end)")
    add("--release", default=spark_emr.RELEASE, metavar="LABEL", help="of the created application (%(default)s)")
    python = parser.add_mutually_exclusive_group()
    python.add_argument("--python", metavar="PATH", help="Python on the application's image")
    python.add_argument("--python-archive", metavar="S3", help="environment packed by venv-pack")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], now=datetime.now(UTC)))
