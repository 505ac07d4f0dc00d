"""scripts/aws/upload.py: what is in S3 afterwards, and what the user is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from aws_stand_in import StandIn
from job_runs import planned, run


def keys(aws: StandIn) -> list[str]:
    """Return the keys in the bucket `features`, in order."""
    found = aws.client("s3").list_objects_v2(Bucket="features").get("Contents", [])
    return [each["Key"] for each in found]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a folder with two files at different depths, a hidden one, and one in a hidden folder."""
    for name in ("a.csv", "more/b.csv", ".hidden", ".ipynb_checkpoints/c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_a_folder_is_uploaded_as_it_is_without_hidden_files(aws: StandIn, table: Path) -> None:
    done = run(aws, "upload.py", str(table), "s3://features/fraud/train")
    assert (done.status, done.said) == (0, "s3://features/fraud/train/\n"), done.errors
    assert keys(aws) == ["fraud/train/a.csv", "fraud/train/more/b.csv"]
    assert aws.object("s3://features/fraud/train/more/b.csv") == b"more/b.csv"


def test_a_file_goes_into_the_folder_with_its_name(aws: StandIn, table: Path) -> None:
    done = run(aws, "upload.py", str(table / "a.csv"), "s3://features/")
    assert (done.status, done.said) == (0, "s3://features/\n"), done.errors
    assert keys(aws) == ["a.csv"]


def test_a_large_file_arrives_whole_and_progress_is_said(aws: StandIn, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4 * 1024 * 20
    (tmp_path / "large.csv").write_bytes(content)
    done = run(aws, "upload.py", str(tmp_path / "large.csv"), "s3://features/fraud")
    assert aws.object("s3://features/fraud/large.csv") == content
    shares = [int(line.split()[0]) for line in done.errors.splitlines() if " % of 21.0 MB" in line]
    assert shares == sorted(set(shares))
    assert shares[-1] == 100


def test_what_is_stored_bills_and_that_is_said(aws: StandIn, table: Path) -> None:
    done = run(aws, "upload.py", str(table / "a.csv"), "s3://features/fraud")
    assert done.errors.startswith("AWS bills storage in S3")


def test_a_key_encrypts_what_is_uploaded(aws: StandIn, table: Path) -> None:
    (sent,) = planned(run(aws, "upload.py", str(table / "a.csv"), "s3://features/fraud", "--kms-key", "k", "--dry-run"))
    told = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k", "Key": "fraud/a.csv", "Body": b""}
    assert told.items() <= (sent["request"] | {"Body": b""}).items()
    assert keys(aws) == []


@pytest.mark.parametrize(
    ("path", "address", "message"),
    [
        (
            "nothing.csv",
            "s3://features/fraud",
            "PATH is 'nothing.csv', and there is no file; expected a file, or a folder",
        ),
        ("a.csv", "features/fraud", "S3 is 'features/fraud'; expected s3://BUCKET/KEY"),
        (
            "a.csv",
            "s3://nowhere/fraud",
            "S3 is 's3://nowhere/fraud', and the bucket 'nowhere' does not exist; expected",
        ),
    ],
)
def test_what_is_wrong_is_named(aws: StandIn, table: Path, path: str, address: str, message: str) -> None:
    where = str(table / path) if path == "a.csv" else path
    done = run(aws, "upload.py", where, address)
    assert (done.status, done.said) == (1, "")
    assert done.errors.splitlines()[-1].startswith(f"Error: {message}")
