"""Which hosts a job has, and how the first of them is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fraud_detect.errors import SettingError
from fraud_detect.sagemaker import cluster as cluster_module
from fraud_detect.sagemaker.cluster import Cluster, address_of, cluster, until_there
from fraud_detect.sagemaker.layout import Layout
from training_factories import configure


def found(root: Path, document: object) -> Cluster | None:
    configure(root, "resourceconfig", document)
    return cluster(Layout(root))


def failing(times: int) -> Callable[[], str]:
    left = [OSError("Name or service not known")] * times

    def attempt() -> str:
        if left:
            raise left.pop()
        return "there"

    return attempt


def test_the_first_host_is_the_same_whatever_the_order_of_the_list(tmp_path: Path) -> None:
    hosts = found(tmp_path, {"current_host": "algo-2", "hosts": ["algo-3", "algo-2", "algo-1"]})

    assert hosts == Cluster(("algo-1", "algo-2", "algo-3"), "algo-2")
    assert hosts.first == "algo-1"


@pytest.mark.parametrize("document", [{}, {"hosts": ["algo-1"]}, {"current_host": "algo-1", "hosts": ["algo-1"]}])
def test_one_host_is_no_cluster(tmp_path: Path, document: object) -> None:
    assert found(tmp_path, document) is None


@pytest.mark.parametrize("document", [{"hosts": "algo-1"}, {"hosts": ["a", "b"]}, {"hosts": ["a", 2]}])
def test_a_configuration_that_does_not_say_who_is_who_is_refused(tmp_path: Path, document: object) -> None:
    with pytest.raises(SettingError, match=r"resourceconfig\.json has hosts="):
        found(tmp_path, document)


def test_a_name_that_is_not_known_yet_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "SECONDS_BETWEEN_TRIES", 0.0)

    assert until_there(failing(3), "reach algo-1") == "there"


def test_a_name_that_stays_unknown_is_an_error_with_a_remedy() -> None:
    with pytest.raises(SettingError, match=r"reach algo-1 after 0 s.*security group"):
        until_there(failing(1_000), "reach algo-1", seconds=0)


def test_an_address_is_its_own_name() -> None:
    assert address_of("127.1.2.3") == "127.1.2.3"
