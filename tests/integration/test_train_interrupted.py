"""`fraud-detect train` where signals come, disks are full, and folders belong to others."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fraud_detect.entrypoints.train import train_root
from fraud_detect.sagemaker.job import STOPPED
from fraud_detect.serving.model import load
from training_factories import (
    COMMAND,
    a_root,
    a_table,
    as_bytes,
    configure,
    files_of,
    metrics_of,
)

pytestmark = pytest.mark.alone
SOMEBODY = 1234


def started(root: Path, *more: str) -> subprocess.Popen[str]:
    command = [str(COMMAND), "train", "--root", str(root), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def many_rows(count: int = 60_000) -> pd.DataFrame:
    """Return a table on which a round takes long enough for a signal to come in the middle."""
    rng = np.random.default_rng(0)
    columns = {f"v{place}": np.round(rng.normal(size=count), 3) for place in range(10)}
    label = (columns["v0"] * columns["v1"] + rng.normal(size=count) > 2.5).astype(int)
    return pd.DataFrame({"Class": label, **columns})


ENDLESS = {"num_round": "10000", "early_stopping_rounds": "0", "max_depth": "8", "nthread": "1"}


def test_sigterm_in_the_middle_saves_the_model_so_far(tmp_path: Path) -> None:
    root = a_root(tmp_path, ENDLESS, train=many_rows())
    process = started(root)
    assert process.stdout is not None
    while not process.stdout.readline().startswith("round=3;"):
        assert process.poll() is None

    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    rest, log = process.communicate(timeout=60)

    assert process.returncode == 0, log
    assert time.monotonic() - asked < 30
    metrics = metrics_of(root)
    assert 3 <= metrics["rounds"] == 3 + rest.count("round=") < 1_000
    assert metrics["stopped"]
    load(root / "model")
    assert not (root / "output" / "failure").exists()


def test_sigterm_before_the_first_round_saves_nothing(tmp_path: Path) -> None:
    """A pipe that nobody writes to yet keeps the job at reading."""
    root = a_root(tmp_path, ENDLESS)
    configure(root, "inputdataconfig", {"train": {"TrainingInputMode": "Pipe"}})
    pipe = root / "input" / "data" / "train_0"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    process = started(root)
    with pipe.open("wb") as stream:  # opened only when the job is there to read
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        stream.write(as_bytes(a_table()))
    _, log = process.communicate(timeout=60)

    assert process.returncode == STOPPED, log
    assert "there is no model to save" in log
    assert files_of(root / "model") == {}
    assert not (root / "output" / "failure").exists()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a file system of `size` at `folder`. Skip the test where that is not allowed."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("only root can mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_earlier_model_as_it_was(tmp_path: Path) -> None:
    root = a_root(tmp_path, {"num_round": "2", "max_depth": "1"}, train=a_table(300, 60))
    with small_disk(root / "model", "64k"):
        assert train_root(root) == 0
        before = files_of(root / "model")
        configure(root, "hyperparameters", {"num_round": "300", "early_stopping_rounds": "0", "resampler": "none"})

        code = train_root(root)

        assert code == 1
        assert files_of(root / "model") == before
        assert list((root / "model").glob(".*")) == []
        load(root / "model")
    failure = (root / "output" / "failure").read_text()
    assert failure.startswith("The machine refused: No space left on device")
    assert "Free space" in failure


AS_SOMEBODY = """
import os, sys
from pathlib import Path
from fraud_detect.entrypoints.train import train_root
assert train_root(Path(sys.argv[1])) == 0  # imports everything: somebody else may not read this interpreter's files
os.setgroups([])
os.setgid(int(sys.argv[3]))
os.setuid(int(sys.argv[3]))
sys.exit(train_root(Path(sys.argv[2])))
"""


@pytest.fixture
def somebodys_root(tmp_path: Path) -> Iterator[Path]:
    """Yield a root with a table, outside of the folders that pytest keeps to itself, that `SOMEBODY` owns."""
    if os.geteuid() != 0:
        pytest.skip("only root can run the job as somebody else")
    a_root(tmp_path / "own", train=a_table(300, 60))
    root = a_root(Path(tempfile.mkdtemp()), train=a_table(300, 60))
    for folder in (root, root / "model", root / "output"):
        folder.mkdir(exist_ok=True)
        os.chown(folder, SOMEBODY, SOMEBODY)
    yield root
    shutil.rmtree(root)


def train_as_somebody(root: Path, own: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", AS_SOMEBODY, str(own), str(root), str(SOMEBODY)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("name", ["model", "output"])
def test_a_folder_that_may_not_be_written_is_named(name: str, somebodys_root: Path, tmp_path: Path) -> None:
    os.chown(somebodys_root / name, 0, 0)

    outcome = train_as_somebody(somebodys_root, tmp_path / "own")

    assert outcome.returncode == 1, outcome.stderr
    assert f"The machine refused: Permission denied at {somebodys_root / name}" in outcome.stderr
    assert "mount folders that this user may write" in outcome.stderr
    assert outcome.stdout.count("round=1;") == 1  # of the job before: this one is refused before it trains
    assert files_of(somebodys_root / "model") == {}


def test_what_somebody_trains_is_theirs(somebodys_root: Path, tmp_path: Path) -> None:
    outcome = train_as_somebody(somebodys_root, tmp_path / "own")

    assert outcome.returncode == 0, outcome.stderr
    assert {path.stat().st_uid for path in (somebodys_root / "model").iterdir()} == {SOMEBODY}
