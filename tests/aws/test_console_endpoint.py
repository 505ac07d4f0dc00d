"""The console's endpoint `sagemaker:NAME`, through a stand-in of AWS before a server that really scores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aws_stand_in import StandIn
from runtime_stand_in import Runtime

from factories import a_number, a_schema, an_artifact
from fraud_detect.artifact.manifest import MODEL
from fraud_detect.console.endpoint import Endpoint, RowsRefused
from fraud_detect.console.endpoint.http import HttpEndpoint
from fraud_detect.console.endpoint.open import opened
from running_server import Server
from training_factories import a_fitted_model

NAMES = ("amount", "hour", "code")
ROWS = [dict(zip(NAMES, (number / 7, number % 24, number % 5), strict=True)) for number in range(1, 50)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server of a model that explains."""
    root, fitted = tmp_path_factory.mktemp("root"), a_fitted_model(categories=(0, 0, 0))
    an_artifact(
        root / "model",
        schema=a_schema(*(a_number(name) for name in NAMES)),
        files={MODEL: fitted.to_onnx(), **fitted.native_files()},
    )
    with Server(root, "alone", SAGEMAKER_CONTAINER_LOG_LEVEL="ERROR") as running:
        yield running


@pytest.fixture
def endpoint(aws: StandIn, server: Server, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """Return the endpoint as a user names it, where `aws` is AWS."""
    Runtime(aws, server)
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.port}",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    return opened("sagemaker:fraud")


@pytest.mark.parametrize("reasons", [0, 2])
def test_rows_are_scored_as_by_the_server_itself(endpoint: Endpoint, server: Server, reasons: int) -> None:
    direct = HttpEndpoint(f"http://127.0.0.1:{server.port}").score(ROWS, reasons=reasons)
    assert endpoint.score(ROWS, reasons=reasons) == direct
    assert {len(score.reasons) for score in direct} <= {0, reasons}


def test_a_csv_is_scored_as_by_the_server_itself(endpoint: Endpoint, server: Server) -> None:
    body = b"amount,hour,code\n1.5,3,2\n0,23,4\n"
    assert endpoint.score_csv(body) == HttpEndpoint(f"http://127.0.0.1:{server.port}").score_csv(body)


def test_what_the_container_refuses_is_told_in_its_words(endpoint: Endpoint) -> None:
    with pytest.raises(RowsRefused, match="column 'hour': got 'noon'"):
        endpoint.score([{**ROWS[0], "hour": "noon"}])
