"""Wait for what AWS runs, with a line for every change of state.

Knows time, given as functions. Never knows what is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from faults import Fault, aws_faults


@dataclass(frozen=True)
class State:
    """A state's name as AWS writes it, the reason it gives, if any, and what is being done in it."""

    name: str
    reason: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.name}, {self.detail}" if self.detail else self.name


@dataclass(frozen=True)
class Pace:
    """How to wait: `poll_seconds` between questions, the clock in seconds, where lines go."""

    say: Callable[[str], None]
    poll_seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def _nothing() -> None:
    """Do nothing between two questions."""


def watch(
    ask: Callable[[], State],
    pace: Pace,
    *,
    until: Collection[str],
    on_interrupt: str,
    also: Callable[[], None] = _nothing,
) -> State:
    """Return the first state in `until`; one line for each state on the way.

    `on_interrupt` is the sentence that tells whoever presses Ctrl-C what goes on running and how to stop it. `also` is
    called after each question, such as to say new lines of a log, and once more after the end, for late lines.
    """
    began, last = pace.clock(), ""
    try:
        while True:
            with aws_faults():
                state = ask()
            if str(state) != last:
                last = str(state)
                pace.say(f"{last} after {pace.clock() - began:.0f} s")
            also()
            if state.name in until:
                if also is not _nothing:
                    pace.sleep(min(pace.poll_seconds, 5.0))
                    also()
                return state
            pace.sleep(pace.poll_seconds)
    except KeyboardInterrupt as error:
        raise Fault("Interrupted while waiting", expected="an end of the job", remedy=on_interrupt) from error
