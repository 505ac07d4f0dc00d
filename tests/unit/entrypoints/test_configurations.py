"""`--algorithms`, `--resamplers` and `--set` become configurations, or a message."""

from __future__ import annotations

import pytest

from fraud_detect.entrypoints.configurations import configurations, named
from fraud_detect.errors import HyperparameterError

BOTH = ["xgboost", "logistic_regression"]


def test_every_family_comes_with_every_resampler() -> None:
    found = configurations(BOTH, ["none", "smote"], [], {"cv_folds": "5"})

    assert [each.pair for each in found] == [(family, name) for family in BOTH for name in ("none", "smote")]
    assert {each.parameters.cv_folds for each in found} == {5}


def test_what_trains_a_configuration_is_what_was_set_and_not_what_only_compares() -> None:
    (found,) = configurations(["xgboost"], ["none"], ["eta = 0.3", "label_column=y"], {"cv_folds": "5", "seed": "1"})

    assert found.given == {"algorithm": "xgboost", "resampler": "none", "eta": "0.3", "label_column": "y"}
    assert found.parameters.seed == 1


def test_a_value_for_one_family_wins_over_one_for_all_whatever_their_order() -> None:
    settings = ["xgboost.scale_pos_weight=3", "scale_pos_weight=2"]
    weights = [each.parameters.scale_pos_weight for each in configurations(BOTH, ["none"], settings, {})]

    assert weights == [3, 2]


def test_a_familys_hyperparameter_reaches_those_that_have_it() -> None:
    found = configurations(BOTH, ["none"], ["max_depth=4"], {})

    assert ["max_depth" in each.given for each in found] == [True, False]


def test_a_value_may_hold_what_separates_names_from_values() -> None:
    (found,) = configurations(["xgboost"], ["none"], ["label_column=a=b.c"], {})

    assert found.given["label_column"] == "a=b.c"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("max_depth", "NAME=VALUE"),
        ("=4", "NAME=VALUE"),
        ("resampler=smote", "Use --resamplers"),
        ("xgboost.seed=3", "Use --seed"),
        ("knn.max_depth=4", "a family that is compared: xgboost, logistic_regression"),
        ("xgboost.split=random", "the same rows and folds for all"),
        ("max_dept=4", "did you mean `max_depth`.*Correct --set"),
        ("max_depth=deep", "expected an integer from 1 to 16.*Correct --set"),
        ("cv_folds=3", "Use --folds"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_what_to_do(setting: str, said: str) -> None:
    with pytest.raises(HyperparameterError, match=said):
        configurations(BOTH, ["none"], [setting], {})


def test_names_are_taken_once_each() -> None:
    assert named("smote, none,smote", ["none", "smote"], "--resamplers", []) == ["smote", "none"]


@pytest.mark.parametrize("names", ["smoot", "", ","])
def test_a_name_that_is_not_known_is_refused_with_those_that_are(names: str) -> None:
    with pytest.raises(HyperparameterError, match=r"--resamplers has .*names among none, smote"):
        named(names, ["none", "smote"], "--resamplers", [])
