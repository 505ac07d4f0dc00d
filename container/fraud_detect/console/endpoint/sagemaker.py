"""An endpoint on SageMaker, by its name.

Knows boto3's runtime client. Never knows what bodies say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fraud_detect.console.endpoint import Answer, EndpointError, Unreachable
from fraud_detect.console.endpoint.exchange import CONNECTIONS, LONG_SECONDS, QUICK_SECONDS, Exchange
from fraud_detect.console.endpoint.names import SAGEMAKER
from fraud_detect.errors import SettingError

NAME = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")
CONNECT_SECONDS, ATTEMPTS = 3.0, 2
ANSWERED = "ModelError"
"""What boto3 raises where the container answered, with its status and body."""
FOR_NOW = ("ThrottlingException", "ModelNotReadyException", "ServiceUnavailable", "InternalFailure")
"""What it raises where later may be better."""


def a_client(seconds: float) -> Any:
    """Return a client that waits so long for an answer. Raises `SettingError` if nothing says which region."""
    config = Config(
        max_pool_connections=CONNECTIONS,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=seconds,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    try:
        return boto3.client("sagemaker-runtime", config=config)
    except BotoCoreError as error:
        raise SettingError(
            f"No client of SageMaker can be made ({error})",
            expected="a region, such as in AWS_DEFAULT_REGION",
            remedy="Set it, or run `aws configure`.",
        ) from error


class SageMakerEndpoint(Exchange):
    """The endpoint `name` of the account and region that boto3 finds; `client` makes one that waits so many seconds."""

    def __init__(self, name: str, client: Callable[[float], Any] = a_client) -> None:
        super().__init__()
        if NAME.fullmatch(name) is None:
            raise SettingError(
                f"The endpoint is '{SAGEMAKER}{name}'",
                expected="the name of an endpoint: up to 63 letters, digits and hyphens",
                remedy="`aws sagemaker list-endpoints` lists them.",
            )
        self._name = name
        self._clients = {seconds: client(seconds) for seconds in (QUICK_SECONDS, LONG_SECONDS)}

    def __str__(self) -> str:
        return SAGEMAKER + self._name

    def _exchange(self, body: bytes, content_type: str, accept: str, seconds: float) -> Answer:
        try:
            answer = self._clients[seconds].invoke_endpoint(
                EndpointName=self._name, Body=body, ContentType=content_type, Accept=accept
            )
            return Answer(200, answer["Body"].read())
        except ClientError as error:
            said = error.response
            code = said["Error"]["Code"]
            if code == ANSWERED and "OriginalStatusCode" in said:
                return Answer(int(said["OriginalStatusCode"]), str(said.get("OriginalMessage", "")).encode())
            raise self._lost(Unreachable if code in FOR_NOW else EndpointError, code) from error
        except BotoCoreError as error:
            raise self._lost(Unreachable, type(error).__name__) from error

    def _lost(self, kind: type[EndpointError], why: str) -> EndpointError:
        return kind(
            f"AWS did not let {self} answer ({why})",
            expected="an endpoint in service that these credentials may invoke",
            remedy=f"`aws sagemaker describe-endpoint --endpoint-name {self._name}` says how it is.",
        )
