"""The banknotes of UCI, by support vectors: repeated stratified 70/30, and three known notes by a served model."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fraud_detect.serving.model import load
from fraud_detect.serving.respond import Request, respond
from training_factories import REPOSITORY, configure, train

DATA = Path(os.environ.get("FRAUD_DETECT_DATA", REPOSITORY.parent / "shared" / "data"))
NOTES = DATA / "banknote" / "banknote_authentication.csv"
FORGED, GENUINE = 1, 0
KNOWN = {
    (-3.5916, -6.2285, 10.2389, -1.1543): FORGED,
    (1.6849, 8.7489, -1.2641, -1.3858): GENUINE,
    (0.009661, 3.5612, -4.407, -4.4103): FORGED,
}
REPEATS = 4

pytestmark = pytest.mark.skipif(not NOTES.exists(), reason=f"{NOTES} is not there")


def trained(folder: Path, seed: int) -> dict[str, Any]:
    """Return the metrics of a job in `folder` that holds out 30 % for testing, by class and `seed`."""
    channel = folder / "input" / "data" / "train"
    channel.mkdir(parents=True)
    (channel / "notes.csv").symlink_to(NOTES)
    given = {"algorithm": "svm", "label_column": "class", "test_fraction": "0.3", "seed": str(seed)}
    configure(folder, "hyperparameters", {**given, "bootstrap_samples": "0", "report": "false"})

    outcome = train(folder)

    assert outcome.returncode == 0, outcome.stderr
    found: dict[str, Any] = json.loads((folder / "output" / "data" / "metrics.json").read_text())
    return found


def test_support_vectors_tell_forged_notes_and_the_known_ones(tmp_path: Path) -> None:
    tests = [trained(tmp_path / str(seed), seed)["test"] for seed in range(REPEATS)]

    assert all(test["rows"] == pytest.approx(0.3 * 1_372, abs=20) for test in tests)
    assert np.mean([test["f1"] for test in tests]) >= 0.998

    body = json.dumps({"instances": [list(note) for note in KNOWN]}).encode()
    reply = respond(Request(body, "application/json", "application/json"), load(tmp_path / "0" / "model"))
    said = [row["predicted_label"] for row in json.loads(reply.body)["predictions"]]
    assert said == list(KNOWN.values())
