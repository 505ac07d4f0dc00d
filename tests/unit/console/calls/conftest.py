"""Accounts of these tests have quick passwords: how slow a hash is, is none of their business."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from fraud_detect.console.accounts import passwords


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
