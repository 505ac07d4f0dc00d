"""What models may take, and which one goes first when memory is short."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraud_detect.errors import OutOfMemory, SettingError
from fraud_detect.serving.memory import group_rooms, held_bytes, machine_room
from fraud_detect.serving.model_memory import budget_mb, charge_bytes, peak_bytes, to_unload
from fraud_detect.serving.registry import Entry

MB = 1 << 20


def a_loaded_model(name: str, charge: int, used_ns: int) -> Entry:
    return Entry(name, f"/models/{name}", "", charge, used_ns)


LOADED = [a_loaded_model("old", 30, 1), a_loaded_model("new", 30, 3), a_loaded_model("between", 30, 2)]


def a_hierarchy(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("membership", "files", "rooms"),
    [
        ("0::/\n", {"memory.max": "1000\n", "memory.current": "300\n"}, [700]),
        (
            "0::/\n",
            {"memory.max": "1000\n", "memory.current": "300\n", "memory.stat": "anon 200\ninactive_file 100\n"},
            [800],
        ),
        ("0::/\n", {"memory.max": "max\n", "memory.current": "300\n"}, []),
        ("0::/\n", {}, []),
        (
            "0::/slice/job\n",
            {"slice/job/memory.max": "900\n", "slice/job/memory.current": "100\n", "slice/memory.max": "500\n"},
            [800, 500],
        ),
        (
            "4:memory:/docker/1\n1:cpu:/\n",
            {
                "memory/memory.limit_in_bytes": "1000\n",
                "memory/memory.usage_in_bytes": "600\n",
                "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 100\n",
            },
            [500, 500],
        ),
    ],
)
def test_a_group_has_left_what_it_may_take_less_what_it_cannot_give_back(
    membership: str, files: dict[str, str], rooms: list[int], tmp_path: Path
) -> None:
    assert set(group_rooms(membership, a_hierarchy(tmp_path, files))) == set(rooms)


def test_a_machine_has_left_what_it_calls_available() -> None:
    assert machine_room("MemTotal:  24 kB\nMemFree:  1 kB\nMemAvailable:  12 kB\n") == [12 * 1024]
    assert machine_room("") == []


def test_what_a_process_holds_grows_by_what_it_takes() -> None:
    before = held_bytes()
    taken = bytearray(b"1") * (50 * MB)
    after = held_bytes()

    assert before is not None
    assert after is not None
    assert 0.9 < (after - before) / len(taken) < 1.5


def test_workers_and_their_largest_requests_are_kept_aside_from_the_budget() -> None:
    assert budget_mb(16_000 * MB, workers=2, max_body_mb=25) == 16_000 - 2 * (100 + 8 * 25) - 60


def test_requests_are_kept_no_more_than_a_quarter() -> None:
    assert budget_mb(1_000 * MB, workers=2, max_body_mb=1024) == 750 - 2 * 100 - 60


def test_no_memory_for_models_is_an_error_that_says_what_to_give() -> None:
    with pytest.raises(SettingError, match=r"300 MB of memory are free.*FRAUD_DETECT_MULTI_MODEL_MEMORY_MB"):
        budget_mb(300 * MB, workers=2, max_body_mb=25)


def test_a_model_is_charged_what_one_worker_grew_by_in_each_worker() -> None:
    assert charge_bytes(40, 10, workers=3) == 120


def test_a_model_is_charged_its_files_at_least() -> None:
    assert charge_bytes(-5, 10, workers=3) == 30


def test_a_model_that_cannot_be_measured_is_charged_what_was_expected() -> None:
    assert charge_bytes(None, 10, workers=3) == 5 * 10 * 3


def test_a_load_needs_the_peak_of_one_worker_and_what_stays_in_the_others() -> None:
    assert peak_bytes(10, workers=3) == 8 * 10 + 2 * 5 * 10


@pytest.mark.parametrize(
    ("needed", "leaving"),
    [(10, []), (11, ["old"]), (40, ["old"]), (41, ["old", "between"]), (100, ["old", "between", "new"])],
)
def test_the_least_recently_used_models_leave_until_another_fits(needed: int, leaving: list[str]) -> None:
    assert to_unload(LOADED, needed, budget_bytes=100) == leaving


def test_a_model_that_would_not_fit_alone_drives_none_out() -> None:
    with pytest.raises(OutOfMemory, match=r"takes 3\.0 MB .* expected at most 2\.0 MB"):
        to_unload(LOADED, 3 * MB, budget_bytes=2 * MB)
