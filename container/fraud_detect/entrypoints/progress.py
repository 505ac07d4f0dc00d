"""Say how far a long loop is: a bar on a terminal, a log line now and then elsewhere.

Knows Click and the log. Never knows what is being done.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self, TextIO, TypeVar

import click

SECONDS_BETWEEN_LINES = 10.0

logger = logging.getLogger(__name__)
Item = TypeVar("Item")


def shown(items: Iterable[Item], *, length: int, unit: str) -> Iterator[Item]:
    """Yield `items`, of which there are `length`, showing progress on standard error."""
    show = bar if sys.stderr.isatty() else lines
    return show(items, length=length, unit=unit)


def bar(items: Iterable[Item], *, length: int, unit: str) -> Iterator[Item]:
    """Yield `items` with a bar that moves on standard error."""
    with click.progressbar(items, length=length, label=unit, file=sys.stderr) as moving:
        yield from moving


def lines(
    items: Iterable[Item], *, length: int, unit: str, clock: Callable[[], float] = time.monotonic
) -> Iterator[Item]:
    """Yield `items` with a log line when `SECONDS_BETWEEN_LINES` have passed since the last."""
    last = clock()
    for number, item in enumerate(items, start=1):
        yield item
        now = clock()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            logger.info("%d of %d %s", number, length, unit)


class Counter:
    """Shows how many of several things are done: a bar on a terminal, a log line now and then elsewhere."""

    def __init__(self, unit: str, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._unit, self._stream, self._clock = unit, stream, clock
        self._bar: Any = None
        self._last = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.render_finish()

    def show(self, done: int, of: int) -> None:
        """Say that `done` things are done, of `of`."""
        if self._stream.isatty():
            self._bar = self._bar or click.progressbar(length=of, label=self._unit, file=self._stream)
            self._bar.update(done - self._bar.pos)
        elif self._clock() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = self._clock()
            logger.info("%d of %d %s", done, of, self._unit)
