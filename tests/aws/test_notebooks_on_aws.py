"""The cells of the notebooks for SageMaker, with a stand-in for AWS: what they ask for, and that nothing is left."""

from __future__ import annotations

import ast
import http.client
import json
import os
import subprocess
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_stand_in import ACCOUNT, PYTHON, REGION, REPOSITORY, ROLE, Seen, StandIn

NOTEBOOKS = REPOSITORY / "sagemaker_notebooks"
TRAIN, TUNE = "03_train_and_deploy", "04_tune_and_transform"
BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}


def push_two_images(aws: StandIn) -> str:
    """Make a repository of images in ECR; return the address of the one that was pushed last."""
    ecr = aws.client("ecr")
    address = ecr.create_repository(repositoryName="fraud-detect")["repository"]["repositoryUri"]
    for tag in ("first", "latest"):
        manifest = json.dumps(MANIFEST | {"config": {"digest": f"sha256:{tag}"}})
        pushed = ecr.put_image(repositoryName="fraud-detect", imageTag=tag, imageManifest=manifest)["image"]
    return f"{address}@{pushed['imageId']['imageDigest']}"


def code_of(name: str) -> str:
    """Return the code cells of a notebook as one program."""
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def run(name: str, aws: StandIn, folder: Path) -> str:
    """Run the code cells of a notebook in its folder; return what they print."""
    program = code_of(name)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "SAGEMAKER_ROLE": ROLE,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.port}",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }
    done = subprocess.run(
        [PYTHON, "-"],
        input=program,
        cwd=NOTEBOOKS,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def answer_from_the_endpoint(aws: StandIn, *bodies: str) -> None:
    """Let the endpoint give the `bodies`, one after the other."""
    results = [
        {"Body": body, "ContentType": "text/csv", "InvokedProductionVariant": "all", "CustomAttributes": ""}
        for body in bodies
    ]
    moto = http.client.HTTPConnection("127.0.0.1", aws.moto_port)
    moto.request(
        "POST", "/moto-api/static/sagemaker/endpoint-results", json.dumps({"region": REGION, "results": results})
    )
    assert moto.getresponse().status == 201
    moto.close()


@dataclass(frozen=True)
class Run:
    """What there was to see of a run of the first notebook."""

    image: str
    printed: str
    seen: Sequence[Seen]
    objects: AbstractSet[str]
    endpoints: int
    left: Sequence[Path]

    def the(self, operation: str) -> Any:
        """Return the JSON of the only request for the operation."""
        [found] = [each.json for each in self.seen if each.operation == f"SageMaker.{operation}"]
        return found


@pytest.fixture(scope="module")
def trained(aws_of_module: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Run:
    aws, folder = aws_of_module, tmp_path_factory.mktemp("home")
    image = push_two_images(aws)
    answer_from_the_endpoint(aws, "0,0.25\n", '{"predictions": [{"probability": 0.25}]}')
    printed = run(TRAIN, aws, folder)
    objects = {each["Key"] for each in aws.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]}
    endpoints = len(aws.client("sagemaker").list_endpoints()["Endpoints"])
    return Run(image, printed, list(aws.seen), objects, endpoints, list(folder.iterdir()))


def test_latest_image_in_ecr_is_trained_and_served(trained: Run) -> None:
    assert trained.the("CreateTrainingJob")["AlgorithmSpecification"]["TrainingImage"] == trained.image
    assert trained.the("CreateModel")["PrimaryContainer"]["Image"] == trained.image


def test_channels_are_uploaded_and_given_to_the_job(trained: Run) -> None:
    channels = trained.the("CreateTrainingJob")["InputDataConfig"]

    assert [each["DataSource"]["S3DataSource"]["S3Uri"] for each in channels] == [
        f"s3://{BUCKET}/fraud-detect/train",
        f"s3://{BUCKET}/fraud-detect/test",
    ]
    assert trained.objects == {"fraud-detect/train/train.csv", "fraud-detect/test/test.csv"}


def test_answer_is_shown(trained: Run) -> None:
    assert "0,0.25\n" in trained.printed


def test_nothing_that_bills_is_left(trained: Run) -> None:
    asked = [each.operation for each in trained.seen if each.operation.startswith("SageMaker.")]

    assert asked[-3:] == ["SageMaker.DeleteEndpoint", "SageMaker.DeleteEndpointConfig", "SageMaker.DeleteModel"]
    assert trained.endpoints == 0
    assert trained.left == []


@pytest.mark.parametrize("name", [TRAIN, TUNE])
def test_cells_define_no_functions(name: str) -> None:
    """What a cell does is read from top to bottom."""
    defined = [node for node in ast.walk(ast.parse(code_of(name))) if isinstance(node, ast.FunctionDef | ast.Lambda)]

    assert defined == []


def test_tuning_job_has_the_declared_ranges_and_its_best_scores(aws: StandIn, tmp_path: Path) -> None:
    push_two_images(aws)
    s3, sagemaker = aws.client("s3"), aws.client("sagemaker")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key="fraud-detect/scores/payload.csv.out", Body=b"1,0.75\n")
    best = "FakeTrainingJobName"  # of each tuning job of moto's
    sagemaker.create_training_job(
        TrainingJobName=best,
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/best"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )

    printed = run(TUNE, aws, tmp_path)

    specification = json.loads((REPOSITORY / "docs/specification.json").read_text())
    asked = aws.the("SageMaker.CreateHyperParameterTuningJob")
    assert asked["HyperParameterTuningJobConfig"]["ParameterRanges"] == specification["ParameterRanges"]["xgboost"]
    assert asked["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"] in [
        {"MetricName": each["MetricName"], "Type": each["Type"]}
        for each in specification["SupportedTuningJobObjectiveMetrics"]
    ]
    assert aws.the("SageMaker.CreateModel")["PrimaryContainer"]["ModelDataUrl"].startswith(f"s3://{BUCKET}/best/")
    assert "1,0.75\n" in printed
    assert sagemaker.list_models()["Models"] == []
