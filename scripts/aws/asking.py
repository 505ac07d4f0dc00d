"""Ways to ask for scores: an endpoint, an asynchronous one through S3, a server on this machine.

Knows the runtime's API, S3 and HTTP. Never knows the command line, what is in a body.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faults import Fault, aws_faults
from payloads import Answer, Body
from s3_address import Address, parse
from session import Aws
from watch import State, watch

TIMEOUT_SECONDS = 70  # an endpoint may take 60


@dataclass(frozen=True)
class Wish:
    """What should come back, and the headers that go through: absent ones are None."""

    accept: str | None
    custom_attributes: str | None
    variant: str | None


def ask_endpoint(client: Any, endpoint: str, body: Body, wish: Wish) -> Answer:
    """Return the endpoint's answer."""
    from botocore.exceptions import ClientError

    more = {"Accept": wish.accept, "CustomAttributes": wish.custom_attributes, "TargetVariant": wish.variant}
    try:
        with aws_faults():
            found = client.invoke_endpoint(
                EndpointName=endpoint, Body=body.content, ContentType=body.content_type, **_given(more)
            )
            return Answer(found["Body"].read(), found.get("ContentType", ""))
    except Fault as fault:
        cause = fault.__cause__
        if isinstance(cause, ClientError) and "OriginalMessage" in cause.response:
            raise _refused(body, cause.response["OriginalStatusCode"], cause.response["OriginalMessage"]) from fault
        raise


def ask_local(address: str, body: Body, wish: Wish) -> Answer:
    """Return the answer of the server at `address`, such as http://localhost:8080."""
    headers = _given(
        {
            "Content-Type": body.content_type,
            "Accept": wish.accept,
            "X-Amzn-SageMaker-Custom-Attributes": wish.custom_attributes,
        }
    )
    request = urllib.request.Request(f"{address.rstrip('/')}/invocations", body.content, headers)  # noqa: S310
    without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with without_proxy.open(request, timeout=TIMEOUT_SECONDS) as found:
            return Answer(found.read(), found.headers.get("Content-Type", ""))
    except urllib.error.HTTPError as error:
        raise _refused(body, error.code, error.read().decode(errors="replace")) from error
    except OSError as error:
        raise Fault(
            f"Nobody answers at {address}: {error}",
            expected="a server, such as local_test/serve_local.sh starts",
            remedy="Start it, or correct --local.",
        ) from error


def _refused(body: Body, status: int, message: str) -> Fault:
    """Return the server's own error, said of the rows that it is about."""
    try:
        said = json.loads(message)
        got, expected, remedy = said["error"], said["expected"], said["remedy"]
    except (ValueError, KeyError, TypeError):
        got, expected, remedy = message.strip()[:500], "scores", "Look at the endpoint's log."
    return Fault(f"{status} for {body.place}: {got}", expected=expected, remedy=remedy)


def _given(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def answers_of(aws: Aws, endpoint: str) -> Address:
    """Return where an asynchronous endpoint writes its answers."""
    if aws.dry is not None:
        return Address("where-answers-go", "")
    client = aws.client("sagemaker")
    with aws_faults():
        name = client.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        found = client.describe_endpoint_config(EndpointConfigName=name)
    output = found.get("AsyncInferenceConfig", {}).get("OutputConfig", {}).get("S3OutputPath")
    if output is None:
        raise Fault(
            f"Endpoint '{endpoint}' is not asynchronous",
            expected="one that scripts/aws/deploy.py --asynchronous made",
            remedy="Leave --asynchronous out.",
        )
    return parse(output, option="The endpoint's output")


@dataclass(frozen=True)
class Asked:
    """A request that an asynchronous endpoint has taken: its input and where its answer, or its fault, will be."""

    source: Address
    answer: Address
    failure: Address | None


def ask_asynchronously(aws: Aws, endpoint: str, source: Address, content_type: str, wish: Wish) -> Asked:
    """Return where the answer to the object at `source` will be."""
    more = _given({"Accept": wish.accept, "CustomAttributes": wish.custom_attributes})
    with aws_faults():
        found = aws.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName=endpoint, InputLocation=str(source), ContentType=content_type, **more
        )
    failure = found.get("FailureLocation")
    return Asked(
        source,
        parse(found["OutputLocation"], option="The answer's address"),
        parse(failure, option="The failure's address") if failure else None,
    )


def wait_for(aws: Aws, asked: Asked, poll_seconds: float) -> bytes:
    """Return the answer once it is there; raise `Fault` with the server's error if it failed."""
    s3 = aws.client("s3")

    def ask() -> State:
        if _is_there(s3, asked.answer):
            return State("answered")
        failed = asked.failure is not None and _is_there(s3, asked.failure)
        return State("failed" if failed else "waiting")

    later = f"The endpoint goes on; the answer will be at {asked.answer}."
    ended = watch(ask, aws.pace(poll_seconds), until=("answered", "failed"), on_interrupt=later)
    if ended.name == "answered":
        return _read(s3, asked.answer)
    assert asked.failure is not None  # noqa: S101 (only then is it "failed")
    message = _read(s3, asked.failure).decode(errors="replace")
    raise Fault(
        f"The request for {asked.source} failed: {message.strip()[:1000]}",
        expected="an answer",
        remedy=f"Correct what it names; the whole of it is at {asked.failure}.",
    )


def _is_there(s3: Any, address: Address) -> bool:
    from botocore.exceptions import ClientError

    try:
        s3.head_object(Bucket=address.bucket, Key=address.key)
    except ClientError as error:
        # Who may not list the bucket is told 403 of what is not there.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in {403, 404}:
            return False
        raise
    return True


def _read(s3: Any, address: Address) -> bytes:
    with aws_faults():
        content: bytes = s3.get_object(Bucket=address.bucket, Key=address.key)["Body"].read()
    return content
