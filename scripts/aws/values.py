"""Values of options that several commands take: checked before anything is sent.

Knows how AWS writes them. Never knows which command asks.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from faults import Fault

PROJECT_TAG = ("project", "fraud-detect")
"""The tag on everything that the commands make."""

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")
_NAME = re.compile(r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}")


def need_role(text: str, *, page: str = "docs/sagemaker.md") -> str:
    """Return `text` if it is written as the ARN of a role; `page` says what the role may do."""
    if not _ROLE.fullmatch(text):
        raise Fault(
            f"--role is '{text}'",
            expected="the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME",
            remedy=f"`aws iam list-roles` lists them; {page} says what the role may do.",
        )
    return text


def need_name(text: str, *, option: str, longest: int = 63) -> str:
    """Return `text` if SageMaker takes it as a name of `longest` characters at most."""
    if not _NAME.fullmatch(text) or len(text) > longest:
        raise Fault(
            f"{option} is '{text}'",
            expected=f"1 to {longest} letters, digits and hyphens, a hyphen neither first nor last",
            remedy="Pass another name, or none.",
        )
    return text


def name_at(moment: datetime, *, prefix: str) -> str:
    """Return the name of what is made at `moment`, to the millisecond: two of one second must not share a name."""
    return f"{prefix}-{moment:%Y%m%d-%H%M%S}-{moment.microsecond // 1000:03d}"


def pairs(texts: Iterable[str], *, option: str) -> dict[str, str]:
    """Return KEY=VALUE texts as a mapping; a key that comes twice takes its last value."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise Fault(f"{option} is '{text}'", expected="KEY=VALUE", remedy=f"Write it as {option} KEY=VALUE.")
        found[key] = value
    return found


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return `tags` as SageMaker takes them, the project's own first."""
    return [{"Key": key, "Value": value} for key, value in (dict([PROJECT_TAG]) | dict(tags)).items()]


def need_one_of(client: Any, shape: str, text: str, *, option: str) -> str:
    """Return `text` if the installed boto3 knows it as a value of the service's `shape`, such as an instance type."""
    known = client.meta.service_model.shape_for(shape).enum
    if text not in known:
        near = difflib.get_close_matches(f"ml.{text.removeprefix('ml.')}", known, n=3) or known[:3]
        raise Fault(
            f"{option} is '{text}'",
            expected=f"one of AWS's values for {shape}, such as {', '.join(near)}",
            remedy="Correct it; for a value newer than this boto3, lock a newer boto3.",
        )
    return text


def vpc(subnets: Iterable[str], security_groups: Iterable[str]) -> dict[str, list[str]] | None:
    """Return SageMaker's `VpcConfig`, or None without both; raise `Fault` for one without the other."""
    found = {"Subnets": list(subnets), "SecurityGroupIds": list(security_groups)}
    if bool(found["Subnets"]) != bool(found["SecurityGroupIds"]):
        raise Fault(
            "Of --subnet and --security-group only one is given",
            expected="both or neither",
            remedy="Pass the other one too.",
        )
    return found if found["Subnets"] else None
