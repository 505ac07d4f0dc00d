"""How a terminal or a log sees training go on: a bar, or one line a round.

Knows the terminal. Never knows how a model is fitted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

import click

from fraud_detect.estimators.family import Round
from fraud_detect.sagemaker.metrics import line


class Audience(Protocol):
    """Somebody to tell."""

    def on_round(self, stage: str, done: Round) -> None:
        """Tell of one round of a stage: `model`, `comparison`, `fold 1 of 4` and so on."""

    def say(self, text: str) -> None:
        """Tell one line."""


class LogLines:
    """One line of `name=value;` a round on standard output, where SageMaker's metric definitions read it."""

    def on_round(self, stage: str, done: Round) -> None:
        """As `Audience.on_round`."""
        prefix = "" if stage == "model" else f"{stage.replace(' ', '_')}_"
        figures = {
            "round": done.number,
            "train_average_precision": done.train_average_precision,
            "validation_average_precision": done.validation_average_precision,
        }
        self.say(line({f"{prefix}{name}": value for name, value in figures.items()}))

    def say(self, text: str) -> None:
        """As `Audience.say`."""
        click.echo(text)


class Silent:
    """Nobody: another host tells."""

    def on_round(self, stage: str, done: Round) -> None:
        """As `Audience.on_round`."""

    def say(self, text: str) -> None:
        """As `Audience.say`."""


class Bars:
    """A bar per stage on a terminal."""

    def __init__(self, rounds: int, stream: TextIO) -> None:
        self._rounds, self._stream = rounds, stream
        self._stage = ""
        self._bar: Any = None

    def on_round(self, stage: str, done: Round) -> None:
        """As `Audience.on_round`."""
        if stage != self._stage:
            self.close()
            self._stage = stage
            self._bar = click.progressbar(
                length=self._rounds, label=f"{stage:<11}", item_show_func=lambda text: text or "", file=self._stream
            )
        self._bar.update(
            done.number - self._bar.pos, f"validation average precision {done.validation_average_precision:.4f}"
        )

    def say(self, text: str) -> None:
        """As `Audience.say`."""
        self.close()
        click.echo(text)

    def close(self) -> None:
        """End the current bar's line."""
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None


@contextmanager
def audience(rounds: int, stream: TextIO) -> Iterator[Audience]:
    """Yield bars of `rounds` where `stream` is a terminal, else one line a round."""
    if not stream.isatty():
        yield LogLines()
        return
    bars = Bars(rounds, stream)
    try:
        yield bars
    finally:
        bars.close()
