"""SageMaker's routes for many models, as one worker answers them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from factories import an_artifact
from fraud_detect.serving.metrics import Metrics
from fraud_detect.serving.multi_model import create_multi_model_app, open_models
from fraud_detect.serving.settings import Settings

ROW = b"0,3\n"


class Client:
    """A client of a server whose models' files lie in `folder`."""

    def __init__(self, folder: Path, **overrides: object) -> None:
        given = {"model_folder": folder, "host": "x", "multi_model": True, "multi_model_memory_mb": 100, **overrides}
        settings = Settings.model_validate(given)
        self._folder, models = folder, open_models(settings, folder / "run")
        self.flask: FlaskClient = create_multi_model_app(models, settings, Metrics()).test_client()

    def load(self, name: str) -> TestResponse:
        """Load a small model."""
        folder = self._folder / "files" / "model"
        an_artifact(folder)
        return self.post({"model_name": name, "url": str(folder)})

    def post(self, document: object) -> TestResponse:
        """Ask to load what `document` says."""
        return self.flask.post("/models", data=json.dumps(document), content_type="application/json")

    def invoke(self, name: str, body: bytes = ROW, **headers: str) -> TestResponse:
        """Send rows to a model."""
        return self.flask.post(
            f"/models/{quote(name, safe='')}/invoke", data=body, headers={"Content-Type": "text/csv", **headers}
        )

    def names(self, query: str = "") -> list[str]:
        """Return the names that are listed."""
        return [model["modelName"] for model in self.flask.get(f"/models{query}").json["models"]]


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path)


def test_ping_is_200_without_any_model(client: Client) -> None:
    response = client.flask.get("/ping")

    assert (response.status_code, response.data) == (200, b"")


def test_a_loaded_model_is_told_listed_and_found(client: Client, tmp_path: Path) -> None:
    said = {"modelName": "a", "modelUrl": str(tmp_path / "files" / "model")}

    assert client.load("a").json == said
    assert client.flask.get("/models").json == {"models": [said]}
    assert client.flask.get("/models/a").json == said


def test_a_loaded_model_answers(client: Client) -> None:
    client.load("a")
    response = client.invoke("a")

    assert (response.status_code, response.mimetype, response.data) == (200, "text/csv", b"1,0.5\n")


def test_an_invocation_honours_headers_as_the_endpoint_of_one_model_does(client: Client) -> None:
    client.load("a")
    attributes = {"X-Amzn-SageMaker-Custom-Attributes": "trace=1"}
    response = client.invoke("a", Accept="application/json", **attributes)

    assert response.json == {"predictions": [{"predicted_label": 1, "probability": 0.5}]}
    assert response.headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace=1"


def test_an_invocation_answers_as_the_settings_say(tmp_path: Path) -> None:
    client = Client(tmp_path, outputs="probability", default_accept="application/jsonlines")
    client.load("a")

    assert client.invoke("a").data == b'{"probability":0.5}\n'


def test_a_bad_row_is_a_400(client: Client) -> None:
    client.load("a")

    assert client.invoke("a", b"0\n").status_code == 400


def test_loading_twice_is_a_409(client: Client) -> None:
    client.load("a")

    assert client.load("a").status_code == 409


def test_a_model_above_the_memory_is_a_507(tmp_path: Path) -> None:
    client = Client(tmp_path, multi_model_memory_mb=1)
    an_artifact(tmp_path / "large", files={"notes.bin": b"0" * (1 << 20)})
    response = client.post({"model_name": "a", "url": str(tmp_path / "large")})

    assert response.status_code == 507
    assert list(response.json) == ["error", "expected", "remedy"]


def test_an_unloaded_model_is_a_404_everywhere(client: Client) -> None:
    client.load("a")
    assert client.flask.delete("/models/a").status_code == 200

    answers = [client.invoke("a"), client.flask.get("/models/a"), client.flask.delete("/models/a")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert client.names() == []


def test_there_is_no_invocations_without_a_name(client: Client) -> None:
    assert client.flask.post("/invocations", data=ROW).status_code == 404


NAMES = [
    "5a1b" * 16,
    "a/b",
    "a//b",
    "/a",
    "invoke",
    "a/invoke",
    "ü",
    "模型",
    "a b",
    "a?b#c",
    "100%",
    "%2F",
    "a+b&c",
    "...",
    "n" * 1024,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_percent_encoding_is_the_same_in_every_route(name: str, client: Client) -> None:
    assert client.load(name).json["modelName"] == name
    path = f"/models/{quote(name, safe='')}"

    assert client.flask.get(path).json["modelName"] == name
    assert client.invoke(name).status_code == 200
    assert client.flask.delete(path).json["modelName"] == name


@pytest.mark.parametrize("name", ["n" * 1025, "ü" * 513, "a\nb", "a\0", ".", "..", "a/../b", "a/"])
def test_a_name_that_no_url_could_hold_is_refused(name: str, client: Client) -> None:
    response = client.load(name)

    assert response.status_code == 400
    assert "model_name" in response.json["error"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"url": "/a"}, "no text for model_name"),
        ({"model_name": "a"}, "no text for url"),
        ({}, "no text for model_name and url"),
        ({"model_name": 1, "url": ""}, "no text for model_name and url"),
        (["a"], "no text for model_name and url"),
        ({"model_name": "a", "url": "/nowhere"}, "Cannot read /nowhere/manifest.json (No such file or directory)"),
        ({"model_name": "a", "url": "nowhere"}, "The url is 'nowhere'"),
    ],
)
def test_a_load_without_what_it_needs_is_a_400(document: object, words: str, client: Client) -> None:
    response = client.post(document)

    assert response.status_code == 400
    assert words in response.json["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"model_name": "\\ud800", "url": "/a"}', b"[" * 100_000])
def test_a_load_that_is_not_json_is_a_400(body: bytes, client: Client) -> None:
    assert client.flask.post("/models", data=body).status_code == 400


def test_other_keys_of_a_load_are_ignored(client: Client, tmp_path: Path) -> None:
    an_artifact(tmp_path / "model")

    assert client.post({"model_name": "a", "url": str(tmp_path / "model"), "initial_workers": 1}).status_code == 200


def test_pages_follow_each_other_to_the_end(client: Client) -> None:
    for name in "cab":
        client.load(name)
    first = client.flask.get("/models?limit=2").json
    last = client.flask.get(f"/models?limit=2&next_page_token={first['nextPageToken']}").json

    assert [[model["modelName"] for model in page["models"]] for page in (first, last)] == [["a", "b"], ["c"]]
    assert "nextPageToken" not in last


def test_without_a_limit_all_models_are_listed(client: Client) -> None:
    for name in "cab":
        client.load(name)

    assert client.names() == ["a", "b", "c"]


@pytest.mark.parametrize("limit", ["", "0", "-1", "two", "1.5", "²"])
def test_a_limit_that_is_no_number_is_a_400(limit: str, client: Client) -> None:
    assert client.flask.get(f"/models?limit={limit}").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/models", {"GET", "HEAD", "POST"}), ("PUT", "/models/a", {"DELETE", "GET", "HEAD"})],
)
def test_a_wrong_method_is_a_405_that_says_which_is_right(
    method: str, path: str, allowed: set[str], client: Client
) -> None:
    response = client.flask.open(path, method=method)

    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == allowed


def routes(client: Client) -> Mapping[str, str]:
    lines = client.flask.get("/metrics").text.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if line.startswith("fraud_detect_requests_total"))


def test_metrics_name_the_route_and_not_the_model(client: Client) -> None:
    client.load("a-model")
    client.invoke("a-model")
    counts = routes(client)

    assert counts['fraud_detect_requests_total{route="/models/<name>/invoke",status="200"}'] == "1.0"
    assert "a-model" not in "".join(counts)
