"""SDK 2 in local mode with two instances: two containers that train one model."""

from __future__ import annotations

import json
import tarfile

import pytest
from sdk_client import Client, check_both_channels_and_the_hyperparameters

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def said(sdk2: Client) -> str:
    """Return what both hosts of the README's job said, which is then over."""
    program = sdk2.readme("## With the SDKs' own classes, in local mode", "### SDK 2")
    fitting, one = program.partition("predictor = ")[0], "instance_count=1"
    assert fitting.count(one) == 1
    return sdk2.run(sdk2.python, "-", given=fitting.replace(one, "instance_count=2"))


def test_both_hosts_train(said: str) -> None:
    assert "2 of 2 hosts have rows and train together" in said


def test_the_first_host_writes_the_one_model_and_its_report(said: str, sdk2: Client) -> None:
    assert said.count("model written to /opt/ml/model") == 1
    with tarfile.open(sdk2.folder / "work/output/model.tar.gz") as model:
        member = model.extractfile("manifest.json")
        assert member is not None
        check_both_channels_and_the_hyperparameters(json.load(member))
    with tarfile.open(sdk2.folder / "work/output/output.tar.gz") as output:
        assert {"data/metrics.json", "data/report.html"} <= {name.removeprefix("./") for name in output.getnames()}
