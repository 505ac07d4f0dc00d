"""Who trains, and whether a channel is divided among the hosts or the same on all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fraud_detect.errors import TableError
from fraud_detect.sagemaker.layout import Layout
from fraud_detect.sagemaker.shards import COPIED, DIVIDED, listing, shards
from training_factories import a_channel, configure


def has(*files: str, kind: str | None = None, pipe: bool = False) -> dict[str, Any]:
    return {"type": kind, "files": [[f"train/{name}", 10, "f00d"] for name in files], "is_pipe": pipe}


def of(*trains: dict[str, Any], **further: list[dict[str, Any]]) -> Any:
    names = [f"algo-{number}" for number in range(1, len(trains) + 1)]
    channels = {"train": list(trains), **further}
    return shards({host: {name: each[place] for name, each in channels.items()} for place, host in enumerate(names)})


def test_different_files_are_shards() -> None:
    found = of(has("a"), has("b"))

    assert not found.channels["train"].copied
    assert found.hosts == ("algo-1", "algo-2")


def test_the_same_files_on_all_hosts_are_copies() -> None:
    assert of(has("a", "b"), has("a", "b")).channels["train"].copied


def test_files_of_one_name_with_other_bytes_are_shards() -> None:
    other = {"type": None, "files": [["train/a", 10, "beef"]], "is_pipe": False}

    assert not of(has("a"), other).channels["train"].copied


def test_copies_that_are_declared_as_shards_count_once(caplog: pytest.LogCaptureFixture) -> None:
    assert of(has("a", kind=DIVIDED), has("a", kind=DIVIDED)).channels["train"].copied
    assert "each row counts once" in caplog.text


def test_hosts_without_files_do_not_train() -> None:
    found = of(has(), has("a"), has(), has("b"))

    assert found.hosts == ("algo-2", "algo-4")
    assert found.channels["train"].hosts == ("algo-2", "algo-4")


def test_a_host_with_rows_in_another_channel_trains() -> None:
    found = of(has("a"), has(), validation=[has(), has("v")])

    assert found.hosts == ("algo-1", "algo-2")
    assert found.channels["validation"].hosts == ("algo-2",)
    assert not found.channels["validation"].copied


@pytest.mark.parametrize(("kind", "copied"), [(None, True), (COPIED, True), (DIVIDED, False)])
def test_pipes_are_what_is_declared(kind: str | None, copied: bool) -> None:
    pipe = has("train_0", kind=kind, pipe=True)

    assert of(pipe, pipe).channels["train"].copied is copied


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ([has("a", "b"), has("b", "c")], "some files on several hosts, but not on all .train/b."),
        ([has("a", kind=COPIED), has("b", kind=COPIED)], "FullyReplicated, but the hosts have different files"),
        ([has(), has()], "No host has a file in the train channel"),
    ],
    ids=["overlap", "declared as copies", "nothing"],
)
def test_what_is_unclear_is_refused(hosts: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(TableError, match=said):
        of(*hosts)


def test_a_listing_marks_files_by_what_they_hold(tmp_path: Path) -> None:
    for host, content in (("one", "1,2\n0,1\n"), ("two", "1,2\n0,1\n"), ("other", "1,2\n0,3\n")):
        a_channel(tmp_path / host / "input" / "data" / "train", content)
    configure(tmp_path / "one", "inputdataconfig", {"train": {"S3DistributionType": DIVIDED}})

    one, two, other = (listing(Layout(tmp_path / host))["train"] for host in ("one", "two", "other"))

    assert one["type"] == DIVIDED
    assert one["files"] == two["files"] != other["files"]
