"""SageMaker as a stand-in that works: it trains a training job on this machine, and answers for an endpoint."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aws_stand_in import REPOSITORY, Raw, Seen, StandIn

from running_server import Server

TRAIN = REPOSITORY / "container/train"
_PASSED_ON = ("Content-Type", "Accept")


@dataclass
class AtWork:
    """What is in front of moto: `folder` is for jobs and models, `trained` names the jobs that were trained."""

    aws: StandIn
    folder: Path
    trained: list[str] = field(default_factory=list)
    _running: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _servers: dict[str, Server] = field(default_factory=dict)

    def hook(self, request: Seen) -> Raw | None:
        """Do the work that a request asks for; None leaves the answer to others."""
        if request.operation == "SageMaker.CreateTrainingJob":
            self._train(request.json)
        parts = request.operation.removeprefix("POST ").strip("/").split("/")
        if parts[0] == "endpoints" and parts[-1] == "invocations":
            return self._answer(parts[1], request)
        return None

    def _train(self, told: dict[str, Any]) -> None:
        root = self.folder / told["TrainingJobName"]
        for channel in told["InputDataConfig"]:
            source = channel["DataSource"]["S3DataSource"]["S3Uri"]
            self._download(source, root / "input/data" / channel["ChannelName"])
        (root / "input/config").mkdir()
        (root / "input/config/hyperparameters.json").write_text(json.dumps(told["HyperParameters"]))
        done = subprocess.run(
            [sys.executable, TRAIN, "--root", root],
            env=os.environ | {"PYTHONPATH": str(REPOSITORY / "container")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        self._keep(told, root / "model", (done.stdout + done.stderr).splitlines())

    def _download(self, source: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        place, s3 = urlsplit(source), self.aws.client("s3")
        for found in s3.list_objects_v2(Bucket=place.netloc, Prefix=place.path[1:])["Contents"]:
            body = s3.get_object(Bucket=place.netloc, Key=found["Key"])["Body"].read()
            (folder / Path(found["Key"]).name).write_bytes(body)

    def _keep(self, told: dict[str, Any], model: Path, lines: list[str]) -> None:
        """Put the model where SageMaker does, and the log."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for file in sorted(model.iterdir()):
                archive.add(file, file.name)
        place = urlsplit(told["OutputDataConfig"]["S3OutputPath"])
        key = f"{place.path[1:]}/{told['TrainingJobName']}/output/model.tar.gz"
        self.aws.client("s3").put_object(Bucket=place.netloc, Key=key, Body=packed.getvalue())
        logs, group = self.aws.client("logs"), "/aws/sagemaker/TrainingJobs"
        stream = f"{told['TrainingJobName']}/algo-1-1763000000"
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["creationTime"]
        events = [{"timestamp": now, "message": line} for line in lines if line]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
        self.trained.append(told["TrainingJobName"])

    def _answer(self, endpoint: str, request: Seen) -> Raw:
        if endpoint not in self._servers:
            self._servers[endpoint] = self._running.enter_context(Server(self._root(endpoint), "alone"))
        passed = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        made = self._servers[endpoint].send("/invocations", request.body, passed.pop("Content-Type"), **passed)
        return Raw(made.status, {"Content-Type": made.headers["Content-Type"]}, made.body)

    def _root(self, endpoint: str) -> Path:
        """Return a folder with the model that the endpoint serves, unpacked as SageMaker does."""
        client = self.aws.client("sagemaker")
        config = client.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        variant = client.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
        model = client.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]["ModelDataUrl"]
        root = self.folder / f"endpoint-{endpoint}"
        with tarfile.open(fileobj=io.BytesIO(self.aws.object(model))) as archive:
            archive.extractall(root / "model", filter="data")
        return root

    def close(self) -> None:
        """Stop the servers."""
        self._running.close()


@contextlib.contextmanager
def at_work(aws: StandIn, folder: Path) -> Iterator[AtWork]:
    """Give a SageMaker that works in front of what `aws` has."""
    made = AtWork(aws, folder)
    aws.hooks.insert(0, made.hook)
    try:
        yield made
    finally:
        made.close()
