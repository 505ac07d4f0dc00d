"""What is uploaded: the same bytes for the same source, and a program that Spark runs with nothing else installed."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from aws_stand_in import REPOSITORY, StandIn

PACKAGE = "container/fraud_detect"


@pytest.fixture(scope="module")
def package(aws_of_module: StandIn) -> str:
    """Return the address of the uploaded package."""
    return uploaded(aws_of_module, REPOSITORY)


def uploaded(aws: StandIn, repository: Path) -> str:
    """Submit from a checkout without waiting; return where the package went."""
    extra = ("--release", "emr-7.13.0", "--python", "/usr/bin/python3.11", "--no-wait")
    done = aws.submit("emr-serverless", *extra, repository=repository)
    assert done.status == 0, done.errors
    return done.said.split(" and ")[1].split()[0]


def a_checkout(folder: Path) -> Path:
    """Return a copy of what the script needs, with other times, other permissions and compiled files in it."""
    for part in ("scripts/aws", PACKAGE):
        shutil.copytree(REPOSITORY / part, folder / part, copy_function=shutil.copyfile)
    compiled = folder / PACKAGE / "__pycache__/more.cpython-311.pyc"
    compiled.parent.mkdir(exist_ok=True)
    compiled.write_bytes(b"compiled")
    for path in (folder / PACKAGE).rglob("*.py"):
        path.chmod(0o755)
        os.utime(path, (1, 1))
    return folder


def test_another_checkout_of_the_same_source_is_uploaded_as_the_same_bytes(
    package: str, aws_of_module: StandIn, tmp_path: Path
) -> None:
    before = aws_of_module.object(package)
    assert uploaded(aws_of_module, a_checkout(tmp_path)) == package
    assert aws_of_module.object(package) == before


def test_another_source_goes_elsewhere(package: str, aws_of_module: StandIn, tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path)
    with (checkout / PACKAGE / "errors.py").open("a") as source:
        source.write("# changed\n")
    assert uploaded(aws_of_module, checkout) != package


def test_the_package_has_all_its_modules_and_nothing_compiled(package: str, aws_of_module: StandIn) -> None:
    names = set(zipfile.ZipFile(io.BytesIO(aws_of_module.object(package))).namelist())
    modules = {path.relative_to(REPOSITORY / "container").as_posix() for path in (REPOSITORY / PACKAGE).rglob("*.py")}
    assert names == modules | {"fraud_detect/py.typed", "fraud_detect/artifact/FORMAT.md"}


def test_a_dry_run_names_the_address_that_is_used(package: str, aws_of_module: StandIn) -> None:
    planned = json.loads(aws_of_module.submit("emr-serverless", "--dry-run").said)
    puts = [sent["request"] for sent in planned if sent["operation"] == "PutObject"]
    assert package in [f"s3://{put['Bucket']}/{put['Key']}" for put in puts]
