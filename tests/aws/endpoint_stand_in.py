"""SageMaker's endpoints as far as moto has them, and what it lacks: updates, shadow variants, states that pass.

Every request is held against the API's description, and against what SageMaker refuses.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from aws_stand_in import ACCOUNT, PYTHON, REGION, REPOSITORY, Done, Raw, Seen, StandIn
from request_check import faults_in

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fraud-detect:latest"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/fraud-detect"
SERVICES = {"SageMaker": "sagemaker", "AnyScaleFrontendService": "application-autoscaling"}
TAG = "fraud-detect:endpoint"
MODEL = ("--model-data", "s3://transactions/model.tar.gz", "--image", IMAGE, "--role", ROLE)
DEPLOYED = ("fraud", *MODEL, "--yes", "--poll-seconds", "0.01")


@dataclass
class Endpoints:
    """Endpoints in front of moto's; `fate` is what becomes of a change: see `_begin`."""

    aws: StandIn
    fate: str = "InService"
    reason: str = ""
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    serves: dict[str, str] = field(default_factory=dict)
    coming: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    """How many instances scaling has given an endpoint."""

    def __post_init__(self) -> None:
        self.aws.hooks.append(self._answer)

    def operations(self) -> list[str]:
        """Return the changes asked for so far, in order."""
        names = [request.operation.partition(".")[2] for request in self.aws.seen if "." in request.operation]
        reads = ("Describe", "List", "Get")
        return [name for name in names if name and not name.startswith(reads)]

    def sent(self, operation: str) -> Any:
        """Return the JSON of the only request for the operation."""
        found = [request.json for request in self.aws.seen if request.operation.endswith(f".{operation}")]
        assert len(found) == 1, self.operations()
        return found[0]

    def names(self, kind: str) -> list[str]:
        """Return the names of what there is of `EndpointConfig`, `Model` or `Endpoint`."""
        operation = {"EndpointConfig": "list_endpoint_configs", "Model": "list_models", "Endpoint": "list_endpoints"}
        found = getattr(self.aws.client("sagemaker"), operation[kind])()[f"{kind}s"]
        return sorted(one[f"{kind}Name"] for one in found)

    def config(self, endpoint: str) -> dict[str, Any]:
        """Return the request of the configuration that the endpoint serves."""
        return deepcopy(self.configs[self.serves[endpoint]])

    def _answer(self, request: Seen) -> Raw | None:
        target, _, operation = request.operation.partition(".")
        if target not in SERVICES:
            return None
        told = request.json
        faults = faults_in(SERVICES[target], operation, told)
        if faults:
            return _refusal(f"against the API's description: {faults}")
        handler: Callable[[Mapping[str, Any], Seen], Raw | None] | None = getattr(self, f"_{operation}", None)
        return handler(told, request) if handler else None

    def _CreateEndpointConfig(self, told: Mapping[str, Any], request: Seen) -> Raw:  # noqa: N802 (AWS's names)
        models = self.names("Model")
        variants = [*told["ProductionVariants"], *told.get("ShadowProductionVariants", [])]
        for variant in variants:
            if variant["ModelName"] not in models:
                return _refusal(f'Could not find model "{variant["ModelName"]}".')
        made = self.aws.forward(request)
        if made.status == 200:
            self.configs[told["EndpointConfigName"]] = dict(told)
        return made

    def _DescribeEndpointConfig(self, told: Mapping[str, Any], request: Seen) -> Raw:  # noqa: N802
        made = self.aws.forward(request)
        if made.status != 200:
            return made
        kept = {key: value for key, value in self.configs[told["EndpointConfigName"]].items() if key != "Tags"}
        return Raw(200, made.headers, json.dumps({**json.loads(made.body), **kept}).encode())

    def _CreateEndpoint(self, told: Mapping[str, Any], request: Seen) -> Raw:  # noqa: N802
        made = self.aws.forward(request)
        if made.status == 200:
            self._begin(told["EndpointName"], told["EndpointConfigName"], "Creating")
        return made

    def _UpdateEndpoint(self, told: Mapping[str, Any], _: Seen) -> Raw:  # noqa: N802
        name, config = told["EndpointName"], told["EndpointConfigName"]
        if config not in self.names("EndpointConfig"):
            return _refusal(f'Could not find endpoint configuration "{config}".')
        if self.coming[name]:
            return _refusal(f'Cannot update in-progress endpoint "{name}".')
        if self.aws.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")[
            "ScalableTargets"
        ]:
            return _refusal("The variant must be deregistered as scalable target with AWS Auto Scaling before.")
        before, after = self.config(name)["ProductionVariants"], self.configs[config]["ProductionVariants"]
        if before[0]["VariantName"] != after[0]["VariantName"] and "DeploymentConfig" in told:
            return _refusal("The variants' names differ.")
        self._begin(name, config, "Updating")
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}"
        return Raw(200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps({"EndpointArn": arn}).encode())

    def _begin(self, name: str, config: str, status: str) -> None:
        """Note the states that the endpoint is to go through, each with the configuration it has then."""
        old = self.serves.get(name, config)
        ways = {
            "InService": [(status, old), (status, old), ("InService", config)],
            "Failed": [(status, old), ("Failed", old)],
            "endless": [(status, old)] * 100_000,
            "unknown": [(status, old), ("unknown", old)],
            "rolled back": [(status, old), ("RollingBack", old), ("InService", old)],
        }
        self.coming[name] = list(ways[self.fate])
        self.serves[name] = old

    def _DescribeEndpoint(self, told: Mapping[str, Any], request: Seen) -> Raw:  # noqa: N802
        made = self.aws.forward(request)
        if made.status != 200:
            return made
        name, found = told["EndpointName"], json.loads(made.body)
        status, self.serves[name] = (self.coming[name] or [("InService", self.serves[name])])[0]
        if len(self.coming[name]) > 1 or status == "InService":
            self.coming[name] = self.coming[name][1:]
        if status == "unknown":
            return _refusal("User is not authorized any more.", "AccessDeniedException")
        variants = [_running(variant, self.counts.get(name)) for variant in self.config(name)["ProductionVariants"]]
        now = {"EndpointStatus": status, "EndpointConfigName": self.serves[name], "ProductionVariants": variants}
        reason = {"FailureReason": self.reason} if self.reason else {}
        return Raw(200, made.headers, json.dumps({**found, **now, **reason}).encode())

    def _DeleteEndpoint(self, told: Mapping[str, Any], _: Seen) -> Raw | None:  # noqa: N802
        states = self.coming.get(told["EndpointName"], [])
        if states and states[0][0] in {"Creating", "Updating"}:
            return _refusal(f'Cannot delete in-progress endpoint "{told["EndpointName"]}".')
        return None

    def _DeleteEndpointConfig(self, told: Mapping[str, Any], _: Seen) -> Raw | None:  # noqa: N802
        used = {self.serves[name] for name in self.names("Endpoint") if name in self.serves}
        return _refusal("The configuration is in use.") if told["EndpointConfigName"] in used else None


def _running(variant: Mapping[str, Any], scaled_to: int | None) -> dict[str, Any]:
    count = scaled_to or variant.get("InitialInstanceCount")
    made = {"VariantName": variant["VariantName"], "CurrentWeight": 1.0, "DesiredWeight": 1.0}
    return {**made, "CurrentInstanceCount": count, "DesiredInstanceCount": count} if count else made


def _refusal(message: str, code: str = "ValidationException") -> Raw:
    body = {"__type": code, "message": message}
    return Raw(400, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode())


def run(
    aws: StandIn, script: str, *arguments: str, stdin: bytes = b"", without: tuple[str, ...] = (), **more: str
) -> Done:
    """Run scripts/aws/`script` as a user would, with the stand-in as AWS."""
    with started(aws, script, *arguments, without=without, **more) as process:
        said, errors = process.communicate(stdin, timeout=120)
    return Done(process.returncode, said.decode(), errors.decode())


def started(
    aws: StandIn, script: str, *arguments: str, without: tuple[str, ...] = (), **more: str
) -> subprocess.Popen[bytes]:
    """Start scripts/aws/`script`."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.port}",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    } | more
    return subprocess.Popen(
        [PYTHON, REPOSITORY / "scripts/aws" / script, *arguments],
        env={name: value for name, value in environment.items() if name not in without},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def deploy(aws: StandIn, *arguments: str, **more: Any) -> Done:
    """Deploy the endpoint `fraud` from a model.tar.gz that nothing is wrong with."""
    return run(aws, "deploy.py", *DEPLOYED, *arguments, **more)


def the(requests: list[dict[str, Any]], operation: str, **members: str) -> dict[str, Any]:
    """Return the only request for the operation with these members."""
    (found,) = [
        sent["request"]
        for sent in requests
        if sent["operation"] == operation and members.items() <= sent["request"].items()
    ]
    return dict(found)
