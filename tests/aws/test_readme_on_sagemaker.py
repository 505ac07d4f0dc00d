"""The commands of the README's section on SageMaker, in their order, as a user pastes them into a shell.

AWS is moto with an endpoint's states in front of it; what is trained and served is real. Docker and the AWS command
line, which build and push the image, are stand-ins that do nothing.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest
from aws_stand_in import ACCOUNT, REGION, REPOSITORY, StandIn
from endpoint_stand_in import Endpoints
from job_runs import environment
from sagemaker_at_work import AtWork, at_work

ASKING = re.compile(r"scripts/aws/(image|train|tune|transform|deploy|delete)\.py")
WAITING = re.compile(r"scripts/aws/(train|tune|transform|deploy|delete)\.py")
TOOLS = {
    "aws": f"""
case "$*" in
  *get-caller-identity*) echo {ACCOUNT} ;;
  *describe-images*) echo application/vnd.docker.distribution.manifest.v2+json ;;
  *) echo token ;;
esac""",
    "docker": "case $1 in login) cat >/dev/null ;; esac",
}


def commands() -> str:
    """Return the section's block of commands."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    section = readme.split("\n## On SageMaker\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```bash\n(.*?)```", section, flags=re.DOTALL)
    return str(block)


def unattended(block: str) -> str:
    """Return the commands with a bucket that exists, nobody to ask, and no pauses."""
    block = ASKING.sub(r"\g<0> --yes", block.replace("BUCKET", "features"))
    return WAITING.sub(r"\g<0> --poll-seconds 0.01", block)


@pytest.fixture(scope="module")
def working(aws_of_module: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtWork]:
    Endpoints(aws_of_module)
    with at_work(aws_of_module, tmp_path_factory.mktemp("work")) as made:
        yield made


@pytest.fixture(scope="module")
def ran(working: AtWork, tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Run the commands, with every variable that they set printed at the end."""
    tools = tmp_path_factory.mktemp("tools")
    for name, code in TOOLS.items():
        (tools / name).write_text(f"#!/bin/sh\n{code}\n")
        (tools / name).chmod(0o755)
    told = environment(working.aws)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", unattended(commands()) + '\nprintf "%s\\n" "$image" "$role" "$train"'],
        cwd=REPOSITORY,
        env=told | {"PATH": f"{tools}:{told['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_every_command_succeeds(ran: subprocess.CompletedProcess[str]) -> None:
    assert ran.returncode == 0, ran.stderr[-3000:]


def test_each_command_hands_the_next_one_what_it_needs(ran: subprocess.CompletedProcess[str]) -> None:
    image, role, train = ran.stdout.splitlines()[-3:]
    assert image.startswith(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fraud-detect:")
    assert role == f"arn:aws:iam::{ACCOUNT}:role/fraud-detect"
    assert train == "s3://features/fraud/train/"


def test_the_job_is_trained_and_its_figures_are_in_the_log_that_is_shown(
    ran: subprocess.CompletedProcess[str], working: AtWork
) -> None:
    assert working.trained == ["fraud-1"]
    assert re.search(r"\bvalidation_average_precision=[01]\.\d+;", ran.stderr)


def test_the_rows_are_scored_by_the_model_that_was_trained(ran: subprocess.CompletedProcess[str]) -> None:
    rows = [line for line in ran.stdout.splitlines() if re.fullmatch(r"[01],[01]\.\d+(e-\d+)?", line)]
    payload = (REPOSITORY / "local_test/payload.csv").read_text().splitlines()
    assert len(rows) == len(payload)


def test_what_bills_is_said_before_it_does(ran: subprocess.CompletedProcess[str]) -> None:
    bills = [line for line in ran.stderr.splitlines() if line.startswith("AWS bills")]
    assert len(bills) >= 4, bills  # the image, the objects, the job, the endpoint


def test_nothing_that_bills_by_the_hour_is_left(ran: subprocess.CompletedProcess[str], working: AtWork) -> None:
    assert ran.returncode == 0
    client = working.aws.client("sagemaker")
    assert client.list_endpoints()["Endpoints"] == []
    assert client.list_endpoint_configs()["EndpointConfigs"] == []
    assert client.list_models()["Models"] == []


def test_no_command_of_the_section_is_left_out_of_the_rules_of_this_test() -> None:
    """A new command that asks must be answered: the test would hang or fail less clearly."""
    used = set(re.findall(r"scripts/aws/(\w+)\.py", commands()))
    assert used <= {"image", "role", "upload", "train", "tune", "transform", "deploy", "invoke", "delete"}
