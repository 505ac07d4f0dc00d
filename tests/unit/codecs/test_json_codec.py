"""JSON and JSON Lines bodies become rows; answers become JSON."""

from __future__ import annotations

import json

import pytest

from factories import a_category, a_flag, a_number, a_schema
from fraud_detect.codecs.json import decode, decode_lines, encode, encode_lines
from fraud_detect.errors import BadRequest
from fraud_detect.schema import Schema

MIXED = a_schema(a_number("amount"), a_flag("abroad"), a_category("merchant"))
ANSWER = {"predicted_label": ["yes", "no"], "probability": [0.75, 0.25]}


def matrix(body: str, schema: Schema = MIXED) -> list[list[float]]:
    values: list[list[float]] = decode(body.encode(), schema, {}).tolist()
    return values


def lines_matrix(body: str, schema: Schema = MIXED) -> list[list[float]]:
    values: list[list[float]] = decode_lines(body.encode(), schema, {}).tolist()
    return values


@pytest.mark.parametrize("key", ["instances", "inputs"])
@pytest.mark.parametrize(
    "rows",
    [
        '[[1.5, true, "fuel"], [2, false, "food"]]',
        '[{"amount": 1.5, "abroad": true, "merchant": "fuel"}, {"merchant": "food", "abroad": false, "amount": 2}]',
        '[["1.5", "true", "fuel"], ["2", 0, "food"]]',
    ],
)
def test_lists_and_objects_are_the_same_rows(rows: str, key: str) -> None:
    assert matrix(f'{{"{key}": {rows}}}') == [[1.5, 1, 1], [2, 0, 0]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", ""])
def test_json_lines_are_one_row_each_and_blank_ones_none(end: str) -> None:
    body = f'[1.5, true, "fuel"]\n\n[2, false, "food"]{end}'

    assert lines_matrix(body) == [[1.5, 1, 1], [2, 0, 0]]


def test_json_lines_may_be_objects_with_the_label_left_in() -> None:
    body = '{"is_fraud": 0, "merchant": "fuel", "amount": 1, "abroad": true}'

    assert lines_matrix(body) == [[1, 1, 1]]


@pytest.mark.parametrize("merchant", ["a:b", 'c"d', "e:1,f:2"])
def test_colons_in_text_are_no_repeated_names(merchant: str) -> None:
    schema = a_schema(a_category("merchant", [merchant]))

    assert matrix(json.dumps({"instances": [{"merchant": merchant}]}), schema) == [[0]]


def test_a_repeated_name_is_refused_in_json_lines_too() -> None:
    with pytest.raises(BadRequest, match="'amount' twice"):
        lines_matrix('{"amount": 1, "amount": 2, "abroad": true, "merchant": "food"}')


def test_a_broken_line_is_named() -> None:
    with pytest.raises(BadRequest, match="Line 2 is not JSON"):
        lines_matrix('[1, true, "food"]\n[1, true')


def test_the_answer_is_a_list_of_predictions() -> None:
    rows = [{"predicted_label": "yes", "probability": 0.75}, {"predicted_label": "no", "probability": 0.25}]

    assert json.loads(encode(ANSWER)) == {"predictions": rows}


def test_the_answer_in_lines_has_one_object_a_row() -> None:
    assert [json.loads(line) for line in encode_lines(ANSWER).splitlines()] == json.loads(encode(ANSWER))["predictions"]


def test_every_line_of_the_answer_ends() -> None:
    assert encode_lines(ANSWER).endswith(b"}\n")
