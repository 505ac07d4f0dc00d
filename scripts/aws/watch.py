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
    """A state's name as AWS writes it, and the reason it gives, if any."""

    name: str
    reason: str = ""


@dataclass(frozen=True)
class Pace:
    """How to wait: `poll_seconds` between questions, the clock in seconds, where lines go."""

    say: Callable[[str], None]
    poll_seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def watch(ask: Callable[[], State], pace: Pace, *, until: Collection[str], on_interrupt: str) -> State:
    """Return the first state in `until`; one line for each state on the way.

    `on_interrupt` is the sentence that tells whoever presses Ctrl-C what goes on running and how to stop it.
    """
    began, last = pace.clock(), ""
    try:
        while True:
            with aws_faults():
                state = ask()
            if state.name != last:
                last = state.name
                pace.say(f"{state.name} after {pace.clock() - began:.0f} s")
            if state.name in until:
                return state
            pace.sleep(pace.poll_seconds)
    except KeyboardInterrupt as error:
        raise Fault("Interrupted while waiting", expected="an end of the job", remedy=on_interrupt) from error
