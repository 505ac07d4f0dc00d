"""A boto3 session that sends nothing: it writes down what would be sent, and answers itself.

Knows boto3's events. Never knows which job is submitted.
"""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any

_READS = ("Head", "List", "Get", "Describe")
_ANSWERS: dict[str, dict[str, Any]] = {
    # What a dry run cannot know is in capitals, where AWS's rules for it allow them.
    "DescribeEndpoint": {
        "EndpointName": "ENDPOINT",
        "EndpointStatus": "InService",
        "EndpointConfigName": "PRESENT-CONFIGURATION",
        "ProductionVariants": [{"VariantName": "AllTraffic", "DesiredInstanceCount": 1}],
    },
    "DescribeEndpointConfig": {
        "EndpointConfigArn": "PRESENT-CONFIGURATION",
        "ProductionVariants": [
            {"VariantName": "AllTraffic", "ModelName": "PRESENT-MODEL", "InstanceType": "ml.m5.large"}
        ],
        "ShadowProductionVariants": [{"VariantName": "Challenger", "ModelName": "PRESENT-CHALLENGER"}],
    },
    "DescribeModel": {"ModelArn": "PRESENT-MODEL"},
    "DescribeTrainingJob": {
        "TrainingJobStatus": "Completed",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://WHERE-THE-JOB-WROTE/output/model.tar.gz"},
        "AlgorithmSpecification": {"TrainingImage": "IMAGE-OF-THE-JOB"},
        "RoleArn": "arn:aws:iam::000000000000:role/ROLE-OF-THE-JOB",
    },
    "InvokeEndpoint": {"Body": io.BytesIO()},
    "InvokeEndpointAsync": {"OutputLocation": "s3://where-answers-go/answer"},
    "PutScalingPolicy": {"PolicyARN": "ARN-OF-THE-POLICY"},
    "CreateApplication": {"applicationId": "dryrun", "arn": "dryrun", "name": "dryrun"},
    "CreateRole": {"Role": {"Arn": "ARN-OF-THE-ROLE"}},
    "GetCallerIdentity": {"Account": "ACCOUNT"},
    "ListJobRuns": {"jobRuns": []},
    "ListObjectsV2": {"KeyCount": 1},
    "StartJobRun": {"applicationId": "dryrun", "jobRunId": "dryrun", "arn": "dryrun"},
}


class DryRun:
    """Records the requests of every client that `session` makes from now on; needs no credentials."""

    def __init__(self, session: Any) -> None:
        self.requests: list[dict[str, Any]] = []
        self.asks = False
        """Whether AWS itself answers what changes nothing: then credentials are needed."""
        session.events.register("before-parameter-build", self._record)
        session.events.register("before-call", self._answer)

    def text(self) -> str:
        """Return the requests that would change something, in order, as JSON."""
        return json.dumps(self.requests, indent=2)

    def _record(self, *, params: dict[str, Any], model: Any, **_: Any) -> None:
        if not model.name.startswith(_READS):
            request = {name: _in_words(value) for name, value in params.items()}
            self.requests.append(
                {"service": model.service_model.service_name, "operation": model.name, "request": request}
            )

    def _answer(self, *, model: Any, **_: Any) -> tuple[Any, dict[str, Any]] | None:
        if self.asks and model.name.startswith(_READS):
            return None
        answer = self._application() if model.name == "GetApplication" else _ANSWERS.get(model.name, {})
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}

    def _application(self) -> dict[str, Any]:
        started = any(request["operation"] == "StartApplication" for request in self.requests)
        return {"application": {"state": "STARTED" if started else "CREATED"}}


def _in_words(value: Any) -> Any:
    body = value.getvalue() if hasattr(value, "getvalue") else value
    return f"{len(body):,} bytes" if isinstance(body, bytes) or hasattr(body, "read") else value
