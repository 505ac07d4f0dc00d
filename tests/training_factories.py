"""Small tables, channels, roots and models for the tests of training."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fraud_detect.estimators.family import Block, FitSettings, Fitted, Hooks
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.evaluation.ranking import average_precision_of
from fraud_detect.schema import Float32Matrix

REPOSITORY = Path(__file__).parents[1]
DATA = REPOSITORY / "tests" / "data"
COMMAND = Path(sys.executable).with_name("fraud-detect")
QUICK = {"num_round": "3", "bootstrap_samples": "20", "resampler": "none", "report": "false"}
"""Hyperparameters of a job that is over at once."""

QUICK_FAMILY = {
    "num_round": 10,
    "early_stopping_rounds": 0,
    "eta": 0.1,
    "max_bin": 256,
    "max_depth": 4,
    "n_estimators": 10,
}
"""Hyperparameters of a quick fit, each for the families that have it."""

QUICK_OF: Mapping[str, Mapping[str, Any]] = {"autoencoder": {"max_iter": 10}}
"""Such of one family alone: its name means something else in others."""

Content = str | bytes | pd.DataFrame


def a_table(rows: int = 200, frauds: int = 40, *, seed: int = 0) -> pd.DataFrame:
    """Return a table of numbers in which frauds have higher amounts: Class, amount, hour."""
    rng = np.random.default_rng(seed)
    label = np.zeros(rows, dtype=int)
    label[rng.choice(rows, frauds, replace=False)] = 1
    amount = np.round(rng.normal(size=rows) + 2 * label, 4)
    return pd.DataFrame({"Class": label, "amount": amount, "hour": rng.integers(24, size=rows)})


def a_mixed_table(rows: int = 300, frauds: int = 60, *, seed: int = 0) -> pd.DataFrame:
    """Return a table with every kind of column: kind (good, bad), when, amount with gaps, country, online, code."""
    rng = np.random.default_rng(seed)
    plain = a_table(rows, frauds, seed=seed)
    countries = ["FR", "N,L", 'a "b"', "DE", None]
    country = rng.choice(countries, rows, p=[0.1, 0.1, 0.3, 0.3, 0.2])
    country[plain["Class"] == 1] = rng.choice(countries, frauds, p=[0.4, 0.3, 0.1, 0.1, 0.1])
    return pd.DataFrame(
        {
            "kind": np.where(plain["Class"] == 1, "bad", "good"),
            "when": pd.date_range("2026-01-01", periods=rows, freq="h").astype(str),
            "amount": plain["amount"].where(rng.random(rows) > 0.1),
            "country": country,
            "online": rng.choice(["true", "false"], rows),
            "code": rng.integers(4, size=rows),
        }
    )


def as_bytes(content: Content) -> bytes:
    """Return a file's content: text, bytes as they are, or a table as CSV."""
    if isinstance(content, pd.DataFrame):
        return content.to_csv(index=False).encode()
    return content if isinstance(content, bytes) else content.encode()


def a_channel(folder: Path, *contents: Content, suffix: str = ".csv") -> Path:
    """Return the channel `folder` with one file for each of `contents`."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(contents):
        (folder / f"part-{number}{suffix}").write_bytes(as_bytes(content))
    return folder


def a_root(folder: Path, hyperparameters: Mapping[str, str] | None = None, **channels: Content) -> Path:
    """Return a folder like /opt/ml: `channels` by name, `QUICK` hyperparameters with `hyperparameters` over them."""
    for name, content in channels.items():
        a_channel(folder / "input" / "data" / name, content)
    configure(folder, "hyperparameters", {**QUICK, **(hyperparameters or {})})
    return folder


def configure(root: Path, name: str, document: object) -> None:
    """Write input/config/`name`.json."""
    path = root / "input" / "config" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def train(root: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Return the outcome of `fraud-detect train --root ROOT` in a process of its own."""
    command = [str(COMMAND), "train", "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below `folder` by its relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def metrics_of(root: Path) -> dict[str, Any]:
    """Return output/data/metrics.json."""
    document: dict[str, Any] = json.loads((root / "output" / "data" / "metrics.json").read_text())
    return document


def a_block(rows: int = 300, *, seed: int = 0, categories: int = 5) -> Block:
    """Return rows with a number, a number with gaps, and a column of category codes with gaps; all tell of fraud."""
    rng = np.random.default_rng(seed)
    code = rng.integers(categories, size=rows)
    features = np.column_stack([rng.normal(size=rows), rng.normal(size=rows), code]).astype(np.float32)
    effect = np.sin(np.arange(categories))[code]  # the same for every seed
    labels = (features[:, 0] + features[:, 1] + effect + rng.normal(size=rows) > 1.5).astype(np.uint8)
    features[rng.random(rows) < 0.1, 1] = np.nan
    features[rng.random(rows) < 0.1, 2] = np.nan
    return Block(features, labels)


def fit_settings(
    family: str = "xgboost",
    *,
    categories: Sequence[int] = (0, 0, 5),
    parameters: Mapping[str, Any] | None = None,
    **overrides: Any,
) -> FitSettings:
    """Return settings of a quick fit of `a_block` by `family`, which takes those of `QUICK_FAMILY` that it has."""
    declared = FAMILIES[family].parameters
    quick = {name: value for name, value in QUICK_FAMILY.items() if name in declared.model_fields}
    quick.update(QUICK_OF.get(family, {}))
    given: dict[str, Any] = {
        "parameters": declared.model_validate({"algorithm": family, **quick, **(parameters or {})}),
        "measure": average_precision_of,
        "categories": categories,
        "seed": 0,
        "threads": 1,
        "hooks": Hooks(),
    }
    return FitSettings(**{**given, **overrides})


def a_fitted_model(family: str = "xgboost", *, block: Block | None = None, **overrides: Any) -> Fitted:
    """Return a model fitted on `a_block`, validated on another one."""
    return FAMILIES[family].fit([block or a_block()], a_block(seed=1), fit_settings(family, **overrides))


def some_features(values: Sequence[Sequence[float]]) -> Float32Matrix:
    """Return rows of features as the model takes them."""
    return np.array(values, dtype=np.float32)
