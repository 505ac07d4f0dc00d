"""One-time codes of authenticator apps (TOTP, RFC 6238): made, and checked so that each is taken once.

Knows pyotp. Never knows whose secret it is, where it is kept, Flask.
"""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp

STEP_SECONDS, DIGITS = 30, 6
"""What authenticator apps take for granted."""
TOLERANCE_STEPS = 1
"""How many steps a clock may be off, either way."""
ISSUER = "fraud-detect"


def new_secret() -> str:
    """Return a random secret of 160 bits in base 32, as RFC 4226 recommends."""
    return pyotp.random_base32()


def step_at(now: datetime) -> int:
    """Return the number of the 30 seconds that `now` lies in, counted from 1970."""
    return int(now.timestamp()) // STEP_SECONDS


def code_at(secret: str, step: int) -> str:
    """Return the code that `secret` gives in `step`."""
    return _totp(secret).generate_otp(step)


def verified(secret: str, code: str, *, now: datetime, last_step: int | None) -> int | None:
    """Return the step whose code this is, within the tolerance; None if it is none, or not after `last_step`.

    Who keeps the step that was returned, and passes it as `last_step` from then on, takes no code twice. Spaces in
    `code` do not count. Every step is compared in full, whichever fits.
    """
    given = "".join(code.split()).encode(errors="replace")
    found = None
    for step in range(step_at(now) - TOLERANCE_STEPS, step_at(now) + TOLERANCE_STEPS + 1):
        fits = hmac.compare_digest(code_at(secret, step).encode(), given)
        if fits and (last_step is None or step > last_step):
            found = step
    return found


def address(secret: str, account: str, *, issuer: str = ISSUER) -> str:
    """Return the otpauth:// address that enrols `secret` in an app, as a QR code holds it."""
    return _totp(secret).provisioning_uri(name=account, issuer_name=issuer)


def _totp(secret: str) -> pyotp.TOTP:
    return pyotp.TOTP(secret, digits=DIGITS, interval=STEP_SECONDS)
