"""A search that was interrupted goes on as if it had not been, and never mixes with another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fraud_detect.errors import SettingError, TableError
from fraud_detect.resampling.registry import SAMPLERS
from fraud_detect.training.search import SearchObserver, SearchRows
from fraud_detect.training.trials import Trial, opened
from searching import searched, some_rows, tried


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints" / "tuning.jsonl"


def test_a_search_goes_on_as_if_it_had_not_been_interrupted(record: Path) -> None:
    """Early trials are drawn at random, later ones learn from all before: both must be the same."""
    whole = searched(tune_trials=16)
    for trials in (2, 9, 16):
        resumed = searched(tune_trials=trials, record=record)

    assert tried(resumed.trials) == tried(whole.trials)
    assert resumed.parameters == whole.parameters


def test_trials_of_an_earlier_run_are_not_made_again(record: Path) -> None:
    searched(record=record)
    told: list[int] = []

    def on_trial(trials: Sequence[Trial]) -> None:
        told.append(len(trials))

    searched(record=record, observer=SearchObserver(on_trial))
    searched(record=record, tune_trials=7, observer=SearchObserver(on_trial))

    assert told == [7]


def test_fewer_trials_than_were_recorded_are_the_first_ones(record: Path) -> None:
    searched(record=record)

    assert tried(searched(record=record, tune_trials=3).trials) == tried(searched(tune_trials=3).trials)


def test_the_time_of_an_earlier_run_counts(record: Path) -> None:
    searched(record=record, clock=iter(range(0, 1_000_000, 100)).__next__)

    assert len(searched(record=record, tune_trials=None, tune_minutes=5).trials) == 6


@pytest.mark.parametrize("left", [1, 20, 400])
def test_a_line_that_a_kill_cut_short_is_made_again(left: int, record: Path) -> None:
    whole = searched(record=record)
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join([*lines[:-1], lines[-1][:left]]))

    assert tried(searched(record=record).trials) == tried(whole.trials)
    assert len(record.read_bytes().splitlines()) == len(lines)


def test_another_table_is_refused_with_the_remedy(record: Path) -> None:
    searched(record=record)
    rows = SearchRows(some_rows(), some_rows(300, seed=2))

    with pytest.raises(
        SettingError, match=r"tuning.jsonl is of another search: the table, .* Delete the file"
    ) as caught:
        searched(rows=rows, record=record)
    assert "`" not in caught.value.got


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"eta": 0.3}, "`eta` was not given and is 0.3"),
        ({"num_round": 7}, "`num_round` was 6 and is 7"),
        ({"seed": 1}, "`seed` was 0 and is 1"),
        ({"resampler": "smote"}, "`resampler` was not given and is smote"),
        ({"tune_algorithms": "xgboost,logistic_regression"}, "`algorithms` was xgboost and is xgboost, logistic"),
    ],
)
def test_other_fixed_hyperparameters_are_refused_by_name(changed: dict[str, Any], told: str, record: Path) -> None:
    searched(record=record)

    with pytest.raises(SettingError, match=told):
        searched(record=record, **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"threshold_policy": "recall", "threshold_target": 0.5},
        {"bootstrap_samples": 5, "calibration": "isotonic", "refit": "yes"},
        {"seed": 0, "validation_fraction": 0.2},
        {"tune_minutes": 5, "nthread": 1},
    ],
)
def test_what_changes_nothing_of_a_trial_may_be_changed(changed: dict[str, Any], record: Path) -> None:
    """Or given at its default, as clients do that send all defaults."""
    whole = searched(record=record)

    assert tried(searched(record=record, **changed).trials) == tried(whole.trials)


@pytest.mark.parametrize("content", [b"not JSON\n", b"[]\n", b'{"op_code": 77}\n', b'{"a": 1}\n'])
def test_a_file_of_something_else_is_refused(content: bytes, record: Path) -> None:
    record.parent.mkdir()
    record.write_bytes(content)

    with pytest.raises(SettingError, match="cannot be read as the record of a search"):
        searched(record=record)


def test_two_searches_do_not_write_one_file(record: Path) -> None:
    with opened(record, {}), pytest.raises(SettingError, match="is being written by another search"):
        searched(record=record)


def test_a_search_of_which_all_trials_failed_leaves_no_record_to_be_deleted(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object) -> Any:
        raise TableError("There are no numbers", expected="some", remedy="Add them.")

    with monkeypatch.context() as patched:
        for name in SAMPLERS:
            patched.setitem(SAMPLERS, name, refusing)  # type: ignore[arg-type]
        with pytest.raises(TableError):
            searched(record=record)

    assert searched(record=record, eta=0.3).best is not None


def test_another_search_takes_the_place_of_the_first_if_that_is_asked_for(record: Path, tmp_path: Path) -> None:
    searched(record=record)

    again = searched(record=record, seed=1, checkpoint_mismatch="restart")

    assert tried(again.trials) == tried(searched(record=tmp_path / "fresh", seed=1).trials)
    assert tried(searched(record=record, seed=1).trials) == tried(again.trials)
