"""Training is shown as bars on a terminal, and as lines elsewhere."""

from __future__ import annotations

import io
import re

import pytest

from fraud_detect.entrypoints.rounds import Bars, LogLines, audience
from fraud_detect.estimators.family import Round


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:  # noqa: D102  as any stream's
        return True


def rounds(count: int) -> list[Round]:
    return [Round(number, 0.5, number / 10) for number in range(1, count + 1)]


def test_elsewhere_a_round_is_a_line_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with audience(3, io.StringIO()) as told:
        for done in rounds(3):
            told.on_round("model", done)

    assert isinstance(told, LogLines)
    assert capsys.readouterr().out.splitlines() == [
        "round=1; train_average_precision=0.5; validation_average_precision=0.1;",
        "round=2; train_average_precision=0.5; validation_average_precision=0.2;",
        "round=3; train_average_precision=0.5; validation_average_precision=0.3;",
    ]


def test_a_terminal_gets_a_bar_for_each_stage(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    with audience(3, terminal) as told:
        for stage in ("model", "comparison"):
            for done in rounds(3):
                told.on_round(stage, done)

    assert isinstance(told, Bars)
    drawn = re.split(r"[\r\n]+", terminal.getvalue())
    assert [line for line in drawn if "model " in line and "validation average precision 0.3000" in line] != []
    assert [line for line in drawn if "comparison " in line and "100%" in line] != []
    assert capsys.readouterr().out == ""


def test_a_terminal_gets_the_final_lines_on_standard_output_too(capsys: pytest.CaptureFixture[str]) -> None:
    with audience(3, Terminal()) as told:
        told.on_round("model", rounds(1)[0])
        told.say("threshold=0.5;")

    assert capsys.readouterr().out == "threshold=0.5;\n"


def test_a_bar_that_an_error_ends_leaves_the_line() -> None:
    """The message that follows then stands on a line of its own."""
    terminal = Terminal()

    def interrupted() -> None:
        with audience(3, terminal) as told:
            told.on_round("model", rounds(1)[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert terminal.getvalue().endswith("\n")
