"""The description of the endpoint is valid, complete, and its examples are answered."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from factories import a_number, a_schema, an_artifact
from fraud_detect import errors
from fraud_detect.codecs.media_types import PARQUET
from fraud_detect.codecs.table import READERS, WRITERS, reader_of
from fraud_detect.serving import nginx, routes
from fraud_detect.serving.app import create_app
from fraud_detect.serving.loading import Loading
from fraud_detect.serving.metrics import Metrics
from fraud_detect.serving.model import Model, load
from fraud_detect.serving.multi_model import create_multi_model_app, open_models
from fraud_detect.serving.openapi import document
from fraud_detect.serving.openapi_components import EXAMPLE_COLUMNS, EXAMPLE_ROWS, STATUSES, examples
from fraud_detect.serving.outputs import OUTPUTS
from fraud_detect.serving.respond import Request, respond
from fraud_detect.serving.settings import Settings

INVOCATIONS = document()["paths"][routes.INVOCATIONS]["post"]
READ = INVOCATIONS["requestBody"]["content"]
BRACES = str.maketrans("<>", "{}")
EXAMPLES = [(media_type, name) for media_type, content in READ.items() for name in content.get("examples", {})]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("model")
    an_artifact(folder, schema=a_schema(*map(a_number, EXAMPLE_COLUMNS)))
    return load(folder)


def test_it_is_valid_openapi() -> None:
    validate(document())


@pytest.mark.parametrize("multi_model", [False, True])
def test_every_route_of_a_server_is_described(multi_model: bool, tmp_path: Path) -> None:
    settings = Settings(model_folder=tmp_path, host="x", multi_model=multi_model)
    app = (
        create_multi_model_app(open_models(settings, tmp_path), settings, Metrics())
        if multi_model
        else create_app(Loading(lambda: load(tmp_path)), settings, Metrics())
    )
    routed = {
        (rule.rule.translate(BRACES), method) for rule in app.url_map.iter_rules() for method in rule.methods or ()
    }

    described = {(path, method.upper()) for path, item in document()["paths"].items() for method in item}

    assert routed <= described


def test_every_type_that_is_read_is_described_and_no_other() -> None:
    assert {reader_of(media_type).name for media_type in READ} == set(READERS)


def test_every_type_that_is_written_is_described() -> None:
    assert set(INVOCATIONS["responses"]["200"]["content"]) == set(WRITERS)


def test_every_output_is_described() -> None:
    assert set(OUTPUTS) <= set(document()["components"]["schemas"]["Prediction"]["properties"])


def test_every_status_of_a_refused_request_is_described() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.RequestError)]
    operations = [operation for item in document()["paths"].values() for operation in item.values()]
    described = {status for operation in operations if "responses" in operation for status in operation["responses"]}

    assert {str(kind.status) for kind in kinds} <= described


def test_every_error_of_nginx_is_described(tmp_path: Path) -> None:
    settings = Settings(model_folder=tmp_path, host="127.0.0.1")
    own = re.findall(r"return (\d+) '", nginx.render(settings, tmp_path))

    assert len(own) > 5
    assert {int(status) for status in own} <= set(STATUSES)


@pytest.mark.parametrize(("media_type", "name"), EXAMPLES)
def test_every_example_is_answered_a_row_for_a_row(media_type: str, name: str, model: Model) -> None:
    value: Any = examples()[name]
    body = value if isinstance(value, str) else json.dumps(value)

    reply = respond(Request(body.encode(), media_type), model)

    assert reply.tally is not None, reply.body
    assert reply.tally.rows == len(EXAMPLE_ROWS)


def test_every_type_but_parquet_has_examples() -> None:
    others = {media_type for media_type in READ if reader_of(media_type).name != PARQUET}

    assert {media_type for media_type, _ in EXAMPLES} == others
