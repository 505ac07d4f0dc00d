"""A model can be scored without a word to anybody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from factories import an_artifact

SCORE = """
import sys
from pathlib import Path
from fraud_detect.artifact import bundle
from fraud_detect.artifact.scorer import Scorer
Scorer.open(bundle.read(Path(sys.argv[1])))
"""


def test_onnx_runtime_leaves_no_identifier_of_the_machine(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    an_artifact(tmp_path / "model")

    subprocess.run([sys.executable, "-c", SCORE, str(tmp_path / "model")], env={"HOME": str(home)}, check=True)

    assert list(home.rglob("*")) == []
