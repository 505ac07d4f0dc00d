#!/usr/bin/env python3
"""Upload a file or a folder to S3.

Knows files and S3. Never knows what is in them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from command_line import click, command
from faults import Fault, aws_faults
from s3_address import Address, need_bucket, parse
from session import Aws

_ONE_PART = 5 * 1024**3  # bytes; S3 takes no larger single request


@command
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("target", metavar="S3")
@click.option("--kms-key", metavar="KEY", help="KMS key that encrypts what is uploaded.")
def main(aws: Aws, path: Path, target: str, kms_key: str | None) -> str:
    """Upload PATH, a file or a folder, to S3, a folder such as s3://BUCKET/fraud/train, and print its address.

    A file that is there already under the same name is replaced. Hidden files stay out.
    """
    files = _files(path)
    address = parse(target.rstrip("/"), option="S3")
    click.echo("AWS bills storage in S3, by GB and month, until it is deleted.", err=True)
    s3 = aws.client("s3")
    if aws.dry is None:
        need_bucket(s3, address, option="S3")
    progress = Progress(sum(file.stat().st_size for file in files), aws.say)
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
    for file in files:
        name = file.relative_to(path if path.is_dir() else path.parent).as_posix()
        with aws_faults():
            _upload(s3, file, address.below(name), encryption, progress, plainly=aws.dry is not None)
    aws.say(f"uploaded {len(files)} file{'s' if len(files) > 1 else ''}")
    return f"{address}/"


def _files(path: Path) -> Sequence[Path]:
    if path.is_file():
        return [path]
    found = [file for file in sorted(path.rglob("*")) if file.is_file() and not _is_hidden(file.relative_to(path))]
    if not found:
        raise Fault(
            f"PATH is '{path}', and there is no file",
            expected="a file, or a folder with files that are not hidden",
            remedy="Correct the path.",
        )
    return found


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _upload(
    s3: Any, file: Path, target: Address, encryption: dict[str, str], progress: Progress, *, plainly: bool
) -> None:
    """Upload one file; `plainly` in one request, as a dry run shows it."""
    from boto3.exceptions import Boto3Error
    from boto3.s3.transfer import TransferConfig

    configuration = TransferConfig(multipart_threshold=_ONE_PART, use_threads=False) if plainly else TransferConfig()
    try:
        s3.upload_file(
            str(file), target.bucket, target.key, ExtraArgs=encryption, Callback=progress, Config=configuration
        )
    except Boto3Error as error:
        raise Fault(
            f"{file} was not uploaded: {str(error).rstrip('.')}",
            expected="S3 to take it",
            remedy="Check the address, the key and the permissions (docs/sagemaker.md).",
        ) from error


class Progress:
    """Says how much of `total_bytes` is uploaded, at each tenth; called with the bytes that came, from any thread."""

    def __init__(self, total_bytes: int, say: Callable[[str], None]) -> None:
        self._total, self._say = total_bytes, say
        self._done, self._tenths = 0, 0
        self._lock = threading.Lock()

    def __call__(self, size: int) -> None:
        """Count `size` more bytes."""
        with self._lock:
            self._done += size
            tenths = 10 * self._done // max(self._total, 1)
            if tenths > self._tenths:
                self._tenths = tenths
                self._say(f"{10 * tenths} % of {self._total / 1e6:,.1f} MB")


if __name__ == "__main__":
    main()
