"""What nginx writes of requests comes to standard error, whatever that is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from fraud_detect.serving.request_log import relayed

LINES = "".join(f'{{"id": "{number}"}}\n' for number in range(20_000)).encode()


def test_every_line_arrives_in_order(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with relayed(tmp_path / "log"), (tmp_path / "log").open("wb") as pipe:
        pipe.write(LINES)

    assert capfd.readouterr().err.encode() == LINES


def test_one_writer_may_follow_another(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with relayed(tmp_path / "log"):
        for text in ("first\n", "second\n"):
            (tmp_path / "log").write_text(text)

    assert capfd.readouterr().err == "first\nsecond\n"


def test_only_this_user_may_write_into_it(tmp_path: Path) -> None:
    with relayed(tmp_path / "log"):
        mode = (tmp_path / "log").stat().st_mode

    assert stat.S_ISFIFO(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_a_closed_standard_error_does_not_stop_the_writers(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    saved = os.dup(2)
    os.dup2(writer, 2)
    os.close(reader)
    os.close(writer)
    try:
        with relayed(tmp_path / "log"), (tmp_path / "log").open("wb") as pipe:
            pipe.write(LINES)
    finally:
        os.dup2(saved, 2)
        os.close(saved)
