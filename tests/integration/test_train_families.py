"""`fraud-detect train` makes a model of every family that the endpoint loads, of categories and gaps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fraud_detect.artifact import bundle
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.serving.model import Model, load
from fraud_detect.serving.respond import Request, respond
from training_factories import a_mixed_table, a_root, configure, train

MIXED = {"label_column": "kind", "positive_label": "bad", "time_column": "when", "category_columns": "code"}
FEW_ROUNDS = {"num_round": "5", "n_estimators": "5", "epochs": "2"}
"""What keeps a job short, each for the families that have it."""
ROWS: list[dict[str, Any]] = [
    {"amount": 2.5, "country": "FR", "online": True, "code": "2"},
    {"amount": None, "country": None, "online": False, "code": "0"},
]


def hyperparameters(family: str) -> dict[str, str]:
    few = {name: value for name, value in FEW_ROUNDS.items() if name in FAMILIES[family].parameters.model_fields}
    return {**MIXED, **few, "algorithm": family, "resampler": "none", "bootstrap_samples": "0", "nthread": "1"}


def answer(model: Model, accept: str) -> Any:
    reply = respond(Request(json.dumps({"instances": ROWS}).encode(), "application/json", accept), model)
    assert reply.status == 200, reply.body
    return json.loads(reply.body)["predictions"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_trained_model_is_served(family: str, tmp_path: Path) -> None:
    root = a_root(tmp_path, train=a_mixed_table())
    configure(root, "hyperparameters", hyperparameters(family))

    outcome = train(root)

    assert outcome.returncode == 0, outcome.stderr
    assert bundle.read(root / "model").manifest.algorithm == family
    probabilities = np.array([row["probability"] for row in answer(load(root / "model"), "application/json")])
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_a_model_of_lightgbm_explains(tmp_path: Path) -> None:
    root = a_root(tmp_path, train=a_mixed_table())
    configure(root, "hyperparameters", {**hyperparameters("lightgbm"), "min_data_in_leaf": "5"})

    outcome = train(root)

    assert outcome.returncode == 0, outcome.stderr
    (risky, _) = answer(load(root / "model"), "application/json;explain=2")
    assert 0 < len(risky["reasons"]) <= 2


def test_the_version_of_the_library_is_kept_with_the_model(tmp_path: Path) -> None:
    root = a_root(tmp_path, train=a_mixed_table())
    configure(root, "hyperparameters", hyperparameters("lightgbm"))

    train(root)

    assert {"lightgbm", "onnx"} <= set(bundle.read(root / "model").manifest.libraries)
