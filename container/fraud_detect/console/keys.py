"""Keys for each purpose from the console's one secret, and what is encrypted with them.

Knows cryptography's HKDF and Fernet. Never knows what the texts are.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

COOKIES, SECRETS = b"cookies", b"secrets of authenticators"
KEY_BYTES = 32


def derived(secret: bytes, purpose: bytes) -> bytes:
    """Return 32 bytes that only `secret` and `purpose` give (HKDF, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(secret)


class Sealed:
    """Texts that only this secret opens (Fernet: AES-128-CBC with HMAC-SHA256)."""

    def __init__(self, secret: bytes) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(derived(secret, SECRETS)))

    def seal(self, text: str) -> bytes:
        """Return `text` encrypted."""
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Return the text; raises cryptography's InvalidToken if another secret sealed it."""
        return self._fernet.decrypt(sealed).decode()


def fingerprint(token: str) -> str:
    """Return the sha256 under which a random token is kept, so that who reads the table cannot use it."""
    return hashlib.sha256(token.encode()).hexdigest()
