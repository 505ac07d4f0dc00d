"""The server's own folder lies in the first place that can be written, is private, and goes away."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from fraud_detect.errors import SettingError
from fraud_detect.serving.run_directory import run_directory


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder as a relative path, which fits a socket's address however deep the tests run."""
    monkeypatch.chdir(tmp_path_factory.mktemp("run"))
    Path("place").mkdir()
    return Path("place")


def test_the_folder_is_private(short_path: Path) -> None:
    with run_directory([short_path]) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_folder_goes_away_with_what_it_holds(short_path: Path) -> None:
    with run_directory([short_path]) as folder:
        (folder / "socket").write_text("")

    assert list(short_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_passed_over(short_path: Path) -> None:
    with run_directory([Path("/proc"), Path("absent"), short_path]) as folder:
        assert folder.parent == short_path


def test_a_place_too_deep_for_a_sockets_address_is_passed_over(short_path: Path) -> None:
    deep = short_path / ("d" * 100)
    deep.mkdir()
    with run_directory([deep, short_path]) as folder:
        assert folder.parent == short_path


def test_no_place_at_all_is_an_error_that_says_what_to_mount() -> None:
    with pytest.raises(SettingError, match="--tmpfs /tmp"), run_directory([Path("/proc")]):
        pass
