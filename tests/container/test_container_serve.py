"""`docker run IMAGE serve`, as SageMaker and as a local user start it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from docker_engine import REPOSITORY, STOP_SECONDS, Start, docker, wait_until

pytestmark = pytest.mark.docker

PAYLOADS = REPOSITORY / "local_test"
CSV = (PAYLOADS / "payload.csv").read_bytes()
CONFINED = [
    ("--user", "10001"),
    ("--read-only", "--tmpfs", "/tmp"),  # noqa: S108
    ("--read-only",),
    ("--read-only", "--user", "10001"),
    ("--read-only", "--user", "10001", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
]
GUNICORN = "fraud_detect.serving.server"
"""In the command lines of gunicorn and its workers."""
KILL = """
import os, pathlib, signal
found = [
    int(status.parent.name)
    for status in pathlib.Path("/proc").glob("[0-9]*/status")
    if "PPid:\\t1\\n" in status.read_text() and "{program}" in (status.parent / "cmdline").read_text()
]
for number in found:
    os.kill(number, signal.SIGKILL)
print("killed", len(found))
"""
"""Kills the program that the supervisor, process 1, started; not the program's own children."""


@pytest.mark.parametrize("options", CONFINED, ids=" ".join)
def test_confined_container_answers(serve: Start, options: tuple[str, ...]) -> None:
    answer = serve(*options).request("/invocations", CSV)

    assert answer.status == 200, answer.body
    assert len(answer.body.splitlines()) == len(CSV.splitlines())


def test_every_payload_gets_the_same_scores(serve: Start) -> None:
    """The files hold the same transactions, each in another media type."""
    served = serve()
    types = {".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonlines"}

    answers = {
        path.name: served.request("/invocations", path.read_bytes(), types[path.suffix])
        for path in PAYLOADS.glob("payload*")
    }

    scores = {name: probabilities(answer.body) for name, answer in answers.items()}
    assert len(scores) == 5
    assert all(found == scores["payload.csv"] for found in scores.values()), scores


def probabilities(body: str) -> list[float]:
    """Return the probabilities in an answer of any of the three media types."""
    if body.startswith('{"predictions"'):
        return [row["probability"] for row in json.loads(body)["predictions"]]
    if body.startswith("{"):
        return [json.loads(line)["probability"] for line in body.splitlines()]
    return [float(line.split(",")[1]) for line in body.splitlines()]


def test_ping_has_an_empty_body(serve: Start) -> None:
    assert serve().request("/ping").body == ""


def test_one_cpu_gets_one_worker(serve: Start) -> None:
    served = serve("--cpus", "1")

    gunicorn_and_worker = [line for line in served.processes() if GUNICORN in line]
    assert len(gunicorn_and_worker) == 2


def test_port_comes_from_the_environment(serve: Start) -> None:
    served = serve("--env", "SAGEMAKER_BIND_TO_PORT=9090", port=9090)

    assert served.run("healthcheck").returncode == 0


def test_command_line_serves_as_well(serve: Start) -> None:
    command = ("fraud-detect", "serve", "--host", "0.0.0.0")  # noqa: S104
    served = serve("--env", "SAGEMAKER_BIND_TO_PORT=9090", command=command, port=9090)

    assert served.run("healthcheck").returncode == 0


def test_port_option_is_where_the_health_check_asks(serve: Start) -> None:
    command = ("fraud-detect", "serve", "--host", "0.0.0.0", "--port", "9191")  # noqa: S104
    served = serve(command=command, port=9191)

    assert served.run("healthcheck").returncode == 0


def test_container_becomes_healthy(serve: Start) -> None:
    served = serve("--health-interval", "1s")
    status = ("inspect", "--format", "{{.State.Health.Status}}", served.name)

    wait_until(lambda: docker(*status).stdout == "healthy\n", "a healthy container")


def test_server_that_does_not_answer_is_unhealthy(start: Start) -> None:
    hung = start("python3", "-c", "import time; time.sleep(600)", "serve")

    checked = hung.run("healthcheck")

    assert checked.returncode == 1
    assert "http://127.0.0.1:8080/ping: " in checked.stderr


def test_sigterm_ends_it_with_success(serve: Start) -> None:
    served = serve()

    seconds = served.stop()

    assert served.exit_code == 0, served.log
    assert seconds < STOP_SECONDS


@pytest.mark.parametrize("program", ["nginx: master", GUNICORN], ids=["nginx", "gunicorn"])
def test_death_of_a_program_ends_the_container(serve: Start, program: str) -> None:
    """Whoever runs the container starts it anew; half a server would only time out."""
    served = serve()

    assert served.run("python3", "-c", KILL.format(program=program)).stdout == "killed 1\n"

    assert served.exit_code == 137, served.log


def test_missing_model_ends_it_with_the_remedy(image: str, tmp_path: Path) -> None:
    done = docker("run", "--rm", "--volume", f"{tmp_path}:/opt/ml/model:ro", image, "serve")

    assert done.returncode == 1
    assert "Train a model first" in done.stderr
    assert "Traceback" not in done.stderr
