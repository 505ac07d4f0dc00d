"""SDK 3 in local mode: `ModelTrainer` by the cells of the notebooks' README, `ModelBuilder` on what it trained."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any

import pytest
from docker_engine import REPOSITORY, docker
from registry import registry_of
from sdk_client import Client, check_both_channels_and_the_hyperparameters

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]

PAYLOAD = REPOSITORY / "local_test" / "payload.json"
ITS_PORT = 8080
"""ModelBuilder has no setting for it."""
PORT_PATIENCE_SECONDS = 60
BUILD_AND_INVOKE = """
import json

from sagemaker.serve import ModelBuilder
from sagemaker.serve.builder.schema_builder import SchemaBuilder
from sagemaker.serve.mode.function_pointers import Mode
from sagemaker.serve.spec.inference_spec import InferenceSpec
from sagemaker.serve.utils.types import ModelServer


class Unused(InferenceSpec):
    def load(self, model_dir): ...
    def invoke(self, input_object, model): ...


rows = json.loads(open({payload!r}).read())
builder = ModelBuilder(
    image_uri={image!r},
    model_path={model!r},
    inference_spec=Unused(),
    model_server=ModelServer.TORCHSERVE,
    schema_builder=SchemaBuilder(rows, {{"predictions": []}}),
    dependencies={{}},
    mode=Mode.LOCAL_CONTAINER,
    role_arn="arn:aws:iam::111122223333:role/any",
    s3_model_data_url="s3://unused",
    instance_type="local",
)
builder.build(model_name="fraud")
try:
    endpoint = builder.deploy_local(endpoint_name="fraud")
    status = endpoint.endpoint_status
    answer = json.loads(endpoint.invoke(rows).body.read())
    endpoint.delete()
finally:
    builder.modes[str(Mode.LOCAL_CONTAINER)].destroy_server()
"""


@pytest.fixture(scope="module")
def manifest(sdk3: Client) -> dict[str, Any]:
    """Return the manifest of the model that the README's cells train."""
    sdk3.values(sdk3.readme("## With the SDKs' own classes, in local mode", "### SDK 3"))
    found: dict[str, Any] = json.loads((sdk3.folder / "work/job/artifacts/model/manifest.json").read_text())
    return found


def test_both_channels_and_the_hyperparameters_arrive(manifest: dict[str, Any]) -> None:
    check_both_channels_and_the_hyperparameters(manifest)


def test_nobody_outside_was_asked(manifest: dict[str, Any], sdk3: Client) -> None:  # noqa: ARG001
    """Neither AWS nor telemetry."""
    assert sdk3.outside.asked == []


@pytest.fixture(scope="module")
def built(manifest: dict[str, Any], sdk3: Client) -> dict[str, Any]:  # noqa: ARG001 (by then it is trained)
    """Return what an endpoint of ModelBuilder answers that serves the trained model."""
    _wait_for_its_port()
    with registry_of(sdk3.image) as image:
        model = str(sdk3.folder / "work/job/artifacts/model")
        program = BUILD_AND_INVOKE.format(payload=str(PAYLOAD), image=image, model=model)
        found = sdk3.values(program, "status", "answer", SAGEMAKER_VALIDATE_ROLE="false")
        found["left"] = docker("ps", "--quiet", "--filter", f"ancestor={image}", "--filter", "status=running").stdout
        return found


def test_model_builder_deploys_and_invokes(built: dict[str, Any]) -> None:
    predictions = built["answer"]["predictions"]

    assert built["status"] == "InService"
    assert len(predictions) == len(json.loads(PAYLOAD.read_text())["instances"])
    assert all(0 < each["probability"] < 1 for each in predictions)


def test_model_builder_leaves_nothing_running(built: dict[str, Any]) -> None:
    assert built["left"] == ""


def test_model_builder_asks_nobody_outside(built: dict[str, Any], sdk3: Client) -> None:  # noqa: ARG001
    assert sdk3.outside.asked == []


def _wait_for_its_port() -> None:
    """Return once nothing listens on the port that ModelBuilder takes; else skip, or fail with CI=true."""
    until = time.monotonic() + PORT_PATIENCE_SECONDS
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", ITS_PORT)) != 0:
                return
        time.sleep(1)
    taken = f"port {ITS_PORT}, which ModelBuilder takes whatever is set, is not free"
    if os.environ.get("CI") == "true":
        pytest.fail(taken)
    pytest.skip(taken)
