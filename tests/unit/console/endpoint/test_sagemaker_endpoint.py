"""An endpoint on SageMaker, as botocore's stubber stands for it."""

from __future__ import annotations

import io
import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import NoCredentialsError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from fraud_detect.console.endpoint import EndpointError, RowsRefused, Unreachable
from fraud_detect.console.endpoint.open import opened
from fraud_detect.console.endpoint.sagemaker import SageMakerEndpoint, a_client
from fraud_detect.errors import SettingError

ROW = {"amount": 1.5}
REFUSAL = {"error": "Row 1", "expected": "a number", "remedy": "Correct it."}


@pytest.fixture
def client() -> Any:
    return boto3.client(
        "sagemaker-runtime",
        region_name="eu-west-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}),
    )


def streamed(body: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(body), len(body))


def test_rows_go_to_the_named_endpoint_and_scores_come_back(client: Any) -> None:
    asked = {
        "EndpointName": "fraud",
        "Body": b'{"instances":[{"amount":1.5}]}',
        "ContentType": "application/json",
        "Accept": "application/json;explain=3",
    }
    answer = {"Body": streamed(b'{"predictions": [{"probability": 0.25}]}')}
    with Stubber(client) as stub:
        stub.add_response("invoke_endpoint", answer, asked)
        (score,) = SageMakerEndpoint("fraud", lambda _: client).score([ROW], reasons=3)
    assert score.probability == 0.25


def test_what_the_container_refuses_is_told_in_its_words(client: Any) -> None:
    with Stubber(client) as stub:
        stub.add_client_error(
            "invoke_endpoint",
            "ModelError",
            http_status_code=424,
            response_meta={},
            modeled_fields={"OriginalStatusCode": 400, "OriginalMessage": json.dumps(REFUSAL)},
        )
        with pytest.raises(RowsRefused, match=r"Row 1; expected a number\."):
            SageMakerEndpoint("fraud", lambda _: client).score([ROW])


@pytest.mark.parametrize(
    ("code", "later"),
    [
        ("ThrottlingException", True),
        ("ModelNotReadyException", True),
        ("ValidationError", False),
        ("ModelError", False),
    ],
)
def test_what_aws_refuses_is_trouble_with_the_endpoint(client: Any, code: str, later: bool) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("invoke_endpoint", code)
        with pytest.raises(EndpointError, match=code) as caught:
            SageMakerEndpoint("fraud", lambda _: client).score([ROW])
    assert isinstance(caught.value, Unreachable) is later


class Broken:
    """A client, and a body, that fail."""

    def __init__(self, fault: Exception, *, at_once: bool) -> None:
        self.fault, self.at_once = fault, at_once

    def invoke_endpoint(self, **_: object) -> dict[str, Any]:
        """Return the body, if the call does not fail."""
        if self.at_once:
            raise self.fault
        return {"Body": self}

    def read(self) -> bytes:
        """Fail."""
        raise self.fault


@pytest.mark.parametrize("at_once", [True, False], ids=["call", "body"])
@pytest.mark.parametrize(
    "fault", [NoCredentialsError(), ReadTimeoutError(endpoint_url="https://runtime")], ids=["no credentials", "slow"]
)
def test_what_boto_cannot_do_is_trouble_with_the_endpoint(fault: Exception, at_once: bool) -> None:
    endpoint = SageMakerEndpoint("fraud", lambda _: Broken(fault, at_once=at_once))
    with pytest.raises(Unreachable, match=type(fault).__name__):
        endpoint.score([ROW])


@pytest.mark.parametrize("name", ["", "a b", "-a", "a/b", "x" * 64], ids=["none", "blank", "hyphen", "path", "long"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="name of an endpoint"):
        opened(f"sagemaker:{name}")


def test_a_region_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(SettingError, match="region"):
        opened("sagemaker:fraud")


def test_a_client_waits_as_long_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    config = a_client(15).meta.config
    assert (config.read_timeout, config.connect_timeout, config.retries["total_max_attempts"]) == (15, 3, 2)


def test_an_endpoint_is_called_as_the_user_did(client: Any) -> None:
    assert str(SageMakerEndpoint("fraud", lambda _: client)) == "sagemaker:fraud"
