"""What every Spark job of features is told, whichever service runs it.

Knows the application's arguments. Never knows a service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from faults import Fault
from s3_address import Address
from values import pairs

_SETTING = re.compile(r"(spark\.[A-Za-z0-9._-]+)=([^\s'\"]+)")


@dataclass(frozen=True)
class Job:
    """One computation of features, from `source` to `target`."""

    name: str
    source: Address
    target: Address
    code: Address
    role: str
    feature_set: str
    whole: bool
    spark: Mapping[str, str]
    tags: Mapping[str, str]
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    limit_minutes: int

    @property
    def arguments(self) -> list[str]:
        """The application's arguments."""
        told = ["--input", str(self.source), "--output", str(self.target), "--set", self.feature_set]
        return [*told, "--full"] if self.whole else told


def settings(texts: list[str]) -> dict[str, str]:
    """Return Spark's settings, written spark.NAME=VALUE without blanks and quotes, as a mapping."""
    for text in texts:
        if not _SETTING.fullmatch(text):
            raise Fault(
                f"--conf is '{text}'",
                expected="spark.NAME=VALUE without blanks and quotes",
                remedy="Correct the setting; Spark's configuration page lists them.",
            )
    return pairs(texts, option="--conf")
