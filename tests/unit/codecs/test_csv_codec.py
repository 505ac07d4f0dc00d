"""CSV bodies become rows, with a header or without; answers become CSV."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import a_category, a_flag, a_number, a_schema
from fraud_detect.codecs import csv as csv_codec
from fraud_detect.codecs.csv import decode, encode
from fraud_detect.errors import BadRequest
from fraud_detect.schema import Schema

NUMBERS = a_schema()
MIXED = a_schema(a_number("amount"), a_category("merchant", ["food", "fuel, etc."]))
CATEGORIES = a_schema(a_category("merchant"), a_flag("abroad"))
BOM = "\ufeff"


def matrix(body: str, schema: Schema = NUMBERS, **parameters: str) -> list[list[float]]:
    values: list[list[float]] = decode(body.encode(), schema, parameters).tolist()
    return values


@pytest.mark.parametrize(
    "body",
    [
        "1,2\n3,4\n",
        "1,2\n3,4",
        "1,2\r\n3,4\r\n",
        "1,2\r3,4\r",
        "\n1,2\n\n3,4\n\n",
        f"{BOM}1,2\n3,4\n",
        '"1","2"\n3,4\n',
        "amount,hour\n1,2\n3,4\n",
        "amount,hour\r\n1,2\r\n3,4\r\n",
        f"{BOM}amount,hour\n1,2\n3,4\n",
        '"amount","hour"\n1,2\n3,4\n',
        " amount , hour \n1,2\n3,4\n",
        "hour,amount\n2,1\n4,3\n",
        "is_fraud,hour,amount\n0,2,1\n1,4,3\n",
    ],
)
def test_the_same_rows_in_any_form_are_the_same_matrix(body: str) -> None:
    assert matrix(body) == [[1, 2], [3, 4]]


@pytest.mark.parametrize("body", ["1,2\n3,4\n", "hour,amount\n1,2\n"])
def test_plain_numbers_take_the_short_way(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(csv_codec, "_slow_blocks", lambda *_: pytest.fail("took the long way"))
        decode(body.encode(), NUMBERS, {})


def test_quoted_text_may_hold_commas_quotes_and_line_ends() -> None:
    schema = a_schema(a_category("merchant", ['a "b"', "c,d", "e\nf"]))

    assert matrix('"e\nf"\n"c,d"\n"a ""b"""\n', schema) == [[2], [1], [0]]


def test_a_header_over_categories_is_known_by_its_names() -> None:
    assert matrix("merchant,abroad\nfuel,true\n", CATEGORIES) == [[1, 1]]


def test_text_that_names_no_column_is_a_row_where_no_number_is_due() -> None:
    assert matrix("fuel,true\nfood,false\n", CATEGORIES) == [[1, 1], [0, 0]]


def test_unknown_text_where_a_number_is_due_is_a_header() -> None:
    with pytest.raises(BadRequest, match="unknown columns: sum, shop"):
        matrix("sum,shop\n1,food\n", MIXED)


def test_a_column_may_be_called_like_a_missing_value() -> None:
    schema = a_schema(a_number("EU"), a_number("NA", missing_allowed=True))

    assert matrix("NA,EU\n1,2\n", schema) == [[2, 1]]


@pytest.mark.parametrize("schema", [NUMBERS, MIXED])
def test_the_parameter_of_the_media_type_says_that_there_is_a_header(schema: Schema) -> None:
    with pytest.raises(BadRequest, match="unknown columns: 1, 2"):
        matrix("1,2\n1,food\n", schema, header="present")


def test_the_parameter_of_the_media_type_says_that_there_is_no_header() -> None:
    schema = a_schema(a_category("merchant", ["merchant"]), a_category("shop", ["shop"]))

    assert matrix("merchant,shop\n", schema, header="absent") == [[0, 0]]


def test_rows_are_counted_after_the_header() -> None:
    with pytest.raises(BadRequest, match="Row 2, column 'amount': got 'x'"):
        matrix("amount,merchant\n1,food\nx,food\n", MIXED)


cells = st.one_of(
    st.text(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False)
)


@given(st.lists(st.tuples(cells, cells), min_size=1))
def test_answers_can_be_read_by_any_csv_library(rows: list[tuple[object, object]]) -> None:
    left, right = zip(*rows, strict=True)

    written = encode({"predicted_label": left, "probability": right}).decode()

    read = list(csv.reader(io.StringIO(written, newline=""), strict=True))
    assert [[meant(text, cell) for text, cell in zip(*both, strict=True)] for both in zip(read, rows, strict=True)] == [
        list(row) for row in rows
    ]


def meant(text: str, cell: object) -> object:
    if isinstance(cell, bool):
        return {"true": True, "false": False}[text]
    return type(cell)(text)


def test_answers_have_one_line_a_row_and_no_header() -> None:
    assert encode({"predicted_label": [1, 0], "probability": [0.75, 1e-7]}) == b"1,0.75\n0,1e-7\n"


def test_no_columns_are_no_lines() -> None:
    assert encode({}) == b""
