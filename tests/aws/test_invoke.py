"""scripts/aws/invoke.py: rows of every form and number, scored by a server that really runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_stand_in import StandIn
from endpoint_stand_in import Endpoints, deploy, run
from runtime_stand_in import ANSWER, FAILURE, Runtime

from factories import a_number, a_schema, an_artifact
from fraud_detect.artifact.manifest import MODEL
from running_server import Server
from training_factories import a_fitted_model

NAMES = ("amount", "hour", "code")
HEADER = ",".join(NAMES).encode() + b"\n"
ROWS = [[number / 7, number % 24, number % 5] for number in range(1, 3001)]
CSV = b"".join(b"%r,%d,%d\n" % tuple(row) for row in ROWS)
RECORDS = b"".join(json.dumps(dict(zip(NAMES, row, strict=True))).encode() + b"\n" for row in ROWS)
TENTH_OF_ALL = str(len(CSV) / (1 << 20) / 10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server of a model that explains."""
    root, fitted = tmp_path_factory.mktemp("root"), a_fitted_model(categories=(0, 0, 0))
    schema = a_schema(*(a_number(name) for name in NAMES))
    an_artifact(root / "model", schema=schema, files={MODEL: fitted.to_onnx(), **fitted.native_files()})
    with Server(root, "alone", SAGEMAKER_CONTAINER_LOG_LEVEL="ERROR") as running:
        yield running


@pytest.fixture
def runtime(aws: StandIn, server: Server) -> Runtime:
    return Runtime(aws, server)


@pytest.fixture(scope="module")
def scores(server: Server) -> str:
    """Return what the server answers to all rows at once."""
    return server.post(CSV).body.decode()


def assert_same(answer: str, expected: str) -> None:
    """Compare labels and probabilities, the latter to what ONNX and the booster, who take turns by size, agree on."""
    (labels, probabilities), (right, wanted) = _columns(answer), _columns(expected)
    assert labels == right
    assert probabilities == pytest.approx(wanted, abs=1e-6)


def _columns(answer: str) -> tuple[list[str], list[float]]:
    rows = [line.split(",") for line in answer.splitlines()]
    return [label for label, _ in rows], [float(probability) for _, probability in rows]


def test_csv_with_a_header_is_sent_in_parts_that_each_have_it(runtime: Runtime, scores: str) -> None:
    done = run(runtime.aws, "invoke.py", "fraud", "--max-mb", TENTH_OF_ALL, stdin=HEADER + CSV)
    assert done.status == 0, done.errors
    assert_same(done.said, scores)
    assert len(runtime.bodies) > 10
    assert {body[: len(HEADER)] for body in runtime.bodies} == {HEADER}
    assert {(kind, len(body) <= len(CSV) / 10) for kind, body in zip(runtime.types, runtime.bodies, strict=True)} == {
        ("text/csv; header=present", True)
    }
    assert f"request {len(runtime.bodies)}: rows 2," in done.errors


def test_a_file_is_read_by_its_extension_and_answers_go_to_a_file(
    runtime: Runtime, scores: str, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_bytes(RECORDS)
    more = ("--answer", "csv", "--output", str(tmp_path / "answers.csv"), "--max-rows", "2000")
    done = run(runtime.aws, "invoke.py", "fraud", str(tmp_path / "rows.jsonl"), *more)
    assert (done.status, done.said) == (0, ""), done.errors
    assert_same((tmp_path / "answers.csv").read_text(), scores)
    assert runtime.types == ["application/jsonlines"] * 2


def test_a_json_document_is_divided_and_its_answers_are_one_document(runtime: Runtime, scores: str) -> None:
    document = json.dumps({"instances": ROWS}).encode()
    done = run(runtime.aws, "invoke.py", "fraud", "--format", "json", "--max-mb", TENTH_OF_ALL, stdin=document)
    assert done.status == 0, done.errors
    assert len(runtime.bodies) > 1
    predictions = json.loads(done.said)["predictions"]
    said = "".join(f"{row['predicted_label']},{row['probability']}\n" for row in predictions)
    assert_same(said, scores)


def test_explained_rows_are_asked_for_a_few_at_a_time(runtime: Runtime) -> None:
    done = run(runtime.aws, "invoke.py", "fraud", "--explain", "2", stdin=CSV)
    assert done.status == 0, done.errors
    assert [body.count(b"\n") for body in runtime.bodies] == [2000, 1000]
    predictions = json.loads(done.said)["predictions"]
    assert (len(predictions), {len(row["reasons"]) for row in predictions}) == (3000, {2})


def test_a_row_that_does_not_fit_is_said_as_the_server_says_it(runtime: Runtime, tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text("earlier")
    more = ("--max-rows", "1000", "--output", str(tmp_path / "answers.csv"))
    done = run(runtime.aws, "invoke.py", "fraud", *more, stdin=CSV + b"1,x,2\n")
    assert done.status == 1
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"answers.csv": "earlier"}
    assert done.errors.splitlines()[-1].startswith("Error: 400 for rows 3,001 to 3,001: ")
    assert "Traceback" not in done.errors


def test_the_same_command_asks_a_server_on_this_machine(runtime: Runtime, server: Server, scores: str) -> None:
    told = ("--local", f"http://127.0.0.1:{server.port}", "--max-rows", "1500")
    nobody = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
    done = run(runtime.aws, "invoke.py", *told, stdin=CSV, without=nobody, HTTP_PROXY="http://127.0.0.1:9")
    assert done.status == 0, done.errors
    assert_same(done.said, scores)
    assert runtime.aws.seen == []


def test_a_server_that_is_not_there_is_named(aws: StandIn) -> None:
    done = run(aws, "invoke.py", "--local", "http://127.0.0.1:9", stdin=CSV)
    assert (done.status, done.errors.split(": ")[1]) == (1, "Nobody answers at http://127.0.0.1:9")


def test_an_asynchronous_endpoint_is_asked_through_s3(runtime: Runtime, scores: str) -> None:
    endpoints = Endpoints(runtime.aws)
    made = deploy(runtime.aws, "--asynchronous", "--async-output", "s3://features/answers")
    assert made.status == 0, made.errors
    done = run(runtime.aws, "invoke.py", "fraud", "--asynchronous", "--poll-seconds", "0.01", stdin=HEADER + CSV)
    assert done.status == 0, done.errors
    assert_same(done.said, scores)
    assert runtime.bodies == [HEADER + CSV]
    (upload,) = [seen for seen in runtime.aws.seen if seen.operation.startswith("PUT /features/answers/inputs/fraud-")]
    assert upload.path.endswith(".csv")
    assert f"the answer will be at {ANSWER}" in done.errors
    assert endpoints.names("Endpoint") == ["fraud"]


def test_a_failure_of_an_asynchronous_request_is_told(runtime: Runtime) -> None:
    runtime.aws.client("s3").put_object(Bucket="transactions", Key="rows.csv", Body=b"1,2\n")
    done = run(runtime.aws, "invoke.py", "fraud", "s3://transactions/rows.csv", "--asynchronous")
    assert done.status == 1
    assert "Error: The request for s3://transactions/rows.csv failed: " in done.errors
    assert f"the whole of it is at {FAILURE}" in done.errors


def test_a_dry_run_names_the_requests_and_sends_nothing(aws: StandIn) -> None:
    nobody = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    done = run(aws, "invoke.py", "fraud", "--dry-run", "--max-rows", "2000", stdin=CSV, without=nobody)
    requests = [sent["request"] for sent in json.loads(done.said)]
    assert [request["ContentType"] for request in requests] == ["text/csv; header=absent"] * 2
    assert aws.seen == []
