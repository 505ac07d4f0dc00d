"""The schema matches names, checks widths, and turns cells into float32."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import a_category, a_flag, a_number, a_schema
from fraud_detect.errors import BadRequest
from fraud_detect.schema import MISSING, UNFIT, Cell, Column, Schema, is_text, parse_number

LARGEST = float(np.finfo(np.float32).max)


def encoded(column: Column, *cells: Cell) -> list[float]:
    """Return the float32 values of `cells` in a schema of one column."""
    matrix = a_schema(column).encode([[cell] for cell in cells], [0])
    assert matrix.dtype == np.float32
    return [float(value) for value in matrix[:, 0]]


def test_names_in_another_order_give_the_place_of_each_feature() -> None:
    assert a_schema().positions(["hour", "amount"]) == [1, 0]


def test_the_label_and_dropped_columns_may_stand_in_a_request() -> None:
    schema = a_schema(label="is_fraud", ignored=["id"])

    assert schema.positions(["id", "hour", "is_fraud", "amount"]) == [3, 1]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["amount"], "lacks columns: hour"),
        (["amount", "hour", "minute"], "has unknown columns: minute"),
        (["amount", "hour", "hour"], "has columns twice: hour"),
        (["amount", "hour", "is_fraud", "is_fraud"], "has columns twice: is_fraud"),
        (["Amount", "hour"], "lacks columns: amount; has unknown columns: Amount"),
    ],
)
def test_names_that_do_not_fit_are_named(names: list[str], words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        a_schema().positions(names)

    assert words in caught.value.got


def test_a_schema_without_a_label_name_knows_no_label() -> None:
    with pytest.raises(BadRequest, match="unknown columns: is_fraud"):
        a_schema(label=None).positions(["amount", "hour", "is_fraud"])


def test_one_value_too_many_looks_like_the_label() -> None:
    with pytest.raises(BadRequest, match="as if the label column is included"):
        a_schema().check_width(3)


@pytest.mark.parametrize("width", [0, 1, 4])
def test_another_width_is_refused_without_that_guess(width: int) -> None:
    with pytest.raises(BadRequest, match="expected 2 values a row: amount, hour") as caught:
        a_schema().check_width(width)

    assert "label" not in str(caught.value)


def test_long_lists_of_names_are_cut() -> None:
    with pytest.raises(BadRequest, match="c7 and 12 more"):
        a_schema(*(a_number(f"c{place}") for place in range(20))).check_width(1)


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1.5", 1.5), (" -2e3 ", -2000), ("+.5", 0.5), ("1_000", 1000), (7, 7), (2.5, 2.5), (-0.0, -0.0), (10**30, 1e30)],
)
def test_a_number_column_takes_numbers_and_their_spellings(cell: Cell, value: float) -> None:
    assert encoded(a_number("x"), cell) == [np.float32(value)]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("true", 1), ("FALSE", 0), ("1", 1), ("0", 0), (True, 1), (False, 0), (1, 1), (0, 0), (1.0, 1)],
)
def test_a_flag_column_takes_true_false_one_and_nought(cell: Cell, value: float) -> None:
    assert encoded(a_flag("x"), cell) == [value]


def test_a_category_becomes_its_place_among_the_categories() -> None:
    assert encoded(a_category("x", ["", "food", "fuel"]), "fuel", "food") == [2, 1]


@pytest.mark.parametrize("column", [a_number("x"), a_flag("x"), a_category("x")])
@pytest.mark.parametrize("cell", [*MISSING, None])
def test_every_spelling_of_a_missing_value_is_nan_where_it_is_allowed(column: Column, cell: Cell) -> None:
    allowed = column.model_copy(update={"missing_allowed": True})

    assert np.isnan(encoded(allowed, cell)).all()


@pytest.mark.parametrize("column", [a_number("x"), a_flag("x"), a_category("x")])
@pytest.mark.parametrize("cell", ["NA", None])
def test_a_missing_value_is_refused_where_training_had_none(column: Column, cell: Cell) -> None:
    with pytest.raises(BadRequest, match="Row 1, column 'x': got a missing value"):
        encoded(column, cell)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        (a_number("x"), "twelve"),
        (a_number("x"), "\u0661"),  # a digit, and not an ASCII one
        (a_number("x"), "inf"),
        (a_number("x"), 1e39),
        (a_number("x"), True),
        (a_number("x"), [1]),
        (a_number("x"), {"a": 1}),
        (a_flag("x"), "yes"),
        (a_flag("x"), 2),
        (a_flag("x"), "1.0"),
        (a_flag("x"), [1]),
        (a_category("x"), "Food"),
        (a_category("x"), " food"),
        (a_category("x"), 1),
        (a_category("x"), True),
        (a_category("x"), ["food"]),
    ],
)
def test_a_cell_that_does_not_fit_is_named_with_row_and_column(column: Column, cell: Cell) -> None:
    good = {"number": "1", "flag": "true", "category": "food"}[column.kind]

    with pytest.raises(BadRequest) as caught:
        encoded(column, good, cell)

    assert caught.value.got.startswith("Row 2, column 'x': got ")
    assert caught.value.expected == column.expectation()


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (a_number("x"), "a finite number within float32 (3.4e38)"),
        (a_flag("x", missing_allowed=True), "true or false, or a missing value"),
        (a_category("x"), "one of the 2 categories of training (food, fuel)"),
    ],
)
def test_a_column_says_what_it_expects(column: Column, words: str) -> None:
    assert column.expectation() == words


def test_a_long_cell_is_cut_in_the_message() -> None:
    with pytest.raises(BadRequest) as caught:
        encoded(a_number("x"), "y" * 10_000)

    assert len(caught.value.got) < 100


def test_rows_are_counted_from_where_the_caller_says() -> None:
    with pytest.raises(BadRequest, match="Row 12,"):
        a_schema(a_number("x")).encode([["1"], ["2"], ["y"]], [0], first_row=10)


def test_the_columns_are_encoded_in_the_order_of_the_schema() -> None:
    schema = a_schema(a_number("n"), a_flag("f"), a_category("c"))

    assert schema.encode([["fuel", "ignored", "true", "7"]], [3, 2, 0]).tolist() == [[7, 1, 1]]


def test_accepted_numbers_are_rounded_to_float32() -> None:
    matrix = a_schema().accept_numbers(np.array([[0.1, 16_777_217]]))

    assert matrix.tolist() == [[float(np.float32(0.1)), 16_777_216]]


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39, np.nan])
def test_numbers_that_no_float32_holds_are_refused_with_row_and_column(value: float) -> None:
    with pytest.raises(BadRequest, match="Row 2, column 'hour'"):
        a_schema().accept_numbers(np.array([[1.0, 2.0], [3.0, value]]))


def test_many_large_numbers_are_still_numbers() -> None:
    values = np.full((3, 2), LARGEST)

    assert np.isfinite(a_schema().accept_numbers(values)).all()


def test_missing_numbers_are_accepted_where_training_had_some() -> None:
    schema = a_schema(a_number("amount", missing_allowed=True), a_number("hour"))

    assert np.isnan(schema.accept_numbers(np.array([[np.nan, 1.0]]))[0, 0])


@given(st.floats(allow_nan=False))
def test_a_number_is_accepted_exactly_if_float32_holds_it(value: float) -> None:
    with np.errstate(over="ignore"):
        fits = bool(np.isfinite(np.float32(value)))

    assert (parse_number(repr(value)) != UNFIT) is fits


@given(st.text())
def test_text_is_what_is_neither_missing_nor_a_number(cell: str) -> None:
    number = parse_number(cell)

    assert is_text(cell) is (number == UNFIT and not is_infinite(cell))


def is_infinite(cell: str) -> bool:
    try:
        return cell.isascii() and abs(float(cell)) >= LARGEST
    except ValueError:
        return False


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float32_printed_and_read_is_the_same(value: float) -> None:
    assert encoded(a_number("x"), repr(value), value) == [value, value]


def test_a_schema_survives_json() -> None:
    schema = a_schema(a_number("n", missing_allowed=True), a_category("c", ["a,b", '"']), ignored=["id"])

    assert Schema.model_validate_json(schema.model_dump_json()) == schema
