"""The running server answers as its description says, whatever requests schemathesis makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, CheckContext, Response

from body_strategies import NEAR, SCHEMAS, WRITTEN, rows_of, spoiled, styles_of
from factories import an_artifact
from fraud_detect.artifact.manifest import MODEL as GRAPH
from fraud_detect.codecs.media_types import JSON, JSON_LINES
from fraud_detect.codecs.table import reader_of
from fraud_detect.schema import FLOAT32_LIMIT
from fraud_detect.serving.openapi import MANY_TAG, document
from fraud_detect.serving.openapi_components import CUSTOM_ATTRIBUTES, EXAMPLE_COLUMNS
from fraud_detect.serving.routes import INVOCATIONS, MODELS
from running_server import Server, alone, behind_nginx
from training_factories import a_fitted_model

ROWS = "numbers"
"""The key in `SCHEMAS` of the model's columns, which are those of the description's examples."""
EXAMPLES = 200
TIMEOUT_SECONDS = 10
CONFIG = schemathesis.Config.from_dict({"generation": {"deterministic": True, "max-examples": EXAMPLES}})
QUIET = {"SAGEMAKER_CONTAINER_LOG_LEVEL": "ERROR"}
"""Nobody reads the log meanwhile: a line for each request would fill its pipe, and the server would wait."""
MEDIA_TYPES = document()["paths"][INVOCATIONS]["post"]["requestBody"]["content"]
NAMES = ("a", "b/c d", "é%")
FOLDER = "/folder"
"""Stands for that of the model, which is not known when requests are planned."""


@st.composite
def bodies(draw: st.DrawFn, reader: str) -> bytes:
    """Return a body of rows that fit, that nearly fit, or that did before they were spoiled."""
    body, _ = WRITTEN[reader](draw(rows_of(ROWS)), SCHEMAS[ROWS], draw(styles_of(len(EXAMPLE_COLUMNS))))
    chance = Random(draw(st.integers(0, 2**32)))  # noqa: S311  spoils bodies, keeps no secret
    return draw(st.sampled_from([body, *spoiled(body, chance), draw(NEAR.get(reader, st.just(body)))]))


for media_type in MEDIA_TYPES:
    if media_type != JSON:
        schemathesis.openapi.media_type(media_type, bodies(reader_of(media_type).name))


def for_numbers() -> dict[str, Any]:
    """Return the description for the model of this test alone: JSON of its three numbers, which must be scored."""
    specification = document()
    cell = {"type": "number", "exclusiveMinimum": -FLOAT32_LIMIT, "exclusiveMaximum": FLOAT32_LIMIT}
    width, names = len(EXAMPLE_COLUMNS), list(EXAMPLE_COLUMNS)
    specification["components"]["schemas"] |= {
        "RowAsList": {"type": "array", "items": cell, "minItems": width, "maxItems": width},
        "RowAsObject": {
            "type": "object",
            "properties": dict.fromkeys(names, cell),
            "required": names,
            "additionalProperties": False,
        },
    }
    post = specification["paths"][INVOCATIONS]["post"]
    content = {JSON: post["requestBody"]["content"][JSON]}
    narrowed = {**post, "requestBody": {"required": True, "content": content}, "parameters": post["parameters"][1:]}
    return {**specification, "paths": {INVOCATIONS: {"post": narrowed}}}


def for_models() -> dict[str, Any]:
    """Return the description of loading, listing, unloading and invoking models of `NAMES`."""
    specification = document()
    specification["components"]["parameters"]["name"]["schema"] = {"enum": [*NAMES, "nowhere"]}
    properties = {"model_name": {"enum": list(NAMES)}, "url": {"enum": [FOLDER, "/nowhere"]}}
    specification["components"]["schemas"]["ModelToLoad"]["properties"] = properties
    paths = {path: item for path, item in specification["paths"].items() if path.startswith(MODELS)}
    return {**specification, "paths": paths}


described = schemathesis.openapi.from_dict(document(), config=CONFIG).exclude(tag=MANY_TAG)
fitting = schemathesis.openapi.from_dict(for_numbers(), config=CONFIG)
of_models = schemathesis.openapi.from_dict(for_models(), config=CONFIG)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model that explains: reasons are as described, too."""
    root, fitted = tmp_path_factory.mktemp("root"), a_fitted_model("xgboost")
    an_artifact(root / "model", schema=SCHEMAS[ROWS], files={GRAPH: fitted.to_onnx(), **fitted.native_files()})
    return root


@pytest.fixture(scope="module", params=[behind_nginx, alone])
def url(request: pytest.FixtureRequest, model: Path) -> Iterator[str]:
    with Server(model, request.param, **QUIET) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="module", params=[behind_nginx, alone])
def server_of_many(request: pytest.FixtureRequest, model: Path) -> Iterator[Server]:
    with Server(model, request.param, SAGEMAKER_MULTI_MODEL="true", **QUIET) as server:
        yield server


@pytest.fixture
def url_of_many(server_of_many: Server, model: Path) -> str:
    """Return the address of a server of all models of `NAMES`, some of which an earlier test may have unloaded."""
    for name in NAMES:
        told = json.dumps({"model_name": name, "url": str(model / "model")}).encode()
        assert server_of_many.send(MODELS, told, JSON).status in (200, 409)
    return f"http://127.0.0.1:{server_of_many.port}"


def attributes_come_back(_: CheckContext, response: Response, case: Case) -> None:
    """Fail unless the custom attributes of a request that was answered are those of the answer."""
    sent = (case.headers or {}).get(CUSTOM_ATTRIBUTES, "").strip()
    if response.status_code == 200 and sent:
        assert response.headers[CUSTOM_ATTRIBUTES.lower()] == [sent]


def nothing_else_is_said(_: CheckContext, response: Response, case: Case) -> None:
    """Fail if JSON holds keys that are not described, which schemathesis lets pass, or a line is no prediction."""
    media_type = response.headers.get("content-type", [""])[0]
    if response.status_code >= 400 and case.method != "HEAD":
        validators["Error"].validate(json.loads(response.content))
    elif media_type == JSON and b"predictions" in response.content:
        validators["Predictions"].validate(json.loads(response.content))
    elif media_type == JSON_LINES:
        for line in response.content.splitlines():
            validators["Prediction"].validate(json.loads(line))


validators = {
    name: jsonschema.Draft202012Validator({**document(), "$ref": f"#/components/schemas/{name}"})
    for name in ("Error", "Predictions", "Prediction")
}
AS_DESCRIBED: dict[str, Any] = {
    "additional_checks": [attributes_come_back, nothing_else_is_said],
    "excluded_checks": [schemathesis.checks.positive_data_acceptance],
    "timeout": TIMEOUT_SECONDS,
}
NOT_OF_MANY = [
    schemathesis.checks.positive_data_acceptance,
    schemathesis.checks.negative_data_rejection,  # any name can be loaded, not `NAMES` alone
    schemathesis.checks.allow_header_conformance,  # names may hold slashes: what can be invoked can be a model, too
]


@described.parametrize()
def test_every_answer_is_as_described(case: Case, url: str) -> None:
    case.call_and_validate(url, **AS_DESCRIBED)


@fitting.parametrize()
def test_rows_that_fit_are_scored_and_others_refused(case: Case, url: str) -> None:
    case.call_and_validate(url, timeout=TIMEOUT_SECONDS)


@of_models.parametrize()
def test_every_answer_about_many_models_is_as_described(case: Case, url_of_many: str, model: Path) -> None:
    if isinstance(case.body, dict) and case.body.get("url") == FOLDER:
        case.body["url"] = str(model / "model")
    case.call_and_validate(url_of_many, **{**AS_DESCRIBED, "excluded_checks": NOT_OF_MANY})
