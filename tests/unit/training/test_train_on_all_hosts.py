"""What several hosts train together is what one host would train on all of their rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fraud_detect.artifact.manifest import Labels
from fraud_detect.errors import HyperparameterError
from fraud_detect.hosts import ALONE, Hosts
from fraud_detect.schema import Column, ColumnKind, Schema
from fraud_detect.tables.table import Rows, Table
from fraud_detect.training.candidate import Observer
from fraud_detect.training.checkpoints import Checkpoints, opened
from fraud_detect.training.gathered import gathered
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import divide
from fraud_detect.training.predictions import Predictions
from fraud_detect.training.together import TOGETHER, check_together
from fraud_detect.training.train import Trained, train
from host_factories import on_hosts
from training_factories import a_block

SCHEMA = Schema(
    columns=(
        Column(name="amount"),
        Column(name="hour", missing_allowed=True),
        Column(name="shop", kind=ColumnKind.CATEGORY, categories=tuple("abcde"), missing_allowed=True),
    ),
    label="Class",
)
ROWS = 3_000


@dataclass(frozen=True)
class Outcome:
    """What training came to, what it predicts, how many training rows this host had, and the rounds that it told."""

    trained: Trained
    predictions: Predictions
    rows: int
    told: list[int]


@cache
def some_rows() -> Rows:
    block = a_block(ROWS)
    times = np.sort(np.random.default_rng(3).random(ROWS)) * 1e6
    return Rows(block.features, block.labels, times, None, np.arange(1, ROWS + 1, dtype=np.uint32))


def trained_on(
    hosts: Hosts, *, divided: str = "mixed", checkpoints: Checkpoints | None = None, **overrides: Any
) -> Outcome:
    """Train on this host's rows: `mixed` at random, or in `blocks`, the last of which is the latest."""
    place = np.random.default_rng(1).integers(hosts.count, size=ROWS)
    if divided == "blocks":
        place = np.arange(ROWS) * hosts.count // ROWS
    rows = some_rows().take(np.flatnonzero(place == hosts.rank))
    given = {"num_round": 12, "max_bin": 256, "bootstrap_samples": 20, "resampler": "none", **overrides}
    parameters = Hyperparameters(**given)
    parts = divide(Table(rows, SCHEMA, Labels(negative=0, positive=1)), None, None, parameters, hosts)
    kept: list[Predictions] = []
    told: list[int] = []
    done = train(
        parts,
        SCHEMA,
        Labels(negative=0, positive=1),
        parameters,
        threads=1,
        observer=Observer(lambda _stage, done: told.append(done.number), on_predictions=kept.append),
        checkpoints=checkpoints,
        hosts=hosts,
    )
    return Outcome(done, kept[0], len(parts.training), told)


def assert_alike(found: Outcome, expected: Outcome, *, tolerance: float = 1e-4) -> None:
    """Fail unless both are the same but for the order in which hosts add."""
    one, other = found.predictions, expected.predictions
    np.testing.assert_array_equal(one.numbers, other.numbers)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=tolerance)
    for part in ("train", "validation"):
        figures = [outcome.trained.metrics[part]["average_precision"] for outcome in (found, expected)]
        assert figures[0] == pytest.approx(figures[1], abs=0.005)
    counts = [
        {name: outcome.trained.metrics["resampling"][name] for name in ("synthetic_frauds", "left_out_rows", "chosen")}
        for outcome in (found, expected)
    ]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("resampler", ["auto", "random_over", "random_under"])
def test_the_model_does_not_depend_on_the_number_of_hosts(resampler: str, count: int) -> None:
    options = {"resampler": resampler, "refit": "yes" if resampler == "random_over" else "no"}
    expected = trained_on(ALONE, **options)

    found = on_hosts(count, lambda hosts: trained_on(hosts, **options))

    assert len({outcome.trained.files["model.onnx"] for outcome in found}) == 1
    assert_alike(found[0], expected)
    assert sum(outcome.rows for outcome in found) == expected.rows


def test_synthetic_frauds_are_the_same_whatever_the_hosts() -> None:
    """Neighbours are looked for among the frauds of all hosts, and draws go by the order of all rows."""
    from fraud_detect.resampling.resampled import Resampling
    from fraud_detect.training.together import resample

    rows, asked = some_rows(), Resampling(0.5, 5, 7)
    expected = resample("smote", rows, [False, False, True], asked, ALONE).synthetic

    def made(hosts: Hosts) -> np.ndarray[Any, Any]:
        own = rows.take(np.flatnonzero(np.random.default_rng(1).integers(hosts.count, size=ROWS) == hosts.rank))
        return resample("smote", own, [False, False, True], asked, hosts).synthetic

    found = on_hosts(3, made)
    whole = np.empty_like(expected)
    for rank, part in enumerate(found):
        whole[rank::3] = part
    np.testing.assert_array_equal(whole, expected)


def test_the_latest_rows_may_be_on_one_host_alone() -> None:
    """Of files by day, the last host has all rows to validate on, and the others none."""
    options: dict[str, Any] = {"time_column": "when", "divided": "blocks", "resampler": "smote"}

    found = on_hosts(3, lambda hosts: trained_on(hosts, **options))

    assert_alike(found[0], trained_on(ALONE, **options))


def test_a_host_may_have_nothing_to_train_on() -> None:
    options: dict[str, Any] = {"time_column": "when", "divided": "blocks", "validation_fraction": 0.5}

    found = on_hosts(3, lambda hosts: trained_on(hosts, **options))

    assert found[2].rows == 0
    assert_alike(found[0], trained_on(ALONE, **options))


def test_the_manifest_counts_the_rows_of_all_hosts() -> None:
    two = on_hosts(2, trained_on)[0].trained.manifest["training_data"]
    four = on_hosts(4, trained_on)[0].trained.manifest["training_data"]
    one = trained_on(ALONE).trained.manifest["training_data"]

    assert (two.rows, two.frauds) == (one.rows, one.frauds)
    assert two == four


def test_a_stop_on_one_host_stops_all_after_the_same_round() -> None:
    def stopped(hosts: Hosts) -> int:
        from fraud_detect.hosts import on_any

        asked: list[int] = []

        def should_stop() -> bool:
            asked.append(1)
            return on_any(hosts, hosts.rank == 1 and len(asked) > 4)[0]

        rows = some_rows().take(np.flatnonzero(np.arange(ROWS) % hosts.count == hosts.rank))
        parameters = Hyperparameters(num_round=50, resampler="none", bootstrap_samples=0)
        parts = divide(Table(rows, SCHEMA, Labels(negative=0, positive=1)), None, None, parameters, hosts)
        done = train(
            parts,
            SCHEMA,
            Labels(negative=0, positive=1),
            parameters,
            threads=1,
            observer=Observer(should_stop=should_stop),
            hosts=hosts,
        )
        return int(done.metrics["rounds"])

    rounds = on_hosts(2, stopped)

    assert rounds[0] == rounds[1] < 10


def test_hosts_go_on_from_a_checkpoint_of_the_first(tmp_path: Path) -> None:
    def trained(hosts: Hosts) -> Outcome:
        kept = opened(tmp_path, {"rows": 1}, every=4, mismatch="refuse") if hosts.rank == 0 else None
        return trained_on(hosts, checkpoints=kept)

    whole = on_hosts(2, trained)
    (tmp_path / "model.fit").unlink()

    gone_on = on_hosts(2, trained)

    assert {done.trained.files["model.onnx"] for done in (*whole, *gone_on)} == {whole[0].trained.files["model.onnx"]}
    assert gone_on[0].told == gone_on[1].told == [9, 10, 11, 12]


def test_rows_are_gathered_for_the_report() -> None:
    rows = some_rows()
    parameters = Hyperparameters()

    def shown(hosts: Hosts) -> tuple[int, int, float]:
        own = rows.take(np.flatnonzero(np.arange(ROWS) % hosts.count == hosts.rank))
        parts = divide(Table(own, SCHEMA, Labels(negative=0, positive=1)), None, None, parameters, hosts)
        whole, _ = gathered(parts, {}, hosts)
        return len(whole.training), len(whole.validation), float(np.nansum(whole.validation.features))

    (one,) = on_hosts(1, shown)
    assert on_hosts(2, shown) == [(one[0], one[1], pytest.approx(one[2], rel=1e-5))] * 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"algorithm": "lightgbm"}, "algorithm=lightgbm"),
        ({"resampler": "tomek_links"}, "resampler=tomek_links"),
        ({"cv_folds": 5}, "cv_folds"),
        ({"tune_trials": 5}, "a search"),
        ({"split": "prequential", "time_column": "t", "train_days": 7, "test_days": 7}, "split=prequential"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_what_one_host_alone_can_do_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(HyperparameterError, match=f"has 3 hosts, and only one host alone can do {said}"):
        check_together(Hyperparameters(**given), 3)


@pytest.mark.parametrize("resampler", [*TOGETHER, "auto"])
def test_what_hosts_can_do_together_is_let_through(resampler: str) -> None:
    check_together(Hyperparameters(resampler=resampler), 3)
