"""What bills is agreed to first, and what is wrong is one line that says how to mend it, before anything is created."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest
from aws_stand_in import Done, StandIn
from botocore.session import get_session
from job_runs import IMAGE, QUICK, ROLE, USUAL, changes, run, run_many

TRAIN = ("train.py", *USUAL, *QUICK)
TUNE = ("tune.py", *USUAL, *QUICK)
TRANSFORM = ("transform.py", *QUICK, "--input", "s3://transactions/raw/", "--output", "s3://features/scores")
MODEL = ("--model-data", "s3://transactions/raw/2018-04-01.parquet", "--image", IMAGE, "--role", ROLE)
HYPERPARAMETERS = (
    "Hyperparameters are wrong: `max_dept` is unknown (did you mean `max_depth`?); `eta` is '2' (expected a number "
    "from 1e-06 to 1); `seed` is 'x' (expected an integer from 0 to 2147483647); `resampler` is 'all' (expected one of "
)
WRONG = [
    ((*TRAIN, "--role", "fraud"), "--role is 'fraud'; expected the ARN of a role"),
    ((*TRAIN, "--train", "train.csv"), "--train is 'train.csv'; expected s3://BUCKET/KEY"),
    ((*TRAIN, "--train", "s3://transactions/no/"), "--train is 's3://transactions/no', and there is nothing; expected"),
    ((*TRAIN, "--channel", "codes=s3://features/no"), "--channel codes is 's3://features/no', and there is nothing;"),
    ((*TRAIN, "--output", "s3://nowhere/a"), "--output is 's3://nowhere/a', and the bucket 'nowhere' does not exist;"),
    ((*TRAIN, "--job-name", "a_b"), "--job-name is 'a_b'; expected 1 to 63 letters, digits and hyphens"),
    ((*TRAIN, "--instance-type", "m5.xlarge"), "--instance-type is 'm5.xlarge'; expected one of AWS's values for"),
    ((*TRAIN, "--max-wait-minutes", "90"), "--max-wait-minutes is 90, without --spot; expected at least --max-minutes"),
    ((*TRAIN, "--spot", "--max-wait-minutes", "5"), "--max-wait-minutes is 5; expected at least --max-minutes"),
    ((*TRAIN, "--subnet", "subnet-1"), "Of --subnet and --security-group only one is given; expected both or neither."),
    ((*TRAIN, "--hyperparameters", "no.json"), "--hyperparameters is 'no.json': "),
    (
        (*TRAIN, "-p", "max_dept=3", "-p", "eta=2", "-p", "seed=x", "-p", "resampler=all", "-p", "subsample=0"),
        HYPERPARAMETERS,
    ),
    ((*TUNE, "--job-name", "a" * 33), f"--job-name is '{'a' * 33}'; expected 1 to 32 letters"),
    ((*TUNE, "--objective", "test:f1"), "--objective is 'test:f1'; expected a metric that may choose a model, such as"),
    ((*TUNE, "--parallel", "3", "--jobs", "2"), "--parallel is 3, --jobs 2; expected no more at once than there are."),
    ((*TUNE, "--range", "eta=0..0.5", "-p", "eta=0.1"), "`eta` has both a value and a range; expected one of them."),
    ((*TUNE, "--range", "eta=0.1-0.5"), "--range of `eta` is '0.1-0.5'; expected LOW..HIGH for numbers"),
    ((*TUNE, "--range", "max_depth=1..99"), "Hyperparameters are wrong: `max_depth` is '99' (expected an integer from"),
    (TRANSFORM, "The model is not clear; expected --model-name, or --model-data with --image and --role."),
    ((*TRANSFORM, *MODEL, "--model-name", "fraud"), "The model is not clear; expected"),
    (
        (*TRANSFORM, "--model-name", "m", "--concurrency", "20"),
        "--concurrency 20 times --max-payload-mb 6; expected 100",
    ),
]


@pytest.fixture(scope="module")
def refused(aws_of_module: StandIn) -> dict[tuple[str, ...], Done]:
    """Return what came of each wrong command line."""
    lines = [arguments for arguments, _ in WRONG]
    return dict(zip(lines, run_many(aws_of_module, [[*line, "--yes"] for line in lines]), strict=True))


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(each[-2:])[:60] for each, _ in WRONG])
def test_a_wrong_value_is_named_with_what_was_expected(
    refused: dict[tuple[str, ...], Done], arguments: tuple[str, ...], message: str
) -> None:
    done = refused[arguments]
    assert (done.status, done.said) == (1, "")
    assert done.errors.startswith(f"Error: {message}")
    assert len(done.errors.splitlines()) == 1


def test_what_is_wrong_creates_nothing(refused: dict[tuple[str, ...], Done], aws_of_module: StandIn) -> None:
    assert len(refused) == len(WRONG)
    assert changes(aws_of_module) == []


def test_where_nobody_can_be_asked_nothing_is_created_without_yes(aws: StandIn) -> None:
    done = run(aws, *TRAIN)
    assert done.status == 1
    assert done.errors.startswith("AWS bills 1 x ml.m5.xlarge for at most 1 h = at most 1 instance-hours, and 30 GB")
    assert "standard input is not a terminal; expected a terminal, or --yes." in done.errors
    assert changes(aws) == []


@pytest.mark.parametrize(("answer", "status", "created"), [("n", 1, []), ("", 1, []), ("y", 0, ["CreateTrainingJob"])])
def test_on_a_terminal_the_user_is_asked(aws: StandIn, answer: str, status: int, created: list[str]) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    done = run(aws, *TRAIN, "--no-wait", stdin=theirs)
    os.close(ours)
    os.close(theirs)
    assert done.status == status
    assert "Go on? [y/N]" in done.errors
    assert changes(aws) == created


def test_without_credentials_the_user_is_told_how_to_log_in(aws: StandIn) -> None:
    done = run(aws, *TRAIN, "--yes", without=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    assert (done.status, done.errors.split(";")[0]) == (1, "Error: There are no AWS credentials")


def test_without_a_region_the_user_is_told_how_to_set_one(aws: StandIn) -> None:
    done = run(aws, *TRAIN, "--yes", without=("AWS_DEFAULT_REGION",))
    assert (done.status, done.errors.split(";")[0]) == (1, "Error: No region is set")


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        ("ResourceLimitExceeded", "The account-level limit is 0.", "Use fewer or smaller instances, or ask AWS"),
        ("ValidationException", "Could not assume role arn:aws:iam::1:role/x.", "Check --role: it must exist"),
        ("ResourceInUse", "Training job names must be unique.", "Pass another name, or none."),
        ("AccessDeniedException", "You may not.", "docs/sagemaker.md and docs/spark.md list the permissions."),
    ],
)
def test_a_refusal_of_sagemaker_is_said_with_its_remedy(aws: StandIn, code: str, message: str, remedy: str) -> None:
    aws.answer("SageMaker.CreateTrainingJob", {"__type": code, "message": message}, status=400)
    done = run(aws, *TRAIN, "--yes")
    assert done.status == 1
    assert f"AWS refused CreateTrainingJob with {code}: {message[:-1]}; expected it to be accepted." in done.errors
    assert remedy in done.errors


def test_a_bucket_in_another_region_is_named_before_anything_is_created(aws: StandIn) -> None:
    constraint = {"LocationConstraint": "eu-central-1"}
    far = get_session().create_client(
        "s3",
        region_name="eu-central-1",
        endpoint_url=f"http://127.0.0.1:{aws.moto_port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    far.create_bucket(Bucket="far-away", CreateBucketConfiguration=constraint)
    done = run(aws, *TRAIN, "--yes", "--output", "s3://far-away/jobs")
    assert done.status == 1
    assert "--output is 's3://far-away/jobs', and the bucket 'far-away' is in eu-central-1; expected" in done.errors
    assert changes(aws) == []


def test_a_file_of_hyperparameters_that_is_no_object_is_named(aws: StandIn, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1]")
    done = run(aws, *TRAIN, "--yes", "--hyperparameters", str(tmp_path / "list.json"))
    assert (done.status, "expected a file with a JSON object" in done.errors) == (1, True)
