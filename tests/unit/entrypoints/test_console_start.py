"""What keeps a console from starting is said before it listens."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from factories import an_artifact
from fraud_detect.artifact.examples import EXAMPLES
from fraud_detect.entrypoints.console import command


@pytest.mark.parametrize(
    ("endpoint", "files", "words"),
    [
        ("http://localhost:1", {EXAMPLES: b"no JSON"}, f"{EXAMPLES} cannot be used"),
        ("localhost:8080", {}, "expected http://HOST:PORT"),
        ("sagemaker:no name", {}, "expected the name of an endpoint"),
    ],
    ids=["examples", "address", "name"],
)
def test_a_fault_of_the_user_is_told(endpoint: str, files: dict[str, bytes], words: str, tmp_path: Path) -> None:
    an_artifact(tmp_path / "model", files=files)
    done = CliRunner().invoke(command, ["--endpoint", endpoint, "--root", str(tmp_path)])
    assert (done.exit_code, words in done.output) == (1, True)
