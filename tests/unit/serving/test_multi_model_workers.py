"""Several workers over the same models: each is a `Models` of its own on the same folder."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factories import an_artifact
from fraud_detect.errors import AlreadyLoaded, BadRequest, Busy, NotLoaded, OutOfMemory
from fraud_detect.serving import models as models_module
from fraud_detect.serving.model import Model
from fraud_detect.serving.models import Limits, Models
from fraud_detect.serving.open_models import SETTLED_NS, OpenModels
from fraud_detect.serving.registry import Registry

MB = 1 << 20
SECOND = 1_000_000_000


class Worker:
    """One of `workers` workers whose models lie in `folder`/run, and their artifacts in `folder`."""

    def __init__(self, folder: Path, *, budget_bytes: int = 100 * MB, workers: int = 2) -> None:
        self._folder = folder
        self.registry = Registry(folder / "run")
        self.opened = OpenModels(self.registry)
        self.models = Models(self.registry, self.opened, Limits(workers, budget_bytes, 0.05))

    def load_heavy(self, name: str, charge_bytes: int, *, now_ns: int) -> None:
        """Load a model as if it took `charge_bytes`."""
        self.load(name)
        entry = replace(self.models.find(name), charge_bytes=charge_bytes)
        self.registry.remove(name)
        self.registry.add(entry, now_ns=now_ns)

    def load(self, name: str, *, threshold: float = 0.5, now_ns: int = 0) -> Path:
        """Load a model and return the folder of its files."""
        folder = self._folder / name
        an_artifact(folder, threshold={"value": threshold, "policy": "f1"})
        self.models.load(name, str(folder), now_ns=now_ns)
        return folder

    def threshold(self, name: str, *, now_ns: int = 0) -> float:
        """Return by what to tell models apart."""
        return self.models.get(name, now_ns=now_ns).model.threshold

    def names(self) -> list[str]:
        """Return the loaded models."""
        return [entry.name for entry in self.models.entries()]


@pytest.fixture(autouse=True)
def _still_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let models be charged for their files: what threads of other tests allocate meanwhile would count as well."""
    monkeypatch.setattr(models_module, "held_bytes", lambda: 0)


@pytest.fixture
def workers(tmp_path: Path) -> tuple[Worker, Worker]:
    return Worker(tmp_path), Worker(tmp_path)


def files_bytes(tmp_path: Path) -> int:
    """Return what the memory's arithmetic takes a small artifact's files for."""
    return sum(entry.bytes for entry in an_artifact(tmp_path / "measured").files.values())


def test_a_model_that_one_worker_loads_both_can_use(workers: tuple[Worker, Worker]) -> None:
    workers[0].load("a", threshold=0.25)

    assert [worker.threshold("a") for worker in workers] == [0.25, 0.25]


def test_a_model_is_opened_once_a_worker(workers: tuple[Worker, Worker]) -> None:
    workers[0].load("a")

    for worker in workers:
        assert worker.models.get("a", now_ns=0) is worker.models.get("a", now_ns=1)


def test_a_loaded_model_scores(workers: tuple[Worker, Worker]) -> None:
    workers[0].load("a")
    opened = workers[1].models.get("a", now_ns=0)

    assert opened.model.scoring.probabilities(np.zeros((1, opened.model.schema.width), np.float32)) == [0.5]


def test_an_unloaded_model_is_gone_for_both(workers: tuple[Worker, Worker]) -> None:
    workers[0].load("a")
    workers[1].threshold("a")
    workers[0].opened.forget("a")  # so that nobody waits for it
    workers[1].models.unload("a")

    for worker in workers:
        with pytest.raises(NotLoaded, match="'a' is not loaded"):
            worker.threshold("a")


def test_a_model_that_is_loaded_anew_under_the_same_name_is_the_new_one_for_both(
    workers: tuple[Worker, Worker],
) -> None:
    workers[0].load("a", threshold=0.25)
    workers[1].threshold("a")
    workers[1].registry.remove("a")
    workers[1].load("a", threshold=0.75)

    assert [worker.threshold("a") for worker in workers] == [0.75, 0.75]


def test_a_name_that_is_loaded_is_refused_in_both(workers: tuple[Worker, Worker]) -> None:
    workers[0].load("a")

    for worker in workers:
        with pytest.raises(AlreadyLoaded, match="DELETE /models/a"):
            worker.load("a")


def test_a_load_waits_for_another_one_but_not_for_ever(workers: tuple[Worker, Worker]) -> None:
    with workers[0].registry.locked(0), pytest.raises(Busy):
        workers[1].load("a")


def test_unknown_models_can_neither_be_found_nor_unloaded(workers: tuple[Worker, Worker]) -> None:
    for action in (workers[0].models.find, workers[0].models.unload):
        with pytest.raises(NotLoaded, match="'a' is not loaded"):
            action("a")


def test_a_worker_lets_go_of_a_model_that_another_one_unloads_without_being_asked_for_it(
    workers: tuple[Worker, Worker],
) -> None:
    workers[0].load("a")
    last = workers[1].registry.remove("a")
    assert last is not None
    assert not last.wait_until_unused(0)

    workers[0].opened.forget_unloaded(now_ns=time.time_ns())
    assert last.wait_until_unused(0)


def test_a_worker_looks_again_at_a_folder_that_may_have_changed_within_the_same_tick(
    workers: tuple[Worker, Worker],
) -> None:
    workers[0].load("a")
    changed_ns = workers[0].registry.changed_ns()
    workers[0].opened.forget_unloaded(now_ns=changed_ns)
    last = workers[1].registry.remove("a")
    os.utime(workers[0].registry._folder, ns=(changed_ns, changed_ns))
    assert last is not None

    workers[0].opened.forget_unloaded(now_ns=changed_ns + SETTLED_NS)
    assert last.wait_until_unused(0)


def test_a_watching_worker_lets_go_in_time_for_the_one_who_unloads(
    workers: tuple[Worker, Worker], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models_module, "RELEASE_SECONDS", 60.0)  # ends when it lets go; a busy machine may be late
    workers[0].opened.watch()
    workers[0].load("a")

    with caplog.at_level(logging.WARNING):
        workers[1].models.unload("a")
    assert caplog.text == ""


def test_a_model_is_still_usable_by_a_request_that_began_before_it_was_unloaded(
    workers: tuple[Worker, Worker],
) -> None:
    workers[0].load("a")
    opened = workers[0].models.get("a", now_ns=0)
    last = workers[1].registry.remove("a")
    workers[0].opened.forget_unloaded(now_ns=time.time_ns())

    assert last is not None
    assert not last.wait_until_unused(0)
    assert opened.model.scoring.probabilities(np.zeros((1, opened.model.schema.width), np.float32)) == [0.5]


@pytest.mark.parametrize(
    "change", [shutil.rmtree, lambda folder: an_artifact(folder, threshold={"value": 0.75, "policy": "f1"})]
)
def test_a_model_whose_files_have_changed_is_unloaded_rather_than_served_in_two_versions(
    change: Any, workers: tuple[Worker, Worker]
) -> None:
    change(workers[0].load("a"))

    with pytest.raises(NotLoaded, match="have changed since it was loaded"):
        workers[1].threshold("a")
    with pytest.raises(NotLoaded):
        workers[0].threshold("a")


def test_the_least_recently_used_model_makes_room(tmp_path: Path) -> None:
    first, second = (Worker(tmp_path, budget_bytes=10 * MB) for _ in range(2))
    first.load_heavy("a", 5 * MB, now_ns=1 * SECOND)
    first.load_heavy("b", 5 * MB, now_ns=2 * SECOND)
    second.threshold("a", now_ns=3 * SECOND)
    second.load("c", now_ns=4 * SECOND)

    assert first.names() == ["a", "c"]


def test_a_model_that_cannot_fit_is_refused_and_drives_none_out(tmp_path: Path) -> None:
    worker = Worker(tmp_path, budget_bytes=10 * MB)
    worker.load("small")
    an_artifact(tmp_path / "large", files={"notes.bin": b"0" * MB})

    with pytest.raises(OutOfMemory, match=r"takes 13\.0 MB"):
        worker.models.load("large", str(tmp_path / "large"), now_ns=0)
    assert worker.names() == ["small"]


def test_a_model_is_charged_at_least_its_files_in_every_worker(tmp_path: Path) -> None:
    worker = Worker(tmp_path, workers=3)
    worker.load("a")

    assert worker.models.find("a").charge_bytes >= 3 * files_bytes(tmp_path)


def test_what_a_model_takes_is_measured_without_the_libraries_that_the_first_one_brings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, opened = models_module._open_all, []

    def remember(folder: Path) -> Model:
        opened.append(folder)
        return original(folder)

    monkeypatch.setattr(models_module, "_open_all", remember)
    worker = Worker(tmp_path)
    first, second = worker.load("a"), worker.load("b")

    assert opened == [first, first, second]


@pytest.mark.parametrize("url", ["models/a", "/models/../a", "/models/a\0", "/" + "a" * 300])
def test_a_url_that_is_no_folder_is_refused(url: str, tmp_path: Path) -> None:
    worker = Worker(tmp_path)

    with pytest.raises(BadRequest, match=r"The url is|Cannot read"):
        worker.models.load("a", url, now_ns=0)
    assert worker.names() == []


def test_a_url_that_is_a_link_is_refused(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    an_artifact(tmp_path / "model")
    (tmp_path / "link").symlink_to(tmp_path / "model")

    with pytest.raises(BadRequest, match="not a link"):
        worker.models.load("a", str(tmp_path / "link"), now_ns=0)


def test_a_damaged_model_leaves_no_entry(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    an_artifact(tmp_path / "model")
    graph = tmp_path / "model" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"?")

    with pytest.raises(BadRequest, match=r"model\.onnx has the sha256"):
        worker.models.load("a", str(tmp_path / "model"), now_ns=0)
    assert worker.names() == []


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EMFILE, "Too many open files")])
def test_a_resource_that_runs_out_while_loading_is_told_as_such(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> Model:
        raise error

    worker = Worker(tmp_path)
    monkeypatch.setattr(models_module, "_open_all", fail)

    with pytest.raises(OutOfMemory, match=r"the memory is full|Too many open files"):
        worker.load("a")
    assert worker.names() == []


def test_looking_for_unloaded_models_goes_on_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def fail_at_first(*, now_ns: int) -> None:
        calls.append(now_ns)
        raise RuntimeError if len(calls) == 1 else FileNotFoundError

    models = OpenModels(Registry(tmp_path / "models"))
    # On this instance only: threads that other tests left watching would call a patched class as well.
    monkeypatch.setattr(models, "forget_unloaded", fail_at_first)
    models._watch()

    assert len(calls) == 2
