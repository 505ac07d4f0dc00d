"""Every broken body gets its status and an error that says what was wrong and what to send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from factories import a_category, a_flag, a_number, a_schema, an_artifact
from fraud_detect.serving.model import Model, load
from fraud_detect.serving.respond import Request, respond

REQUESTS = Path(__file__).parents[2] / "data" / "invalid" / "requests"
TYPES = {".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonlines"}
TWO_NUMBERS_TWO_OTHERS = (
    a_number("amount"),
    a_number("hour", missing_allowed=True),
    a_category("merchant", ["food", "fuel"]),
    a_flag("abroad"),
)

WORDS: Mapping[str, tuple[str, ...]] = {
    "empty.csv": ("The body is empty", "at least one row"),
    "blank_lines.csv": ("The body is empty", "at least one row"),
    "header_only.csv": ("a header and no rows", "at least one row after it"),
    "too_narrow.csv": ("rows of 3 values", "4 values a row: amount, hour, merchant, abroad"),
    "too_wide.csv": ("rows of 6 values", "4 values a row", "Send the features in the order of training"),
    "label_left_in.csv": ("rows of 5 values", "It looks as if the label column is included"),
    "missing_column.csv": ("lacks columns: abroad", "each of the 4 features once"),
    "unknown_column.csv": ("has unknown columns: city", "each of the 4 features once"),
    "repeated_column.csv": ("has columns twice: amount",),
    "ragged.csv": ("Row 2 has 3 values", "4 as in the first row"),
    "text_for_number.csv": ("Row 2, column 'amount': got 'twelve'", "a finite number"),
    "infinite_number.csv": ("Row 1, column 'amount': got 'inf'", "a finite number"),
    "number_beyond_float32.csv": ("Row 1, column 'amount': got '1e39'", "a finite number"),
    "missing_value.csv": ("Row 1, column 'amount': got a missing value",),
    "nan_value.csv": ("Row 1, column 'amount': got a missing value",),
    "unseen_category.csv": ("column 'merchant': got 'casino'", "one of the 2 categories of training (food, fuel)"),
    "text_for_flag.csv": ("column 'abroad': got 'perhaps'", "true or false"),
    "open_quote.csv": ("not valid CSV", "double quotes"),
    "latin_1.csv": ("not UTF-8 at byte 10", "UTF-8"),
    "utf_16.csv": ("not UTF-8 at byte 0", "UTF-8"),
    "broken.json": ("The body is not JSON", '{"instances": [[1.5, ...], ...]}'),
    "not_an_object.json": ("is JSON but is a list", "under the one key `instances`"),
    "without_instances.json": ("is JSON but has the keys rows", "under the one key `instances`"),
    "no_rows.json": ("The body has no rows", "at least one row"),
    "rows_of_numbers.json": ("Row 1 is a number", "a list of values in every row"),
    "mixed_rows.json": ("Row 2 is an object", "a list of values in every row"),
    "differing_names.json": ("Row 2 differs in form or names", "the names amount, hour, merchant, abroad"),
    "missing_name.json": ("lacks columns: abroad",),
    "unknown_name.json": ("has unknown columns: city",),
    "repeated_name.json": ("'amount' twice", "each name once"),
    "too_narrow.json": ("rows of 2 values", "4 values a row"),
    "text_for_number.json": ("Row 1, column 'amount': got 'twelve'",),
    "flag_for_number.json": ("Row 1, column 'amount': got true",),
    "null_value.json": ("Row 1, column 'amount': got a missing value",),
    "nan_value.json": ("The body is not JSON",),
    "nested_value.json": ("Row 1, column 'amount': got [12.5]",),
    "unseen_category.json": ("column 'merchant': got 'casino'",),
    "number_for_category.json": ("column 'merchant': got 7",),
    "latin_1.json": ("The body is not JSON",),
    "broken.jsonl": ("Line 2 is not JSON", "one list or one object a line"),
    "mixed_rows.jsonl": ("Row 2 differs in form or names",),
    "scalar_row.jsonl": ("Row 2 is a number",),
    "repeated_name.jsonl": ("'amount' twice",),
}


@dataclass(frozen=True)
class Refusal:
    """Status and JSON body of an error."""

    status: int
    said: Mapping[str, str]


def refusal_of(request: Request, model: Model) -> Refusal:
    reply = respond(request, model)
    assert reply.media_type == "application/json"
    return Refusal(reply.status, json.loads(reply.body))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("model")
    an_artifact(folder, schema=a_schema(*TWO_NUMBERS_TWO_OTHERS))
    return load(folder)


@pytest.fixture(scope="module")
def model_of_numbers(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("numbers")
    an_artifact(folder, schema=a_schema(a_number("amount"), a_number("hour")))
    return load(folder)


@pytest.mark.parametrize("name", sorted(WORDS))
def test_a_broken_body_is_refused_with_what_is_wrong_in_words(name: str, model: Model) -> None:
    path = REQUESTS / name
    refusal = refusal_of(Request(path.read_bytes(), TYPES[path.suffix]), model)

    assert refusal.status == 400
    for words in WORDS[name]:
        assert words in " ".join(refusal.said.values())


@pytest.mark.parametrize("name", sorted(WORDS))
def test_an_error_has_three_parts_none_of_them_empty(name: str, model: Model) -> None:
    path = REQUESTS / name
    said = refusal_of(Request(path.read_bytes(), TYPES[path.suffix]), model).said

    assert list(said) == ["error", "expected", "remedy"]
    assert all(said.values())


def test_every_broken_body_has_its_words() -> None:
    assert {path.name for path in REQUESTS.iterdir()} == set(WORDS)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"1,2,3\n", "It looks as if the label column is included"),
        (b"amount,hours\n1,2\n", "lacks columns: hour; has unknown columns: hours"),
        (b"amount,amount\n1,2\n", "has columns twice: amount; lacks columns: hour"),
        (b"1,2\nx,2\n", "Row 2, column 'amount': got 'x'"),
        (b"1,2\n1,nan\n", "Row 2, column 'hour': got a missing value"),
        (b"hour,amount\n1,2\n3,1e40\n", "Row 2, column 'amount': got 1e+40"),
        (b"1,2\n1\n", "Row 2 has 1 values"),
    ],
)
def test_a_model_of_numbers_alone_refuses_as_others_do(body: bytes, words: str, model_of_numbers: Model) -> None:
    refusal = refusal_of(Request(body, "text/csv"), model_of_numbers)

    assert refusal.status == 400
    assert words in " ".join(refusal.said.values())


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        ("application/xml", "Content-Type is 'application/xml'"),
        ("text/plain; charset=utf-8", "text/csv, application/json, application/jsonlines"),
        ("text/csv; charset=iso-8859-1", "charset 'iso-8859-1'"),
        ("application/json; charset=utf-16", "charset 'utf-16'"),
    ],
)
def test_an_unreadable_media_type_is_refused_with_415(content_type: str, words: str, model: Model) -> None:
    refusal = refusal_of(Request(b"12.5,3,food,true\n", content_type), model)

    assert refusal.status == 415
    assert words in " ".join(refusal.said.values())


@pytest.mark.parametrize("accept", ["application/xml", "image/*", "text/csv;q=0", "application/json;q=0, text/html"])
def test_an_answer_that_nobody_can_write_is_refused_with_406(accept: str, model: Model) -> None:
    refusal = refusal_of(Request(b"12.5,3,food,true\n", "text/csv", accept), model)

    assert refusal.status == 406
    assert accept in refusal.said["error"]
