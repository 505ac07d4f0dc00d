"""`fraud-detect train` of a table that is kept on disk gives the model of one in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fraud_detect.entrypoints.train import train_root
from fraud_detect.estimators import xgboost_matrices
from fraud_detect.tables import matrix
from training_factories import a_mixed_table, a_root, files_of, metrics_of

JOB = {"algorithm": "xgboost", "category_columns": "code", "drop_columns": "when", "resampler": "smote"}
JOB |= {
    "label_column": "kind",
    "positive_label": "bad",
    "num_round": "10",
    "refit": "yes",
    "cv_folds": "2",
    "resampling_ratio": "0.6",
}


def model_of(root: Path) -> Mapping[str, bytes]:
    """Return the model's files, the manifest without how the rows were kept."""
    files = files_of(root / "model")
    manifest: dict[str, Any] = json.loads(files.pop("manifest.json"))
    del manifest["hyperparameters"]["external_memory"]
    return {**files, "manifest": json.dumps(manifest).encode()}


def done(folder: Path, external_memory: str, **more: str) -> Path:
    root = a_root(folder, {**JOB, **more, "external_memory": external_memory}, train=a_mixed_table(900, 200))
    assert train_root(root) == 0
    return root


@pytest.mark.parametrize(
    "more",
    [{}, {"subsample": "0.6", "colsample_bytree": "0.6"}, {"resampler": "random_under"}],
    ids=["plain", "drawn", "rows left out"],
)
def test_it_is_the_model_of_rows_in_memory(
    more: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In several pieces, of which the last one is shorter."""
    monkeypatch.setattr(xgboost_matrices, "ROWS_OF_A_PIECE", 150)
    monkeypatch.setattr(matrix, "ROWS_AT_ONCE", 130)

    disk, memory = done(tmp_path / "disk", "true", **more), done(tmp_path / "memory", "false", **more)

    assert model_of(disk) == model_of(memory)
    assert metrics_of(disk) == metrics_of(memory)


def test_rows_lie_in_files_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped: list[int] = []
    real = np.memmap.__new__

    def noted(*arguments: Any, **options: Any) -> Any:
        found = real(*arguments, **options)
        mapped.append(len(found))
        return found

    monkeypatch.setattr(np.memmap, "__new__", noted)
    left = tmp_path / "output" / ".scratch-of-a-job-that-was-killed"
    left.mkdir(parents=True)
    (left / "rows").write_bytes(b"rows")

    root = done(tmp_path, "true")

    assert max(mapped) >= 900
    assert sorted(path.name for path in (root / "output").iterdir()) == ["data"]


def test_a_family_that_needs_rows_in_memory_refuses(tmp_path: Path) -> None:
    root = a_root(tmp_path, {"algorithm": "lightgbm", "external_memory": "true"})

    assert train_root(root) == 1

    failure = (root / "output" / "failure").read_text()
    assert "external_memory is true (expected false without algorithm=xgboost and device=cpu)" in failure
