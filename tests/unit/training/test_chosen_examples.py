"""Which rows and ranges a model takes along."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from factories import a_category, a_flag, a_number, a_schema
from fraud_detect.artifact.examples import Examples, Range
from fraud_detect.tables.table import Rows
from fraud_detect.training import examples
from fraud_detect.training.predictions import Predictions

SCHEMA = a_schema(a_number("amount"), a_flag("online"), a_category("kind"))


def rows(*amounts: float, labels: Sequence[int] = ()) -> Rows:
    features = np.array([[amount, 1, 0] for amount in amounts], dtype=np.float32)
    return Rows(features, np.array(labels or [0] * len(amounts), dtype=np.uint8))


def chosen(labels: Sequence[int], probabilities: Sequence[float]) -> Examples:
    """Return the examples of rows whose amounts are 0, 1, 2, ...; the threshold is 0.5."""
    held_out = rows(*range(len(labels)), labels=labels)
    predicted = Predictions("validation", None, held_out.labels, np.array(probabilities))
    return examples.examples_of(rows(1, 2), held_out, predicted, 0.5, SCHEMA)


def amounts_of(found: Examples) -> list[object]:
    assert found.fraud is not None
    assert found.legitimate is not None
    return [found.fraud.features["amount"], found.legitimate.features["amount"]]


def test_the_fraud_is_the_median_caught_one_and_the_legitimate_row_the_median_passed_one() -> None:
    found = chosen([1, 1, 1, 1, 0, 0, 0, 0], [0.9, 0.2, 0.5, 0.7, 0.3, 0.1, 0.2, 0.8])
    assert amounts_of(found) == [3, 6]


def test_the_earlier_row_is_taken_among_equals() -> None:
    assert amounts_of(chosen([0, 1, 1, 1, 0, 0], [0.1, 0.9, 0.9, 0.9, 0.1, 0.1])) == [2, 4]


def test_without_a_caught_fraud_the_most_probable_one_is_taken() -> None:
    found = chosen([1, 1, 0], [0.3, 0.4, 0.1])
    assert found.fraud is not None
    assert (found.fraud.features["amount"], found.fraud.flagged) == (1, False)


def test_without_a_passed_row_the_least_probable_legitimate_one_is_taken() -> None:
    found = chosen([1, 0, 0], [0.9, 0.8, 0.7])
    assert found.legitimate is not None
    assert (found.legitimate.features["amount"], found.legitimate.flagged) == (2, True)


def test_cells_are_as_requests_have_them() -> None:
    held_out = Rows(np.array([[0.1, 0, 1], [np.nan, 1, np.nan]], np.float32), np.array([1, 0], np.uint8))
    predicted = Predictions("validation", None, held_out.labels, np.array([0.9, 0.1]))
    found = examples.examples_of(held_out, held_out, predicted, 0.5, SCHEMA)
    assert found.fraud is not None
    assert found.legitimate is not None
    assert found.fraud.features == {"amount": 0.1, "online": False, "kind": "fuel"}
    assert found.legitimate.features == {"amount": None, "online": True, "kind": None}


def test_a_range_has_the_ends_and_98_percent_of_the_values() -> None:
    found = examples.without_rows(rows(*range(1, 2001)), SCHEMA)
    assert found.ranges == {"amount": Range(low=20, median=1000, high=1980)}


def test_missing_values_do_not_count() -> None:
    found = chosen([1, 0], [0.9, 0.1])
    whole = examples.examples_of(
        rows(float("nan"), 0.1, 5),
        rows(0, 1),
        Predictions("v", None, np.array([1, 0], np.uint8), np.ones(2)),
        0.5,
        SCHEMA,
    )
    assert whole.ranges["amount"] == Range(minimum=0.1, low=0.1, median=0.1, high=5, maximum=5)
    assert found.ranges["amount"].maximum == 2


def test_a_column_without_any_value_has_no_range() -> None:
    predicted = Predictions("v", None, np.array([1, 0], np.uint8), np.ones(2))
    assert examples.examples_of(rows(float("nan")), rows(0, 1), predicted, 0.5, SCHEMA).ranges == {}


def test_few_values_have_no_range_where_single_rows_are_not_told_of() -> None:
    assert examples.without_rows(rows(*range(999)), SCHEMA) == Examples()


def test_ends_are_of_all_rows_where_quantiles_are_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "MOST_BYTES", 0)
    monkeypatch.setattr(examples, "ROWS_AT_ONCE", 7)
    many = rows(-5, *range(1, 5000), 9999, 3)
    predicted = Predictions("v", None, np.array([1, 0], np.uint8), np.ones(2))
    found = examples.examples_of(many, rows(0, 1), predicted, 0.5, SCHEMA).ranges["amount"]
    assert (found.minimum, found.maximum) == (-5, 9999)
    assert found.median == pytest.approx(2500, abs=10)
