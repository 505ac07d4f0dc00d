"""What every Spark job of features is told, whichever service runs it.

Knows the application's arguments. Never knows a service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from faults import Fault
from s3_address import Address

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")
_NAME = re.compile(r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}")
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


def name_at(moment: datetime) -> str:
    """Return the name of a job that is submitted at `moment`, to the second."""
    return f"fraud-detect-features-{moment:%Y%m%d-%H%M%S}"


def need_name(text: str) -> str:
    """Return `text` if both services take it as a job's name."""
    if not _NAME.fullmatch(text):
        raise Fault(
            f"--job-name is '{text}'",
            expected="1 to 63 letters, digits and hyphens, a hyphen neither first nor last",
            remedy="Pass another name, or none.",
        )
    return text


def need_role(text: str) -> str:
    """Return `text` if it is written as the ARN of a role."""
    if not _ROLE.fullmatch(text):
        raise Fault(
            f"--role is '{text}'",
            expected="the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME",
            remedy="`aws iam list-roles` lists them; docs/spark.md says what the role may do.",
        )
    return text


def pairs(texts: list[str], *, option: str) -> dict[str, str]:
    """Return KEY=VALUE texts as a mapping; a key that comes twice takes its last value."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise Fault(f"{option} is '{text}'", expected="KEY=VALUE", remedy=f"Write it as {option} KEY=VALUE.")
        found[key] = value
    return found


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
