"""How much anyone may ask for: requests a minute, and bytes a request.

Knows Flask-Limiter. Never knows what the views do.
"""

from __future__ import annotations

import math
import time

from flask import Response
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from fraud_detect.console.access import PROGRAM, the_caller

OF_A_VIEW, OF_A_PROGRAM = "600 per minute", "60000 per minute"
"""Of each view: what a person or an address may ask for, and what a program with its token may."""
FAILED_LOG_INS, LOG_INS, CODES = "10 per minute", "60 per minute", "5 per minute"
"""Of an address: refused log-ins, and all; and of an account: codes of a second factor."""
NEW_PASSWORDS = "10 per minute"
"""Of an account, counted before the answer: to judge one takes up to 0.2 s."""
BODY_BYTES = 1 << 20
"""Of a request. A view that takes more says so before anything reads the form, by its `url_value_preprocessor`."""


def who() -> str:
    """Return whose requests are counted together: a program's, a person's, or an address's."""
    caller = the_caller()
    return f"{caller.role} {caller.name}" if caller.name else f"address {get_remote_address()}"


def _of_the_caller() -> str:
    return OF_A_PROGRAM if the_caller().role == PROGRAM else OF_A_VIEW


limiter = Limiter(who, default_limits=[_of_the_caller], storage_uri="memory://")


def refused(response: Response) -> bool:
    """Return whether the answer is that of a log-in that failed."""
    return response.status_code >= 400


def seconds_to_wait() -> int:
    """Return after how long the limit that this request ran into is over."""
    limit = limiter.current_limit
    return 1 if limit is None else max(1, math.ceil(limit.reset_at - time.time()))
