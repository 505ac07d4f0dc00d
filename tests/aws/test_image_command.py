"""scripts/aws/image.py does what build_and_push.sh does, and asks before anything is stored that bills."""

from __future__ import annotations

import subprocess

from aws_stand_in import REPOSITORY, StandIn
from job_runs import environment, run


def test_a_dry_run_prints_the_commands_of_the_script(aws: StandIn) -> None:
    told = ("shop/fraud", "--region", "eu-west-3", "--profile", "ours", "--dry-run")
    done = run(aws, "image.py", *told)
    script = [REPOSITORY / "build_and_push.sh", *told]
    expected = subprocess.run(script, env=environment(aws), capture_output=True, text=True, check=True)
    assert (done.status, done.said) == (0, expected.stdout)
    assert "docker push ACCOUNT.dkr.ecr.eu-west-3.amazonaws.com/shop/fraud:latest" in done.said


def test_without_yes_nothing_is_built_where_nobody_can_be_asked(aws: StandIn) -> None:
    done = run(aws, "image.py")
    assert (done.status, done.said) == (1, "")
    assert done.errors.startswith("AWS bills what ECR stores")
    assert "expected a terminal, or --yes." in done.errors


def test_what_the_script_finds_wrong_ends_the_command_too(aws: StandIn) -> None:
    done = run(aws, "image.py", "Fraud Detect", "--yes")
    assert (done.status, done.said) == (1, "")
    assert "The image name is 'Fraud Detect'; expected small letters" in done.errors
