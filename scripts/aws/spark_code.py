"""What a Spark job runs: the application file, and the package as a zip.

Knows where both lie in the repository. Never knows what is in them, nor which service runs them.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults import Fault, aws_faults
from s3_address import Address

PACKAGE = "fraud_detect"
APPLICATION = f"{PACKAGE}/entrypoints/spark_features.py"
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_KINDS = {".py", ".typed", ".md"}


@dataclass(frozen=True)
class Code:
    """The bytes to upload; `digest` is the same for the same source."""

    application: bytes
    package: bytes

    @property
    def digest(self) -> str:
        """12 hexadecimal digits of the SHA-256 of both."""
        return hashlib.sha256(self.application + self.package).hexdigest()[:12]


@dataclass(frozen=True)
class Uploaded:
    """Addresses of the application and of the zipped package."""

    application: str
    package: str


def read_code(source: Path) -> Code:
    """Return the code below `source`, the folder that holds the package."""
    application = source / APPLICATION
    if not application.is_file():
        raise Fault(
            f"There is no {application}",
            expected="the repository's container folder",
            remedy="Run the script of a whole checkout.",
        )
    return Code(application.read_bytes(), zip_package(source))


def zip_package(source: Path) -> bytes:
    """Return the package below `source` as a zip: the same bytes for the same files, whoever makes it, and when."""
    made = io.BytesIO()
    files = [path for path in (source / PACKAGE).rglob("*") if path.suffix in _KINDS and path.is_file()]
    with zipfile.ZipFile(made, "w") as package:
        for path in sorted(files, key=lambda path: path.relative_to(source).as_posix()):
            entry = zipfile.ZipInfo(path.relative_to(source).as_posix(), date_time=_TIME)
            entry.create_system = 3  # Unix, on every system
            entry.external_attr = 0o100644 << 16
            # Stored, not deflated: what deflate makes differs between versions of zlib.
            package.writestr(entry, path.read_bytes(), compress_type=zipfile.ZIP_STORED)
    return made.getvalue()


def upload(code: Code, s3: Any, below: Address) -> Uploaded:
    """Write `code` below the address, in a folder named by its digest: running jobs keep the code they began with."""
    folder = below.below(code.digest)
    application, package = folder.below(Path(APPLICATION).name), folder.below(f"{PACKAGE}.zip")
    with aws_faults():
        s3.put_object(Bucket=application.bucket, Key=application.key, Body=code.application)
        s3.put_object(Bucket=package.bucket, Key=package.key, Body=code.package)
    return Uploaded(str(application), str(package))
