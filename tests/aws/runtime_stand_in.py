"""SageMaker's runtime in front of a server that really scores: endpoints that answer at once, or through S3."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aws_stand_in import Raw, Seen, StandIn

from running_server import Server

PASSED_ON = ("Accept", "X-Amzn-SageMaker-Custom-Attributes")
LARGEST = 25 << 20
ANSWER, FAILURE = "s3://features/answers/1.out", "s3://features/failures/1.out"


@dataclass
class Runtime:
    """Endpoints of any name; what they are sent is answered by `server`."""

    aws: StandIn
    server: Server
    bodies: list[bytes] = field(default_factory=list)
    types: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.aws.hooks.append(self._answer)

    def _answer(self, request: Seen) -> Raw | None:
        if request.operation.endswith("/invocations"):
            return self._at_once(request)
        if request.operation.endswith("/async-invocations"):
            return self._later(request)
        return None

    def _score(self, request: Seen, body: bytes) -> tuple[int, str, bytes]:
        kind = request.headers.get("Content-Type", "")
        self.bodies.append(body)
        self.types.append(kind)
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        answer = self.server.send("/invocations", body, kind, **headers)
        return answer.status, answer.headers["Content-Type"], answer.body

    def _at_once(self, request: Seen) -> Raw:
        assert len(request.body) <= LARGEST
        status, kind, content = self._score(request, request.body)
        if status == 200:
            return Raw(200, {"Content-Type": kind, "x-Amzn-Invoked-Production-Variant": "AllTraffic"}, content)
        said = {
            "Message": f"Received client error ({status}) from primary",
            "OriginalMessage": content.decode(),
            "OriginalStatusCode": status,
        }
        return Raw(
            424, {"Content-Type": "application/json", "x-amzn-ErrorType": "ModelError"}, json.dumps(said).encode()
        )

    def _later(self, request: Seen) -> Raw:
        body = self.aws.object(request.headers["X-Amzn-SageMaker-InputLocation"])
        status, _, content = self._score(request, body)
        place = urlsplit(ANSWER if status == 200 else FAILURE)
        self.aws.client("s3").put_object(Bucket=place.netloc, Key=place.path[1:], Body=content)
        headers = {"X-Amzn-SageMaker-OutputLocation": ANSWER, "X-Amzn-SageMaker-FailureLocation": FAILURE}
        return Raw(202, {"Content-Type": "application/json", **headers}, b'{"InferenceId": "1"}')
