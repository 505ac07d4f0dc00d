"""One declared table parses hyperparameters, explains them, and is SageMaker's specification of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from fraud_detect.errors import HyperparameterError
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.sagemaker.hyperparameters import (
    ALIASES,
    TUNABLE,
    as_markdown,
    as_sagemaker,
    common_table,
    family_table,
    parse,
    table,
)
from fraud_detect.training.parameters import ALGORITHM, Hyperparameters

ENTRIES = {entry.name: entry for entry in table()}
COMMON = {ALGORITHM, *(entry.name for entry in common_table())}
NUMBERS = [name for name, entry in ENTRIES.items() if entry.low is not None]
FOLDS = {"split": "prequential", "time_column": "when", "train_days": "7", "test_days": "7"}
OF_FOLDS = ("train_days", "delay_days", "known_days", "test_days", "folds")
NEEDED = {
    "threshold_target": {"threshold_policy": "cost"},
    "top_k": {"time_column": "when", "card_column": "card"},
    "cv_repeats": {"cv_folds": "5"},
    "review_cost": {"amount_column": "amount"},
    **dict.fromkeys(OF_FOLDS, FOLDS),
    "known_days": {**FOLDS, "train_days": "3650"},
}
"""Hyperparameters that one cannot be set without."""
CHOSEN = {
    **{("threshold_policy", policy): {"threshold_target": "0.5"} for policy in ("precision", "recall", "cost")},
    ("threshold_policy", "alert_rate"): {"threshold_target": "0.5"},
    ("split", "grouped"): {"card_column": "card"},
    ("calibration", "exact"): {"resampler": "random_under"},
    ("split", "time"): {"time_column": "when"},
    ("split", "prequential"): FOLDS,
}
"""Hyperparameters that a choice cannot be made without."""


def specifications() -> dict[str, dict[str, Any]]:
    return {entry["Name"]: entry for entry in json.loads(as_sagemaker())}


def allows(family: str, given: dict[str, str]) -> bool:
    try:
        parse({ALGORITHM: family, **given})
    except HyperparameterError:
        return False
    return True


def test_nothing_given_is_the_defaults() -> None:
    assert parse({}) == Hyperparameters()


def test_strings_become_what_they_spell() -> None:
    parsed = parse(
        {"eta": "0.3", "max_depth": "4", "drop_columns": " a, b ,,c", "label_column": "Class", "lambda": "2"}
    )

    assert (parsed.family.eta, parsed.family.max_depth, parsed.drop_columns) == (0.3, 4, ("a", "b", "c"))
    assert (parsed.label_column, parsed.family.lambda_) == ("Class", 2)


def test_values_may_be_json_too() -> None:
    """Outside of SageMaker people write numbers and lists."""
    parsed = parse({"eta": 0.3, "max_depth": 4, "drop_columns": ["a", "b"]})

    assert (parsed.family.eta, parsed.family.max_depth, parsed.drop_columns) == (0.3, 4, ("a", "b"))


@pytest.mark.parametrize(("given", "value"), [('"smote"', "smote"), ("smote", "smote"), ('"none"', "none")])
def test_quotes_that_a_client_put_around_a_string_are_taken_off(given: str, value: str) -> None:
    assert parse({"resampler": given}).resampler == value


@pytest.mark.parametrize("name", ["sagemaker_program", "sagemaker_job_name", "_tuning_objective_metric", "_other"])
def test_the_platforms_own_entries_are_passed_over(name: str) -> None:
    assert parse({name: "anything"}) == Hyperparameters()


@pytest.mark.parametrize("name", NUMBERS)
def test_both_ends_of_a_range_are_heeded(name: str) -> None:
    entry, needed = ENTRIES[name], NEEDED.get(name, {})
    assert entry.low is not None
    assert entry.high is not None

    parse({**needed, name: f"{entry.high:.12g}"})
    for outside in (entry.low - 1, entry.high + 1, *([] if entry.low_included else [entry.low])):
        with pytest.raises(HyperparameterError, match=f"`{name}` is '{outside:.12g}'"):
            parse({**needed, name: f"{outside:.12g}"})


@pytest.mark.parametrize("name", [name for name in NUMBERS if ENTRIES[name].low_included])
def test_an_included_lower_end_is_allowed(name: str) -> None:
    parse({**NEEDED.get(name, {}), name: f"{ENTRIES[name].low:.12g}"})


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.choices])
def test_every_choice_is_allowed_and_no_other(name: str) -> None:
    for choice in ENTRIES[name].choices:
        parse({**CHOSEN.get((name, choice), {}), name: choice})
    with pytest.raises(HyperparameterError, match=f"`{name}` is 'other' \\(expected one of"):
        parse({name: "other"})


@pytest.mark.parametrize("value", ["1.5", "many", "", "nan", "1e400", "true"])
def test_an_integer_is_nothing_else(value: str) -> None:
    with pytest.raises(
        HyperparameterError, match=re.escape(f"`max_depth` is '{value}' (expected an integer from 1 to 16)")
    ):
        parse({"max_depth": value})


@pytest.mark.parametrize(
    ("name", "meant"), [("max_dept", "max_depth"), ("Eta", "eta"), ("num_rounds", "num_round"), *ALIASES.items()]
)
def test_a_misspelt_name_brings_the_one_that_was_meant(name: str, meant: str) -> None:
    names = {family: {entry.name for entry in table(family)} for family in FAMILIES}
    family = next(family for family, known in names.items() if meant in known and name not in known)

    with pytest.raises(
        HyperparameterError, match=rf"`{name}` is unknown( to algorithm={family})? \(did you mean `{meant}`\?\)"
    ):
        parse({ALGORITHM: family, name: "1"})


def test_a_familys_own_name_is_told_for_that_of_another_family() -> None:
    with pytest.raises(
        HyperparameterError, match=r"`num_round` is unknown to algorithm=random_forest \(did you mean `n_estimators`"
    ):
        parse({"algorithm": "random_forest", "num_round": "100"})


def test_a_name_that_only_other_families_know_brings_their_names() -> None:
    with pytest.raises(HyperparameterError, match=r"`max_features` is of random_forest, .* \(expected those of algori"):
        parse({"max_features": "0.5"})


def test_the_pythonic_name_of_a_field_is_not_its_name() -> None:
    with pytest.raises(HyperparameterError, match=r"`lambda_` is unknown \(did you mean `lambda`"):
        parse({"lambda_": "1"})


def test_an_unknown_family_is_refused_with_those_there_are() -> None:
    with pytest.raises(HyperparameterError, match=r"`algorithm` is 'prophet' \(expected one of xgboost"):
        parse({"algorithm": "prophet", "horizon": "7"})


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(HyperparameterError) as caught:
        parse({"etta": "1", "max_depth": "0", "num_round": "x"})

    assert caught.value.got.startswith("3 hyperparameters are wrong: `etta`")
    assert "`max_depth`" in caught.value.got
    assert "`num_round`" in caught.value.got


def test_an_unknown_name_is_told_beside_what_does_not_go_together() -> None:
    with pytest.raises(HyperparameterError) as caught:
        parse({"etta": "1", "threshold_policy": "recall"})

    assert caught.value.got.startswith("2 hyperparameters are wrong")


@pytest.mark.parametrize("policy", ["precision", "recall", "alert_rate"])
def test_a_target_that_is_a_share_goes_up_to_1(policy: str) -> None:
    assert parse({"threshold_policy": policy, "threshold_target": "1"}).threshold_target == 1
    with pytest.raises(HyperparameterError, match=r"threshold_target is 1.5"):
        parse({"threshold_policy": policy, "threshold_target": "1.5"})


def test_a_cost_may_be_any_number() -> None:
    assert parse({"threshold_policy": "cost", "threshold_target": "500"}).threshold_target == 500


@pytest.mark.parametrize("split", ["time", "prequential"])
def test_a_split_in_time_needs_a_time_column(split: str) -> None:
    with pytest.raises(HyperparameterError, match=rf"time_column is missing \(expected one with split={split}\)"):
        parse({"split": split})


@pytest.mark.parametrize("name", ["train_days", "test_days"])
def test_folds_need_their_days(name: str) -> None:
    given = {key: value for key, value in FOLDS.items() if key != name}

    with pytest.raises(HyperparameterError, match=rf"{name} is missing \(expected a number of days"):
        parse(given)


def test_all_that_folds_lack_is_told_at_once() -> None:
    with pytest.raises(HyperparameterError) as caught:
        parse({"split": "prequential"})

    missing = re.findall(r"(\w+) is missing \(expected [^()]*\)", caught.value.got)
    assert missing == ["time_column", "train_days", "test_days"]
    assert caught.value.got.startswith("3 hyperparameters are wrong: ")


@pytest.mark.parametrize("name", OF_FOLDS)
def test_days_of_folds_that_are_not_asked_for_are_refused(name: str) -> None:
    with pytest.raises(HyperparameterError, match=rf"{name} is set \(expected none without split=prequential\)"):
        parse({name: "9"})


def test_cards_are_known_since_a_training_day() -> None:
    with pytest.raises(HyperparameterError, match=r"known_days is 8 \(expected at most train_days\)"):
        parse({**FOLDS, "known_days": "8"})


@pytest.mark.parametrize("missing", ["card_column", "time_column"])
def test_cards_to_check_a_day_need_cards_and_days(missing: str) -> None:
    given = {name: "x" for name in ("card_column", "time_column") if name != missing}

    with pytest.raises(HyperparameterError, match=rf"top_k is set \(expected none without {missing}\)"):
        parse({**given, "top_k": "50"})


def test_every_default_may_be_given_in_words() -> None:
    """SageMaker's clients fill in those of an algorithm's specification."""
    defaults = {name: entry["DefaultValue"] for name, entry in specifications().items() if "DefaultValue" in entry}

    assert parse(defaults) == Hyperparameters()


def test_folds_take_no_test_fraction() -> None:
    with pytest.raises(HyperparameterError, match="test_fraction is set"):
        parse({**FOLDS, "test_fraction": "0.2"})


def test_the_booster_gets_its_parameters_by_their_own_names() -> None:
    given = parse({"lambda": "3", "eta": "0.2", "seed": "9", "num_round": "7"}).family.booster_parameters()

    assert (given["lambda"], given["eta"]) == (3, 0.2)
    own = {entry.name for entry in family_table("xgboost")}
    assert set(given) == own - {"num_round", "early_stopping_rounds"}


def test_the_reference_page_has_a_row_for_every_hyperparameter() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \| (.*) \| (.+) \|$", as_markdown(), flags=re.MULTILINE)

    families = [entry.name for family in FAMILIES for entry in family_table(family)]
    assert [row[0] for row in rows] == [ALGORITHM, *(entry.name for entry in common_table()), *families]
    by_name = {row[0]: row for row in reversed(rows)}
    assert by_name["eta"] == ("eta", "number", "(0, 1]", "0.1", "Learning rate.")
    assert by_name["resampler"][1:4] == ("choice", ", ".join(ENTRIES["resampler"].choices), "auto")
    assert by_name["scale_pos_weight"][1:4] == ("number", "(0, 1e+06], balanced", "1.0")
    assert by_name["label_column"][1:4] == ("text", "", "")


def test_every_hyperparameter_has_a_specification_within_sagemakers_limits() -> None:
    for name, entry in specifications().items():
        assert re.fullmatch(r"[\w-]{1,256}", name)
        assert entry["Type"] in ("Integer", "Continuous", "Categorical", "FreeText")
        assert 0 < len(entry["Description"]) <= 1_024
        assert len(entry.get("DefaultValue", "")) <= 2_500
        assert not entry["IsRequired"]
    names = {entry.name for family in FAMILIES for entry in table(family)}
    assert len(json.loads(as_sagemaker())) == len(specifications()) == len(names) <= 100


@pytest.mark.parametrize("name", ENTRIES)
def test_a_specification_has_the_one_range_of_its_type_and_its_default_within(name: str) -> None:
    entry = specifications()[name]
    kind = entry["Type"]
    if kind == "FreeText":
        assert "Range" not in entry
        return
    ((key, limits),) = entry["Range"].items()
    assert key == f"{kind}ParameterRangeSpecification"
    if kind == "Categorical":
        assert ("DefaultValue" in entry) == (name in COMMON)
        assert entry.get("DefaultValue", limits["Values"][0]) in limits["Values"]
    else:
        assert float(limits["MinValue"]) < float(limits["MaxValue"])
        default = float(entry.get("DefaultValue", limits["MinValue"]))
        assert float(limits["MinValue"]) <= default <= float(limits["MaxValue"])


@pytest.mark.parametrize("name", [name for name, entry in specifications().items() if "MinValue" in str(entry)])
def test_what_the_specification_allows_some_family_allows(name: str) -> None:
    ((_, limits),) = specifications()[name]["Range"].items()

    for end in (limits["MinValue"], limits["MaxValue"]):
        assert any(allows(family, {**NEEDED.get(name, {}), name: end}) for family in FAMILIES)


def test_a_word_may_stand_for_a_number_where_the_table_says_so() -> None:
    """SageMaker's ranges know no words: such a hyperparameter is free text there, which cannot be tuned."""
    assert ENTRIES["scale_pos_weight"].words == ("balanced",)
    assert parse({"scale_pos_weight": "balanced"}).scale_pos_weight == "balanced"
    assert parse({"scale_pos_weight": "3"}).scale_pos_weight == 3
    assert specifications()["scale_pos_weight"]["Type"] == "FreeText"


def test_one_fault_of_a_number_or_word_is_told_once() -> None:
    with pytest.raises(HyperparameterError) as caught:
        parse({"scale_pos_weight": "0"})

    assert caught.value.got == (
        "A hyperparameter is wrong: `scale_pos_weight` is '0' (expected a number above 0 and up to 1e+06, or balanced)"
    )


def test_a_family_without_weights_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "xgboost", replace(FAMILIES["xgboost"], takes_weights=False))  # type: ignore[misc]

    with pytest.raises(HyperparameterError, match=r"scale_pos_weight is balanced \(expected 1 with algorithm=xgboost"):
        parse({"scale_pos_weight": "balanced"})


def test_cleaning_alone_reaches_no_ratio() -> None:
    with pytest.raises(
        HyperparameterError, match=r"resampling_ratio is set \(expected none with resampler=tomek_links"
    ):
        parse({"resampler": "tomek_links", "resampling_ratio": "0.5"})


def test_weighted_frauds_cannot_be_corrected_exactly() -> None:
    with pytest.raises(HyperparameterError, match=r"scale_pos_weight is 2.0 \(expected 1 with calibration=exact"):
        parse({"calibration": "exact", "resampler": "random_under", "scale_pos_weight": "2"})


def test_scores_that_are_no_probabilities_cannot_be_corrected_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(  # type: ignore[misc]
        FAMILIES, "xgboost", replace(FAMILIES["xgboost"], gives_probabilities=False)
    )

    with pytest.raises(HyperparameterError, match="whose scores are no probabilities"):
        parse({"calibration": "exact", "resampler": "random_under"})


def test_tunable_hyperparameters_have_a_range() -> None:
    tunable = {name for name, entry in specifications().items() if entry["IsTunable"]}

    assert tunable == set(TUNABLE)
    assert all("Range" in specifications()[name] for name in tunable)


def test_sagemakers_own_model_accepts_the_specification() -> None:
    session = pytest.importorskip("botocore.session").get_session()
    validate = pytest.importorskip("botocore.validate").ParamValidator().validate
    shape = session.get_service_model("sagemaker").shape_for("HyperParameterSpecifications")

    assert validate(json.loads(as_sagemaker()), shape).generate_report() == ""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"split": "grouped"}, "card_column is missing (expected one with split=grouped"),
        ({"cv_folds": "1"}, "cv_folds is 1 (expected 0 for none, or at least 2)"),
        ({"cv_repeats": "3"}, "cv_repeats is set (expected none without cv_folds)"),
        ({"cv_folds": "5", "time_column": "when"}, "cv_folds is set with a split in time (expected split=random"),
        ({"review_cost": "3"}, "review_cost is set (expected none without amount_column)"),
        ({"cv_folds": "5", **FOLDS}, "cv_folds is set with a split in time (expected split=random"),
    ],
)
def test_what_is_measured_and_how_rows_are_divided_must_go_together(given: dict[str, str], message: str) -> None:
    with pytest.raises(HyperparameterError, match=re.escape(message)):
        parse(given)


def test_a_time_column_that_nothing_is_split_by_allows_a_cross_validation() -> None:
    assert parse({"cv_folds": "5", "time_column": "when", "split": "random"}).cv_folds == 5
