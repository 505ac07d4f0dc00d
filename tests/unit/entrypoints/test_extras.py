"""Commands whose libraries are an extra, where that is not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fraud_detect.entrypoints.cli import COMMANDS, NEED_EXTRA

CONSOLE_LIBRARIES = (
    "alembic",
    "argon2",
    "flask_limiter",
    "flask_wtf",
    "pyotp",
    "segno",
    "sqlalchemy",
    "urllib3",
    "zxcvbn",
)
WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({libraries}))
from fraud_detect.entrypoints.cli import main
main(prog_name="fraud-detect")
"""


def without_console(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `fraud-detect` as where none of the extra's libraries is installed."""
    program = WITHOUT.format(libraries=CONSOLE_LIBRARIES)
    return subprocess.run([sys.executable, "-c", program, *arguments], check=False, capture_output=True, text=True)


@pytest.mark.parametrize("command", NEED_EXTRA)
def test_command_without_its_libraries_says_what_to_install(command: str) -> None:
    done = without_console(command, "--endpoint", "http://localhost:8080")

    assert done.returncode == 1
    assert done.stderr.count("pip install 'fraud-detect[console]'") == 1
    assert "Traceback" not in done.stderr


def test_help_without_the_extra_lists_every_command() -> None:
    said = without_console("--help").stdout

    assert [line.split()[0] for line in said.partition("Commands:")[2].strip().splitlines()] == list(COMMANDS)


def test_other_commands_do_without_the_extra() -> None:
    done = without_console("hyperparameters")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("#")
