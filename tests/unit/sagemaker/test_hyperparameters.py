"""One declared table parses hyperparameters, explains them, and is SageMaker's specification of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from fraud_detect.errors import HyperparameterError
from fraud_detect.sagemaker.hyperparameters import (
    ALIASES,
    TUNABLE,
    as_markdown,
    as_sagemaker,
    parse,
    table,
)
from fraud_detect.training.parameters import BOOSTER_PARAMETERS, Hyperparameters

ENTRIES = {entry.name: entry for entry in table()}
NUMBERS = [name for name, entry in ENTRIES.items() if entry.low is not None]
NEEDED = {"threshold_target": {"threshold_policy": "cost"}}
"""Hyperparameters that one cannot be set without."""


def specifications() -> dict[str, dict[str, Any]]:
    return {entry["Name"]: entry for entry in json.loads(as_sagemaker())}


def test_nothing_given_is_the_defaults() -> None:
    assert parse({}) == Hyperparameters()


def test_strings_become_what_they_spell() -> None:
    parsed = parse(
        {"eta": "0.3", "max_depth": "4", "drop_columns": " a, b ,,c", "label_column": "Class", "lambda": "2"}
    )

    assert (parsed.eta, parsed.max_depth, parsed.drop_columns) == (0.3, 4, ("a", "b", "c"))
    assert (parsed.label_column, parsed.lambda_) == ("Class", 2)


def test_values_may_be_json_too() -> None:
    """Outside of SageMaker people write numbers and lists."""
    parsed = parse({"eta": 0.3, "max_depth": 4, "drop_columns": ["a", "b"]})

    assert (parsed.eta, parsed.max_depth, parsed.drop_columns) == (0.3, 4, ("a", "b"))


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

    parse({name: f"{entry.high:.12g}", **needed})
    for outside in (entry.low - 1, entry.high + 1, *([] if entry.low_included else [entry.low])):
        with pytest.raises(HyperparameterError, match=f"`{name}` is '{outside:.12g}'"):
            parse({name: f"{outside:.12g}", **needed})


@pytest.mark.parametrize("name", [name for name in NUMBERS if ENTRIES[name].low_included])
def test_an_included_lower_end_is_allowed(name: str) -> None:
    parse({name: f"{ENTRIES[name].low:.12g}"})


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.choices])
def test_every_choice_is_allowed_and_no_other(name: str) -> None:
    targets = {"threshold_target": "0.5"}
    for choice in ENTRIES[name].choices:
        parse({name: choice, **(targets if name == "threshold_policy" and choice != "f1" else {})})
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
    with pytest.raises(HyperparameterError, match=rf"`{name}` is unknown \(did you mean `{meant}`\?\)"):
        parse({name: "1"})


def test_the_pythonic_name_of_a_field_is_not_its_name() -> None:
    with pytest.raises(HyperparameterError, match=r"`lambda_` is unknown \(did you mean `lambda`"):
        parse({"lambda_": "1"})


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


def test_the_booster_gets_its_parameters_by_their_own_names() -> None:
    given = parse({"lambda": "3", "eta": "0.2", "seed": "9", "num_round": "7"}).booster_parameters()

    assert (given["lambda"], given["eta"]) == (3, 0.2)
    assert len(given) == len(BOOSTER_PARAMETERS)
    assert not {"seed", "num_round", "resampler", "lambda_"} & set(given)


def test_the_reference_page_has_a_row_for_every_hyperparameter() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \| (.*) \| (.+) \|$", as_markdown(), flags=re.MULTILINE)

    assert [row[0] for row in rows] == list(ENTRIES)
    by_name = {row[0]: row for row in rows}
    assert by_name["eta"] == ("eta", "number", "(0, 1]", "0.1", "Learning rate.")
    assert by_name["resampler"][1:4] == ("choice", "smote, none", "smote")
    assert by_name["label_column"][1:4] == ("text", "", "")


def test_every_hyperparameter_has_a_specification_within_sagemakers_limits() -> None:
    for name, entry in specifications().items():
        assert re.fullmatch(r"[\w-]{1,256}", name)
        assert entry["Type"] in ("Integer", "Continuous", "Categorical", "FreeText")
        assert 0 < len(entry["Description"]) <= 1_024
        assert len(entry.get("DefaultValue", "")) <= 2_500
        assert not entry["IsRequired"]
    assert len(specifications()) == len(ENTRIES) <= 100


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
        assert entry["DefaultValue"] in limits["Values"]
    else:
        assert float(limits["MinValue"]) < float(limits["MaxValue"])
        default = float(entry.get("DefaultValue", limits["MinValue"]))
        assert float(limits["MinValue"]) <= default <= float(limits["MaxValue"])


@pytest.mark.parametrize("name", NUMBERS)
def test_what_the_specification_allows_the_table_allows(name: str) -> None:
    ((_, limits),) = specifications()[name]["Range"].items()

    for end in (limits["MinValue"], limits["MaxValue"]):
        parse({name: end, **NEEDED.get(name, {})})


def test_tunable_hyperparameters_have_a_range() -> None:
    tunable = {name for name, entry in specifications().items() if entry["IsTunable"]}

    assert tunable == set(TUNABLE)
    assert all("Range" in specifications()[name] for name in tunable)


def test_sagemakers_own_model_accepts_the_specification() -> None:
    session = pytest.importorskip("botocore.session").get_session()
    validate = pytest.importorskip("botocore.validate").ParamValidator().validate
    shape = session.get_service_model("sagemaker").shape_for("HyperParameterSpecifications")

    assert validate(json.loads(as_sagemaker()), shape).generate_report() == ""
