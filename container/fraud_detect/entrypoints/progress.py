"""Say how far a long loop is: a bar on a terminal, a log line now and then elsewhere.

Knows Click and the log. Never knows what is being done.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

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
