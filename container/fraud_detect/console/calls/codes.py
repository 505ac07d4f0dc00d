"""The codes of a call: one secret for each direction, made from the customer's and the bank's own.

Knows HKDF and one-time codes. Never knows the state of a call, where secrets are kept, Flask.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fraud_detect.console import one_time_codes
from fraud_detect.console.one_time_codes import DIGITS, STEP_SECONDS, TOLERANCE_STEPS

PURPOSE = b"codes of calls"
"""What the bank's key for this is derived for."""
SECRET_BYTES = 20
LATE_WINDOWS = 3
"""How many windows of tolerance back a code is told to be late rather than wrong: five minutes and a half."""
_CODE = re.compile(rf"[0-9]{{{DIGITS}}}")


class Side(StrEnum):
    """Who proves who they are: the bank's code is read out by the agent and entered by the customer, and back."""

    BANK = "bank"
    CUSTOMER = "customer"


class Outcome(StrEnum):
    """What came of a code that was entered."""

    RIGHT = "right"
    WRONG = "wrong"
    LATE = "late"
    REUSED = "reused"
    LOCKED = "locked"
    """Not right, and the last try; or not looked at, since the last try was before."""
    UNEXPECTED = "not expected"
    """The call waits for no code of this side: it is not its turn, it has proven itself, or the call is over."""
    FOREIGN = "another's"
    """Entered in a browser that is not the one which enters this side's codes."""


@dataclass(frozen=True)
class Shown:
    """A code as a page shows it, and for how many seconds more it will."""

    code: str
    seconds_left: int


def secret_of(call: str, side: Side, *, customers: str, banks: bytes) -> str:
    """Return the secret, in base 32, of the codes by which `side` proves itself in `call`.

    Neither the customer's secret nor the bank's key alone gives it, nor does the secret of another call or side.
    """
    info = f"{call}/{side}".encode()
    made = HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=banks, info=info).derive(customers.encode())
    return base64.b32encode(made).decode()


def shown(secret: str, *, now: datetime) -> Shown:
    """Return the code of `now`."""
    step = one_time_codes.step_at(now)
    return Shown(one_time_codes.code_at(secret, step), (step + 1) * STEP_SECONDS - int(now.timestamp()))


def tidied(typed: str) -> str | None:
    """Return the digits of a code as people type it, with spaces or hyphens; None if it is no code at all."""
    bare = "".join(typed.split()).replace("-", "")
    return bare if _CODE.fullmatch(bare) else None


def judged(secret: str, code: str, *, now: datetime, last_step: int | None) -> tuple[Outcome, int | None]:
    """Return what `code` is, and its step if it is right."""
    step = one_time_codes.verified(secret, code, now=now, last_step=last_step)
    if step is not None:
        return Outcome.RIGHT, step
    if one_time_codes.verified(secret, code, now=now, last_step=None) is not None:
        return Outcome.REUSED, None
    return (Outcome.LATE if _was_right(secret, code, now) else Outcome.WRONG), None


def _was_right(secret: str, code: str, now: datetime) -> bool:
    window = timedelta(seconds=(2 * TOLERANCE_STEPS + 1) * STEP_SECONDS)
    befores = [now - window * back for back in range(1, LATE_WINDOWS + 1)]
    found = [one_time_codes.verified(secret, code, now=before, last_step=None) for before in befores]
    return any(step is not None for step in found)
