"""Work in the background gives way while transactions come in: threads of one process compute in turn.

Knows clocks. Never knows what is worked at, or what comes in.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

RECENT_SECONDS = 1.0
"""So long after the last transaction others are expected."""
REST = 6.0
"""How many times as long as it worked the background rests then, at least; what its helpers compute is not counted."""
THINGS_BETWEEN = 250
"""After so many things it looks whether to rest: some milliseconds of work, in which a transaction waits."""

_Thing = TypeVar("_Thing")


class Courtesy:
    """Whether transactions are coming in, known to those who file them and to those who give way."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, worked: Callable[[], float] = time.thread_time
    ) -> None:
        self._clock, self._worked = clock, worked
        self._last = -math.inf

    def came(self) -> None:
        """Note that a transaction has come."""
        self._last = self._clock()

    def among(self, things: Iterable[_Thing], rest: Callable[[float], None]) -> Iterator[_Thing]:
        """Yield `things`, and now and then call `rest` with the seconds to rest for what this thread has worked."""
        began = self._worked()
        for number, thing in enumerate(things, start=1):
            yield thing
            if number % THINGS_BETWEEN == 0:
                if self._clock() - self._last < RECENT_SECONDS:
                    rest(REST * (self._worked() - began))
                began = self._worked()
