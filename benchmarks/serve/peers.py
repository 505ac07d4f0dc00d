"""The peers' own virtual environments, under .benchmarks/ in the repository.

Knows venv and pip. Never knows what the peers serve.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SERVERS = HERE / "peers"
ENVIRONMENTS = HERE.parents[1] / ".benchmarks"
QUIET = ("-qq", "--disable-pip-version-check")


class InstallError(Exception):
    """A peer could not be installed; the text is what pip said last."""


def install(name: str) -> Path:
    """Return the folder of programs of the environment of the peer `name`, made if it is not there or out of date.

    Raises
    ------
    InstallError
    """
    requirements, environment = SERVERS / f"{name}.txt", ENVIRONMENTS / name
    programs, mark = environment / "bin", environment / ".installed"
    if mark.exists() and mark.read_text() == requirements.read_text():
        return programs
    print(f"benchmarks/serve: installing {name} in {environment}", file=sys.stderr)
    _run([sys.executable, "-m", "venv", "--clear", environment])
    _run([programs / "python", "-m", "pip", "install", *QUIET, "-r", requirements])
    mark.write_text(requirements.read_text())
    return programs


def version(name: str) -> str:
    """Return the version that the requirements of the peer `name` pin."""
    lines = (SERVERS / f"{name}.txt").read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{name}=="))


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise InstallError((done.stderr.strip().splitlines() or ["it failed without a word"])[-1])
