"""Workers that share a folder agree on which models are loaded."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fraud_detect.errors import Busy
from fraud_detect.serving.registry import Entry, Registry

HOLD_THE_LOCK = """
import sys, time
from pathlib import Path
from fraud_detect.serving.registry import Registry
with Registry(Path(sys.argv[1])).locked(10):
    print("locked", flush=True)
    time.sleep(600)
"""


def an_entry(name: str = "a", **overrides: object) -> Entry:
    return Entry(**{"name": name, "url": f"/x/{name}", "manifest_sha256": "0", "charge_bytes": 1, **overrides})  # type: ignore[arg-type]


def test_what_one_worker_adds_another_finds(tmp_path: Path) -> None:
    Registry(tmp_path).add(an_entry("a", charge_bytes=7), now_ns=5_000)

    assert Registry(tmp_path).find("a") == an_entry("a", charge_bytes=7, used_ns=5_000)


def test_a_model_that_is_not_loaded_is_not_found(tmp_path: Path) -> None:
    registry = Registry(tmp_path)

    assert registry.find("a") is registry.lease("a") is registry.remove("a") is None


@pytest.mark.parametrize("name", ["a/b", "..", "ü?#%", "n" * 1024, "\n", " "])
def test_any_name_is_a_name(name: str, tmp_path: Path) -> None:
    Registry(tmp_path / "models").add(an_entry(name), now_ns=0)

    assert [entry.name for entry in Registry(tmp_path / "models").entries()] == [name]
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_models_are_listed_by_name(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    for name in ("c", "a", "b"):
        registry.add(an_entry(name), now_ns=0)

    assert [entry.name for entry in registry.entries()] == ["a", "b", "c"]


def test_a_name_is_added_once(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.add(an_entry(url="/first"), now_ns=0)

    with pytest.raises(FileExistsError):
        registry.add(an_entry(url="/second"), now_ns=0)
    assert registry.entries() == [an_entry(url="/first")]


def test_a_lease_ends_when_its_model_is_unloaded(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    lease = registry.add(an_entry(), now_ns=0)
    assert lease.is_current()

    registry.remove("a")
    assert not lease.is_current()


def test_a_lease_ends_when_its_model_is_loaded_anew(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    leases = [registry.add(an_entry(), now_ns=0)]
    for _ in range(100):  # so that a file system that numbers files anew would do so
        registry.remove("a")
        leases.append(registry.add(an_entry(), now_ns=0))

    assert [lease.is_current() for lease in leases] == [False] * 100 + [True]


def test_the_last_use_is_shared_but_not_noted_at_every_use(tmp_path: Path) -> None:
    lease = Registry(tmp_path).add(an_entry(), now_ns=1_000)
    lease.touch(1_900, 1_000)
    too_soon = Registry(tmp_path).find("a")
    lease.touch(2_000, 1_000)
    later = Registry(tmp_path).find("a")

    assert (too_soon, later) == (an_entry(used_ns=1_000), an_entry(used_ns=2_000))


def test_who_unloads_sees_when_the_others_have_let_go(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.add(an_entry(), now_ns=0)
    leases = [registry.lease("a"), registry.lease("a")]
    last = registry.remove("a")
    assert last is not None

    leases.pop()
    assert not last.wait_until_unused(0)
    leases.pop()
    assert last.wait_until_unused(0)


def test_one_worker_at_a_time_has_the_lock(tmp_path: Path) -> None:
    with Registry(tmp_path).locked(0), pytest.raises(Busy, match="loading"), Registry(tmp_path).locked(0.05):
        pytest.fail("both had it")


def test_the_lock_passes_to_one_who_waits(tmp_path: Path) -> None:
    def take() -> float:
        with Registry(tmp_path).locked(30):
            return time.monotonic()

    with ThreadPoolExecutor() as pool:
        with Registry(tmp_path).locked(0):
            waiting = pool.submit(take)
            time.sleep(0.05)
            released = time.monotonic()
        assert waiting.result() >= released


def test_a_worker_that_is_killed_leaves_no_lock_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD_THE_LOCK, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == "locked\n"
        worker.kill()
        worker.wait()

    with Registry(tmp_path).locked(0):
        Registry(tmp_path).add(an_entry(), now_ns=0)


def test_what_a_killed_worker_has_half_written_is_no_model(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    (tmp_path / "incoming").write_bytes(b'{"name": "a"')
    assert registry.entries() == []

    registry.add(an_entry(), now_ns=0)
    assert registry.entries() == [an_entry()]
