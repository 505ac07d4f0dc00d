"""The commands on the page about SageMaker are ones that the scripts take."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

import pytest
from aws_stand_in import REPOSITORY, Done, StandIn
from job_runs import IMAGE, ROLE, run_many

PAGE = (REPOSITORY / "docs/sagemaker.md").read_text(encoding="utf-8")
VALUES = {"$image": IMAGE, "$role": ROLE, "$model": "s3://features/jobs/a-job/output/model.tar.gz"}
WITHOUT_DRY_RUN = {"image.py"}  # it prints commands, and has a test of its own


def command_lines() -> list[list[str]]:
    """Return the words of each command that a block of the page has: the script, then its arguments."""
    blocks = "\n".join(re.findall(r"```(?:bash)?\n(.*?)```", PAGE, flags=re.DOTALL)).replace("\\\n", " ")
    lines = [line for line in blocks.splitlines() if line.startswith("scripts/aws/")]
    return [_words(line.replace("BUCKET", "features")) for line in lines]


def _words(line: str) -> list[str]:
    script, *arguments = [VALUES.get(word, word) for word in shlex.split(line, comments=True)]
    return [script.removeprefix("scripts/aws/"), *arguments]


LINES = [line for line in command_lines() if line[0] not in WITHOUT_DRY_RUN]


@pytest.fixture(scope="module")
def ran(aws_of_module: StandIn) -> Sequence[Done]:
    return run_many(aws_of_module, [[*line, "--dry-run"] for line in LINES])


def test_the_page_has_commands_of_each_kind_of_job() -> None:
    assert {"role.py", "train.py", "tune.py", "transform.py", "follow.py"} <= {line[0] for line in LINES}


@pytest.mark.parametrize("number", range(len(LINES)), ids=[" ".join(line)[:50] for line in LINES])
def test_a_command_of_the_page_is_taken(ran: Sequence[Done], number: int) -> None:
    assert ran[number].status == 0, ran[number].errors


def test_every_script_with_a_command_line_of_its_own_is_on_the_page() -> None:
    scripts = (REPOSITORY / "scripts/aws").glob("*.py")
    commands = {path.name for path in scripts if "\n@command\n" in path.read_text() or path.name == "image.py"}
    assert {name for name in commands if f"`{name}`" not in PAGE} == set()
