"""The description of the console's API is valid, whole, and says what the console does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from console_factories import a_console, logged_in
from factories import a_category, a_flag, a_number, a_schema
from fraud_detect.console.access import ACCESS, API
from fraud_detect.console.api.description import STATUSES
from fraud_detect.console.api.document import document
from fraud_detect.schema import Schema

MIXED = a_schema(a_number("amount", missing_allowed=True), a_flag("online"), a_category("kind", ("4", "food")))


def described() -> set[tuple[str, str]]:
    return {(path, method.upper()) for path, item in document()["paths"].items() for method in item}


def operations() -> list[dict[str, Any]]:
    return [told for item in document()["paths"].values() for told in item.values()]


def of_features(schema: Schema) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({**document(schema), "$ref": "#/components/schemas/Features"})


@pytest.mark.parametrize("schema", [None, MIXED], ids=["any model", "a model"])
def test_it_is_valid_openapi(schema: Schema | None) -> None:
    validate(document(schema))


def test_every_route_of_the_api_is_described_and_no_other(tmp_path: Path) -> None:
    rules = [rule for rule in a_console(tmp_path).url_map.iter_rules() if rule.rule.startswith(API)]
    routed = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described() == routed


def test_every_operation_is_named_as_its_view() -> None:
    views = {view.replace(".", "_") for view in ACCESS}
    names = [told["operationId"] for told in operations()]
    assert set(names) <= views
    assert len(set(names)) == len(names)


def test_every_schema_is_referred_to() -> None:
    text, schemas = str(document()["paths"]) + str(document()["components"]), document()["components"]["schemas"]
    assert {name for name in schemas if f"'#/components/schemas/{name}'" not in text} == set()


def test_every_error_has_a_meaning() -> None:
    statuses = {int(status) for told in operations() for status in told["responses"]}
    assert statuses - {200, 201, 202, 204} <= STATUSES.keys()


def test_examples_are_as_described() -> None:
    for told in operations():
        for content in told.get("requestBody", {"content": {}})["content"].values():
            if "example" in content:
                jsonschema.Draft202012Validator({**document(), **content["schema"]}).validate(content["example"])


@pytest.mark.parametrize(
    ("cells", "fits"),
    [
        ({"amount": 1.5, "online": True, "kind": "food"}, True),
        ({"amount": None, "online": "FALSE", "kind": 4}, True),
        ({"amount": "12.5", "online": 0, "kind": "4"}, True),
        ({"amount": "a lot", "online": True, "kind": "food"}, False),
        ({"amount": 1e39, "online": True, "kind": "food"}, False),
        ({"amount": 1, "online": None, "kind": "food"}, False),
        ({"amount": 1, "online": True, "kind": "toys"}, False),
        ({"amount": 1, "online": True}, False),
    ],
    ids=["plain", "missing", "texts", "no number", "too large", "missing flag", "unknown category", "no category"],
)
def test_the_features_of_a_model_are_described_as_its_schema_reads_them(cells: dict[str, Any], fits: bool) -> None:
    assert of_features(MIXED).is_valid(cells) is fits


def test_whoever_may_score_gets_it_with_the_columns_of_the_model(tmp_path: Path) -> None:
    answer = logged_in(a_console(tmp_path)).get("/api/openapi.json")
    assert answer.json["components"]["schemas"]["Features"]["required"] == ["amount", "hour"]
