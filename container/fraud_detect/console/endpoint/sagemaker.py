"""An endpoint on SageMaker, by its name.

Knows boto3's runtime client. Never knows what bodies say.
"""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fraud_detect.console.endpoint import Answer, EndpointError
from fraud_detect.console.endpoint.exchange import CONNECTIONS, Exchange
from fraud_detect.console.endpoint.names import SAGEMAKER

ANSWERED = "ModelError"
"""What boto3 raises where the container answered, with its status and body."""


class SageMakerEndpoint(Exchange):
    """The endpoint `name` of the account and region that boto3 finds."""

    def __init__(self, name: str, client: Any = None) -> None:
        super().__init__()
        self._name = name
        config = Config(max_pool_connections=CONNECTIONS, retries={"mode": "standard"})
        self._client = client or boto3.client("sagemaker-runtime", config=config)

    def __str__(self) -> str:
        return SAGEMAKER + self._name

    def _exchange(self, body: bytes, content_type: str, accept: str) -> Answer:
        try:
            answer = self._client.invoke_endpoint(
                EndpointName=self._name, Body=body, ContentType=content_type, Accept=accept
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == ANSWERED:
                said = error.response
                return Answer(int(said["OriginalStatusCode"]), str(said["OriginalMessage"]).encode())
            raise self._lost(error.response["Error"]["Code"]) from error
        except BotoCoreError as error:
            raise self._lost(type(error).__name__) from error
        return Answer(200, answer["Body"].read())

    def _lost(self, why: str) -> EndpointError:
        return EndpointError(
            f"AWS did not let {self} answer ({why})",
            expected="an endpoint in service that these credentials may invoke",
            remedy=f"`aws sagemaker describe-endpoint --endpoint-name {self._name}` says how it is.",
        )
