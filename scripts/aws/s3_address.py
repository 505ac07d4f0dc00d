"""Addresses in S3, and whether something is there.

Knows S3. Never knows which job reads or writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from faults import Fault, aws_faults

# SageMaker's Spark image joins the arguments into one line for a shell: nothing that a shell would read may be in them.
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9_.*/=+@,:%-]*))?")


@dataclass(frozen=True)
class Address:
    """A bucket and a key, a prefix or a glob of keys in it."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}".rstrip("/")

    @property
    def as_prefix(self) -> str:
        """The address as it was written: a slash at its end keeps `train2` from being taken for a part of `train`."""
        return f"s3://{self.bucket}/{self.key}"

    def covers(self, other: Address) -> bool:
        """Whether `other` is this address or something below it."""
        return other.bucket == self.bucket and f"{other}/".startswith(f"{self}/")

    def below(self, *parts: str) -> Address:
        """Return the address of `parts` below this one."""
        return Address(self.bucket, "/".join([*filter(None, [self.key.strip("/")]), *parts]))


def parse(text: str, *, option: str) -> Address:
    """Return the address that `text`, the value of `option`, is; raise `Fault` for anything else."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise Fault(
            f"{option} is '{text}'",
            expected="s3://BUCKET/KEY, the bucket as S3 allows, the key of letters, digits and _ . * / = + @ , : % -",
            remedy="Correct the address, or copy the data to a plainer one.",
        )
    return Address(found[1], found[2] or "")


def need_objects(s3: Any, address: Address, *, option: str) -> None:
    """Raise `Fault` unless there is an object at `address`; whoever may not look leaves that to the job."""
    prefix = address.key.split("*")[0]
    found = _unless_forbidden(lambda: s3.list_objects_v2(Bucket=address.bucket, Prefix=prefix, MaxKeys=1))
    if found is not None and not found.get("KeyCount"):
        raise Fault(
            f"{option} is '{address}', and there is nothing",
            expected="files",
            remedy="Correct the address, or upload the files first: scripts/aws/upload.py.",
        )


def need_bucket(s3: Any, address: Address, *, option: str, region: str | None = None) -> None:
    """Raise `Fault` unless the bucket of `address` exists, and is in `region` if one is named.

    Whoever may not look leaves that to the job.
    """
    from botocore.exceptions import ClientError

    try:
        found = _unless_forbidden(lambda: s3.head_bucket(Bucket=address.bucket))
    except Fault as fault:
        cause = fault.__cause__
        if isinstance(cause, ClientError) and cause.response["Error"]["Code"] in {"404", "NoSuchBucket"}:
            raise Fault(
                f"{option} is '{address}', and the bucket '{address.bucket}' does not exist",
                expected="a bucket that exists",
                remedy="Create the bucket, or correct the address.",
            ) from cause
        raise
    place = (found or {}).get("BucketRegion")
    if region and place and place != region:
        raise Fault(
            f"{option} is '{address}', and the bucket '{address.bucket}' is in {place}",
            expected=f"a bucket in {region}, where the job is to run",
            remedy=f"Pass --region {place}, or a bucket in {region}.",
        )


def _unless_forbidden(ask: Any) -> Any:
    """Return what `ask` returns, or None where AWS answers that the caller may not know."""
    from botocore.exceptions import ClientError

    try:
        with aws_faults():
            return ask()
    except Fault as fault:
        cause = fault.__cause__
        if isinstance(cause, ClientError) and cause.response["ResponseMetadata"]["HTTPStatusCode"] == 403:
            return None
        raise
