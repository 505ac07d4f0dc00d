"""Keys for each purpose from the console's one secret, and what is encrypted with them.

Knows cryptography's HKDF and Fernet. Never knows what the texts are.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

COOKIES, SECRETS = b"cookies", b"secrets of authenticators"
KEY_BYTES = 32


def derived(secret: bytes, purpose: bytes) -> bytes:
    """Return 32 bytes that only `secret` and `purpose` give (HKDF, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(secret)


class Sealed:
    """Texts that one secret seals, and only it or an earlier one opens (Fernet: AES-128-CBC with HMAC-SHA256)."""

    def __init__(self, secret: bytes, earlier: Sequence[bytes] = ()) -> None:
        self._fernet = MultiFernet([_fernet(one) for one in (secret, *earlier)])

    def seal(self, text: str) -> bytes:
        """Return `text` encrypted."""
        return self._fernet.encrypt(text.encode())

    def renewed(self, sealed: bytes) -> bytes:
        """Return what was sealed by any of the secrets, sealed by the present one; raises as `open` does."""
        return self._fernet.rotate(sealed)

    def open(self, sealed: bytes) -> str:
        """Return the text; raises cryptography's InvalidToken if another secret sealed it."""
        return self._fernet.decrypt(sealed).decode()


def _fernet(secret: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derived(secret, SECRETS)))


def fingerprint(token: str) -> str:
    """Return the sha256 under which a random token is kept, so that who reads the table cannot use it."""
    return hashlib.sha256(token.encode()).hexdigest()
