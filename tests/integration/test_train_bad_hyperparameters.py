"""Every file of tests/data/invalid/hyperparameters ends training with exit code 1 and words that help."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from fraud_detect.entrypoints.train import train_root
from training_factories import DATA, a_root, a_table, files_of, metrics_of

FOLDER = DATA / "invalid" / "hyperparameters"
RESAMPLERS = (
    "auto, smote, none, borderline_smote, adasyn, random_over, random_under, near_miss, tomek_links, smote_tomek, "
    "smote_enn)"
)
FAULTS: Mapping[str, Sequence[str]] = {
    "above_range": ["`subsample` is '1.5'", "a number above 0 and up to 1"],
    "all_at_once": [
        "5 hyperparameters are wrong",
        "`etta` is unknown (did you mean `eta`?)",
        "`max_depth` is '0' (expected an integer from 1 to 16)",
        "`num_round` is 'many'",
        "`resampler` is 'maybe' (expected one of " + RESAMPLERS,
        "`seed` is '-1'",
    ],
    "another_librarys_name": ["`n_estimators` is unknown to algorithm=xgboost (did you mean `num_round`?)"],
    "cost_without_calibration": ["threshold_policy=cost", "calibration=none", "expected calibrated probabilities"],
    "exact_without_draw": ["calibration=exact is set", "another one without resampler=random_under"],
    "excluded_end": ["`eta` is '0'", "above 0"],
    "misspelt": ["`max_dept` is unknown (did you mean `max_depth`?)"],
    "not_a_choice": ["`resampler` is 'nearby' (expected one of " + RESAMPLERS],
    "not_a_number": ["`gamma` is 'much'", "a number from 0 to 10000"],
    "not_an_integer": ["`num_round` is '2.5'", "an integer from 1 to 10000"],
    "not_an_object": ["hyperparameters.json holds a list", "a JSON object"],
    "not_finite": ["`eta` is 'nan'", "a number above 0"],
    "not_json": ["hyperparameters.json cannot be read", "a JSON object"],
    "nothing_left_to_train_on": [
        "validation_fraction and test_fraction are above 0.8 together",
        "expected 0.2 of the rows to train on",
    ],
    "out_of_range": ["`max_depth` is '0'", "an integer from 1 to 16"],
    "target_above_one": ["threshold_target is 2", "up to 1"],
    "target_missing": ["threshold_target is missing", "threshold_policy=recall"],
    "target_without_policy": ["threshold_target is set", "none with threshold_policy=f1"],
    "unbalanced": ["`scale_pos_weight` is 'equal'", "a number above 0 and up to 1e+06, or balanced"],
    "unlike_any_name": ["`zzz` is unknown;"],
}


def a_root_with(folder: Path, file: Path) -> Path:
    root = a_root(folder, train=a_table())
    shutil.copy(file, root / "input" / "config" / "hyperparameters.json")
    return root


def test_every_broken_file_has_its_words() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_wrong_hyperparameters_are_the_users_fault_and_are_named(name: str, tmp_path: Path) -> None:
    code = train_root(a_root_with(tmp_path, FOLDER / f"{name}.json"))

    failure = (tmp_path / "output" / "failure").read_text()
    assert code == 1
    assert [word for word in FAULTS[name] if word not in failure] == [], failure
    assert files_of(tmp_path / "model") == {}


def test_a_failure_of_many_faults_is_cut_in_its_middle_and_keeps_the_remedy(tmp_path: Path) -> None:
    root = a_root(tmp_path, {f"unknown_hyperparameter_number_{number}": "1" for number in range(50)}, train=a_table())

    train_root(root)

    failure = (root / "output" / "failure").read_text()
    assert len(failure) <= 1_000
    assert failure.startswith("50 hyperparameters are wrong: `unknown_hyperparameter_number_0` is unknown")
    assert failure.endswith("(input/config/hyperparameters.json).")


def test_the_platforms_own_entries_are_passed_over(tmp_path: Path) -> None:
    own = {
        "_tuning_objective_metric": "validation:average_precision",
        "sagemaker_program": "train.py",
        "sagemaker_region": '"eu-central-1"',
        "_kfold": "5",
    }

    assert train_root(a_root(tmp_path, own, train=a_table())) == 0
    assert metrics_of(tmp_path)["rounds"] <= 3  # num_round beside them is heeded
