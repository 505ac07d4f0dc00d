"""The Flask application: two routes, and JSON for every error."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from factories import an_artifact
from fraud_detect.errors import ArtifactError
from fraud_detect.serving import respond
from fraud_detect.serving.app import BYTES_PER_MB, create_app
from fraud_detect.serving.loading import Loading
from fraud_detect.serving.metrics import Metrics
from fraud_detect.serving.model import Model, load
from fraud_detect.serving.scoring import Scoring
from fraud_detect.serving.settings import Settings

CSV = "text/csv"


def a_client(folder: Path) -> FlaskClient:
    an_artifact(folder)
    loading = loaded(Loading(lambda: load(folder)))
    return create_app(loading, a_server(), Metrics()).test_client()


def a_server(**overrides: object) -> Settings:
    given = {"model_folder": Path("model"), "host": "127.0.0.1", "max_body_mb": 1, **overrides}
    return Settings.model_validate(given)


def loaded(loading: Loading) -> Loading:
    loading.start()
    loading.wait(30)
    return loading


def test_ping_is_200_with_an_empty_body_once_the_model_is_loaded(tmp_path: Path) -> None:
    response = a_client(tmp_path).get("/ping")

    assert (response.status_code, response.data) == (200, b"")


def test_an_invocation_is_answered(tmp_path: Path) -> None:
    response = a_client(tmp_path).post("/invocations", data=b"0,3\n", content_type=CSV)

    assert (response.status_code, response.mimetype, response.data) == (200, CSV, b"1,0.5\n")


@pytest.mark.parametrize("accept", [CSV, "application/json", "application/jsonlines"])
def test_a_long_answer_comes_whole_and_says_how_long_it_is(
    accept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, asked = a_client(tmp_path), {"data": b"0,3\n" * 7, "content_type": CSV, "headers": {"Accept": accept}}
    whole = client.post("/invocations", **asked)
    monkeypatch.setattr(respond, "ROWS_AT_ONCE", 2)
    parts = client.post("/invocations", **asked)

    assert (parts.status_code, parts.data) == (200, whole.data)
    assert parts.headers["Content-Length"] == whole.headers["Content-Length"] == str(len(whole.data))


def test_accept_reaches_the_codecs(tmp_path: Path) -> None:
    accept = {"Accept": "application/json"}

    assert a_client(tmp_path).post("/invocations", data=b"0,3\n", headers=accept).mimetype == "application/json"


def test_a_refusal_keeps_its_status_and_parts(tmp_path: Path) -> None:
    response = a_client(tmp_path).post("/invocations", data=b"0\n", content_type=CSV)

    assert response.status_code == 400
    assert list(response.json) == ["error", "expected", "remedy"]


@pytest.mark.parametrize("path", ["/ping", "/invocations"])
def test_both_routes_are_503_with_the_reason_while_the_model_loads(path: str) -> None:
    client = create_app(Loading(lambda: pytest.fail("never started")), a_server(), Metrics()).test_client()
    response = client.open(path, method="POST" if path == "/invocations" else "GET")

    assert response.status_code == 503
    assert response.json["error"] == "The model is still being loaded"
    assert response.headers["Retry-After"] == "1"


def test_a_model_that_cannot_be_loaded_is_a_503_with_the_reason() -> None:
    def refuse() -> Model:
        raise ArtifactError("model.onnx has 3 bytes", expected="4", remedy="Train again.")

    response = create_app(loaded(Loading(refuse)), a_server(), Metrics()).test_client().get("/ping")

    assert response.status_code == 503
    assert response.json["error"] == "The model cannot be loaded: model.onnx has 3 bytes"
    assert response.json["remedy"] == "Train again."


def test_a_bug_while_loading_is_a_503_whose_id_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Model:
        raise ZeroDivisionError("secret of the house")

    response = create_app(loaded(Loading(fail)), a_server(), Metrics()).test_client().get("/ping")

    assert response.status_code == 503
    assert b"secret" not in response.data
    (record,) = caplog.records
    assert response.json["error"].rpartition(" ")[2] in record.getMessage()
    assert record.exc_info is not None
    assert repr(record.exc_info[1]) == "ZeroDivisionError('secret of the house')"


def test_an_unknown_path_is_a_404_that_names_the_known_ones(tmp_path: Path) -> None:
    response = a_client(tmp_path).get("/predict")

    assert response.status_code == 404
    assert response.json["expected"] == "/execution-parameters or /invocations or /metrics or /ping"


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("GET", "/invocations", {"POST"}), ("POST", "/ping", {"GET", "HEAD"})]
)
def test_a_wrong_method_is_a_405_that_says_which_is_right(
    method: str, path: str, allowed: set[str], tmp_path: Path
) -> None:
    response = a_client(tmp_path).open(path, method=method)

    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == allowed
    assert response.json["error"] == f"{path} does not take {method}"


def test_a_body_above_the_limit_is_a_413(tmp_path: Path) -> None:
    response = a_client(tmp_path).post("/invocations", data=b"0" * (BYTES_PER_MB + 1), content_type=CSV)

    assert response.status_code == 413
    assert response.json["expected"] == "at most 1 MB"


def test_a_chunked_body_above_the_limit_is_a_413(tmp_path: Path) -> None:
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    body = b"0" * (BYTES_PER_MB + 1)

    response = a_client(tmp_path).post("/invocations", data=body, content_type=CSV, environ_overrides=chunked)

    assert response.status_code == 413


def test_a_chunked_body_within_the_limit_is_read(tmp_path: Path) -> None:
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}

    response = a_client(tmp_path).post("/invocations", data=b"0,3\n", content_type=CSV, environ_overrides=chunked)

    assert response.data == b"1,0.5\n"


def test_a_body_that_ends_early_is_a_400_and_never_scored(tmp_path: Path) -> None:
    announced = {"CONTENT_LENGTH": "100"}

    response = a_client(tmp_path).post("/invocations", data=b"0,3\n", content_type=CSV, environ_overrides=announced)

    assert response.status_code == 400
    assert response.json["expected"] == "a complete HTTP request"


def test_a_bug_is_a_500_with_an_id_whose_traceback_is_only_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = a_client(tmp_path)
    monkeypatch.setattr(Scoring, "probabilities", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR):
        response = client.post("/invocations", data=b"0,3\n", content_type=CSV)

    assert response.status_code == 500
    assert b"Zero" not in response.data
    assert response.json["id"] in caplog.text
    assert "ZeroDivisionError" in caplog.text
