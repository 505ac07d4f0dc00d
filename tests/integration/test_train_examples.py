"""What a training job leaves for forms: two rows that were held out, and ranges."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fraud_detect.artifact import bundle
from fraud_detect.artifact.examples import EXAMPLES, Examples, examples_of
from fraud_detect.entrypoints.train import train_root
from fraud_detect.serving.model import load
from training_factories import a_mixed_table, a_root, a_table

MIXED = {"positive_label": "bad", "label_column": "kind", "time_column": "when"}
FLOW_OF = {
    "plain": {},
    "refit": {"refit": "yes"},
    "folds": {"cv_folds": "2"},
    "disk": {"external_memory": "true"},
    "random": {"split": "random", "time_column": "when", "drop_columns": "code"},
}


def trained(root: Path, table: pd.DataFrame, **hyperparameters: str) -> Examples:
    """Return the examples of the model that `table` makes."""
    assert train_root(a_root(root, hyperparameters, train=table)) == 0
    return examples_of(bundle.read(root / "model"))


@pytest.mark.parametrize("flow", FLOW_OF)
def test_every_flow_packs_them(flow: str, tmp_path: Path) -> None:
    table = a_table().assign(when=range(200), code=1.5)
    found = trained(tmp_path, table, **FLOW_OF[flow])
    assert found.fraud is not None
    assert found.legitimate is not None
    assert {"amount", "hour"} <= set(found.ranges)


def test_rows_are_of_the_validation_part(tmp_path: Path) -> None:
    (tmp_path / "input/data/validation").mkdir(parents=True)
    held_out = a_table(seed=1).assign(amount=lambda table: table["amount"] + 1000)
    held_out.to_csv(tmp_path / "input/data/validation/rows.csv", index=False)
    found = trained(tmp_path, a_table())
    assert found.fraud is not None
    assert found.legitimate is not None
    assert min(float(str(each.features["amount"])) for each in (found.fraud, found.legitimate)) > 900
    assert float(str(found.ranges["amount"].maximum)) < 900


def test_the_model_says_of_the_fraud_what_it_said_in_training(tmp_path: Path) -> None:
    found, model = trained(tmp_path, a_table()), load(tmp_path / "model")
    assert found.fraud is not None
    schema = model.schema
    matrix = schema.encode([[found.fraud.features[name] for name in schema.names]], range(schema.width))
    assert bool(model.scoring.probabilities(matrix)[0] >= model.threshold) is found.fraud.flagged


def test_neither_label_nor_time_is_in_them(tmp_path: Path) -> None:
    found = trained(tmp_path, a_mixed_table(), **MIXED)
    assert found.fraud is not None
    assert set(found.fraud.features) == {"amount", "country", "online", "code"}


def test_the_same_job_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        trained(tmp_path / name, a_mixed_table(), **MIXED)
    first, second = ((tmp_path / name / "model" / EXAMPLES).read_bytes() for name in ("first", "second"))
    assert first == second


def test_nothing_of_single_rows_is_told_where_that_is_asked_for(tmp_path: Path) -> None:
    found = trained(tmp_path, a_table(2000, 200), examples="false")
    assert (found.fraud, found.legitimate) == (None, None)
    assert [(each.minimum, each.maximum) for each in found.ranges.values()] == [(None, None)] * 2
