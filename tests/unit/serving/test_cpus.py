"""The CPU quota of control groups, version 1 and 2, inside containers and out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fraud_detect.serving import cpus
from fraud_detect.serving.cpus import available_cpus, quota_cpus


def a_hierarchy(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        ("", {}, None),
        ("0::/slice/job\n", {"slice/job/cpu.max": "max 100000\n", "slice/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/slice/job\n", {"slice/job/cpu.max": "50000 100000\n", "slice/cpu.max": "200000 100000\n"}, 0.5),
        ("0::/docker/not-mounted-here\n", {"cpu.max": "400000 100000\n"}, 4.0),
        (
            "5:memory:/\n3:cpu,cpuacct:/\n",
            {"cpu,cpuacct/cpu.cfs_quota_us": "250000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"},
            2.5,
        ),
        (
            "3:cpu,cpuacct:/docker/1\n",
            {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            1.0,
        ),
        ("3:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("4:cpuset:/\n", {"cpuset/cpu.max": "100000 100000\n"}, None),
    ],
)
def test_the_smallest_quota_on_the_way_up_counts(
    membership: str, files: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    assert quota_cpus(membership, a_hierarchy(tmp_path, files)) == quota


@pytest.mark.parametrize(("quota", "expected"), [("150000", 2), ("50000", 1), ("6400000", 4), ("max", 4)])
def test_a_quota_is_rounded_up_within_the_affinity(
    quota: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cgroup").write_text("0::/\n")
    monkeypatch.setattr(cpus, "MEMBERSHIP", tmp_path / "cgroup")
    monkeypatch.setattr(cpus, "HIERARCHY", a_hierarchy(tmp_path, {"cpu.max": f"{quota} 100000\n"}))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)

    assert available_cpus() == expected
