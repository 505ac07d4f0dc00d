"""Contributions become reasons: the largest first, with values as people wrote them, and nothing lost in the sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import a_category, a_flag, a_number, a_schema
from fraud_detect.explain.reasons import Explainer
from fraud_detect.schema import Float32Matrix, Schema

MIXED = a_schema(
    a_number("amount", missing_allowed=True),
    a_flag("online", missing_allowed=True),
    a_category("kind", ["food", "fuel"]),
)
BASE = -2.5

contributions_of_rows = st.lists(
    st.lists(st.floats(-20, 20, width=32).map(float), min_size=3, max_size=3), min_size=1, max_size=5
)


def columns(
    contributions: Sequence[Sequence[float]],
    rows: Sequence[Sequence[float]] | None = None,
    *,
    top: int = 3,
    codes: Mapping[str, str] | None = None,
    schema: Schema = MIXED,
) -> Mapping[str, Sequence[Any]]:
    """Return the columns for `rows`, zeros by default, whose features contribute as given."""
    matrix = np.array(rows or np.zeros_like(contributions), dtype=np.float32)

    def contribute(_: Float32Matrix) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.column_stack([np.array(contributions), np.full(len(matrix), BASE)])

    return Explainer(contribute, schema, codes or {}).columns(matrix, top)


def names(answer: Mapping[str, Sequence[Any]], row: int = 0) -> list[str]:
    return [reason["feature"] for reason in answer["reasons"][row]]


def test_a_reason_says_feature_value_contribution_and_direction() -> None:
    answer = columns([[0.75, 0, 0]], [[12.5, 0, 0]])

    assert answer["reasons"] == [[{"feature": "amount", "value": 12.5, "contribution": 0.75, "direction": "raises"}]]


def test_the_largest_contribution_either_way_comes_first() -> None:
    answer = columns([[0.5, -2, 1]])

    assert names(answer) == ["online", "kind", "amount"]
    assert [reason["direction"] for reason in answer["reasons"][0]] == ["lowers", "raises", "raises"]


def test_each_row_has_reasons_of_its_own() -> None:
    answer = columns([[3, 2, 1], [1, 2, 3]], top=1)

    assert (names(answer, 0), names(answer, 1)) == (["amount"], ["kind"])


def test_equal_contributions_stand_in_the_order_of_the_features() -> None:
    many = a_schema(*(a_number(f"v{place}") for place in range(50)))

    answer = columns([[1, -2] * 25], top=40, schema=many)

    assert names(answer) == [*many.names[1::2], *many.names[:30:2]]


def test_features_that_contribute_nothing_are_left_out() -> None:
    assert names(columns([[0, 1, -0.0]])) == ["online"]


@pytest.mark.parametrize(("top", "shown"), [(0, 0), (1, 1), (2, 2), (3, 3), (1_000, 3)])
def test_no_more_reasons_are_given_than_asked_for(top: int, shown: int) -> None:
    assert len(names(columns([[1, 2, 3]], top=top))) == shown


def test_what_is_not_shown_is_summed() -> None:
    answer = columns([[4, -2, 1]], top=1)

    assert answer["other_contributions"] == [-1]
    assert (answer["base_value"], answer["raw_score"]) == ([BASE], [BASE + 3])


@given(contributions=contributions_of_rows, top=st.integers(0, 4))
def test_base_value_reasons_and_others_sum_to_the_raw_score(contributions: list[list[float]], top: int) -> None:
    answer = columns(contributions, top=top)

    sums = [
        base + others + sum(reason["contribution"] for reason in reasons)
        for base, others, reasons in zip(
            answer["base_value"], answer["other_contributions"], answer["reasons"], strict=True
        )
    ]
    assert sums == pytest.approx(answer["raw_score"], abs=1e-5)


def test_values_are_written_as_their_kind() -> None:
    answer = columns([[3, 2, 1], [3, 2, 1]], [[0.1, 1, 1], [-3e38, 0, 0]])

    values = [[reason["value"] for reason in reasons] for reasons in answer["reasons"]]
    assert values == [[0.1, True, "fuel"], [-3e38, False, "food"]]


def test_a_missing_value_is_null() -> None:
    answer = columns([[1, 0, 0]], [[np.nan, 0, 0]])

    assert answer["reasons"][0][0]["value"] is None


@given(value=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_is_the_shortest_that_names_the_same_float32(value: float) -> None:
    (reason,) = columns([[1, 0, 0]], [[value, 0, 0]])["reasons"][0]

    assert np.float32(reason["value"]) == np.float32(value)
    assert len(repr(reason["value"])) <= len(repr(value))


def test_a_text_stands_only_where_there_is_a_reason_code() -> None:
    answer = columns([[2, 1, 0]], codes={"online": "Bought online"})

    assert [reason.get("text") for reason in answer["reasons"][0]] == [None, "Bought online"]
    assert "text" not in answer["reasons"][0][0]


def test_the_columns_can_be_written_as_json() -> None:
    answer = columns([[3, 2, 1]], [[np.nan, 1, 1]], codes={"kind": "Sort of shop"})

    assert orjson.loads(orjson.dumps(answer)) == answer
