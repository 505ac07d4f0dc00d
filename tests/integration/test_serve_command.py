"""`serve` as a user starts it: what it answers, and what ends it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from factories import an_artifact
from running_server import (
    ROW,
    Server,
    a_free_port,
    alone,
    behind_nginx,
    children,
    is_gone,
    outcome,
    wait_until,
)

pytestmark = pytest.mark.alone

MODES = [behind_nginx, alone]
LIMIT_MB = 25


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    an_artifact(folder / "model")
    return folder


@pytest.fixture(scope="module", params=MODES)
def running(request: pytest.FixtureRequest, root: Path) -> Iterator[Server]:
    with Server(root, request.param) as server:
        yield server


@pytest.fixture(params=MODES)
def server(request: pytest.FixtureRequest, root: Path) -> Iterator[Server]:
    """Give a server that the test may end."""
    with Server(root, request.param) as server:
        yield server


def test_ping_is_200_and_empty(running: Server) -> None:
    answer = running.get("/ping")

    assert (answer.status, answer.body) == (200, b"")


def test_a_row_is_scored(running: Server) -> None:
    answer = running.post(ROW)

    assert (answer.status, answer.body) == (200, b"1,0.5\n")


def test_accept_is_honoured(running: Server) -> None:
    answer = running.post(b'{"instances": [{"hour": 3, "amount": 0}]}', "application/json", Accept="application/json")

    assert answer.json == {"predictions": [{"predicted_label": 1, "probability": 0.5}]}


def test_rows_in_chunks_are_scored(running: Server) -> None:
    assert running.post(iter([b"0,", b"3\n-1", b",4\n"])).body.count(b"\n") == 2


def test_a_body_of_many_rows_is_scored_in_full(running: Server) -> None:
    assert running.post(ROW * 200_000).body.count(b"\n") == 200_000


def test_refusals_are_json(running: Server) -> None:
    assert running.post(b"0,3,1\n").json["error"] == "The request has rows of 3 values"
    assert running.get("/predict").json["error"].startswith("There is no ")
    assert running.get("/invocations").headers["Allow"] == "POST"


def test_26_mb_are_a_413_in_json(running: Server) -> None:
    answer = running.post(b"0" * ((LIMIT_MB + 1) << 20))

    assert answer.status == 413
    assert answer.json["error"] == "The body is larger than 25 MB"


def test_26_mb_in_chunks_are_a_413_in_json(running: Server) -> None:
    answer = running.post(iter([b"0" * (1 << 20)] * (LIMIT_MB + 1)))

    assert answer.status == 413
    assert answer.json["error"] == "The body is larger than 25 MB"


def test_no_version_is_told(running: Server) -> None:
    assert running.get("/ping").headers["Server"] in ("nginx", "gunicorn")


def test_slow_clients_do_not_keep_others_waiting(running: Server) -> None:
    slow = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(6)]
    for connection in slow:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n0,")

    assert running.post(ROW).status == 200
    for connection in slow:
        connection.close()


def test_a_killed_worker_is_replaced(server: Server) -> None:
    gunicorn = server.child("fraud_detect.serving.server")
    victim = children(gunicorn)[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(children(gunicorn)) == 2 and victim not in children(gunicorn))

    assert {server.post(ROW).status for _ in range(20)} == {200}


def test_the_server_ends_with_gunicorn_and_leaves_nothing(server: Server) -> None:
    below = server.processes()
    os.kill(server.child("fraud_detect.serving.server"), signal.SIGKILL)

    assert server.process.wait(30) == 128 + signal.SIGKILL
    wait_until(lambda: all(map(is_gone, below)))


@pytest.mark.parametrize("server", [behind_nginx], indirect=True)
def test_the_server_ends_with_nginx_and_leaves_nothing(server: Server) -> None:
    below = server.processes()
    os.kill(server.child("nginx: master"), signal.SIGKILL)

    assert server.process.wait(30) == 128 + signal.SIGKILL
    wait_until(lambda: all(map(is_gone, below)))


def test_sigterm_stops_the_server_with_0_and_leaves_nothing(server: Server) -> None:
    below = server.processes()

    assert server.stop() == 0
    wait_until(lambda: all(map(is_gone, below)))


def test_a_request_at_hand_is_finished_after_sigterm(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest("POST", "/invocations")
    connection.putheader("Content-Length", str(len(ROW)))
    connection.endheaders(ROW[:2])
    wait_until(lambda: server.post(ROW).status == 200)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(1.5)  # gunicorn's threads keep the port open while they finish: nothing outside tells that they heard
    connection.send(ROW[2:])

    assert connection.getresponse().read() == b"1,0.5\n"
    assert server.process.wait(25) == 0


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("mode", [behind_nginx])
def test_without_workers_nginx_answers_503_in_json(mode: str, root: Path) -> None:
    with Server(root, mode) as server:
        (server.run_folder() / "ping.sock").unlink()
        answer = server.get("/ping")

    assert answer.status == 503
    assert answer.json["error"].startswith("The model server has more requests than it can answer, is starting")
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("mode", [behind_nginx])
def test_nginx_leaves_a_worker_the_cpu(mode: str, root: Path) -> None:
    with Server(root, mode) as server:
        assert os.sched_getscheduler(server.child("nginx: master")) == os.SCHED_BATCH
        assert os.sched_getscheduler(server.child("serving.server")) == os.SCHED_OTHER


def test_a_model_that_lies_packed_is_unpacked_and_served(tmp_path: Path) -> None:
    an_artifact(tmp_path / "unpacked")
    (tmp_path / "model").mkdir()
    with tarfile.open(tmp_path / "model" / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "unpacked", arcname=".")

    with Server(tmp_path, "alone") as server:
        assert server.post(ROW).body == b"1,0.5\n"


def test_a_packed_model_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    an_artifact(tmp_path / "unpacked")
    (tmp_path / "model").mkdir()
    with tarfile.open(tmp_path / "model" / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "unpacked" / "manifest.json", arcname="../manifest.json")

    code, log = outcome(tmp_path)

    assert code == 1
    assert "../manifest.json" in log


def test_a_port_in_use_is_an_error_that_names_it(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", a_free_port()))
        taken.listen()
        port = taken.getsockname()[1]
        code, log = outcome(root, port=port)

    assert code == 1
    assert f"Port {port} is in use" in log
    assert "Traceback" not in log


def test_without_nginx_the_log_says_so(root: Path) -> None:
    with Server(root, "alone") as server:
        server.stop()
        assert "nginx is not on the PATH: gunicorn listens alone" in server.log()


def test_wrong_settings_are_told_all_at_once(root: Path) -> None:
    code, log = outcome(root, MODEL_SERVER_WORKERS="many", SAGEMAKER_MAX_PAYLOAD_IN_MB="-1")

    assert code == 1
    assert "MODEL_SERVER_WORKERS is 'many'; SAGEMAKER_MAX_PAYLOAD_IN_MB is '-1'" in log


def test_a_folder_without_a_model_is_an_error_that_says_to_train(tmp_path: Path) -> None:
    code, log = outcome(tmp_path)

    assert code == 1
    assert "Train a model first" in log


def test_a_changed_byte_is_an_error(tmp_path: Path) -> None:
    an_artifact(tmp_path / "model")
    graph = tmp_path / "model" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"?")
    code, log = outcome(tmp_path)

    assert code == 1
    assert "model.onnx has the sha256" in log


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    an_artifact(tmp_path / "model", files={"model.ubj": b"trees"})
    (tmp_path / "model" / "model.ubj").unlink()
    code, log = outcome(tmp_path)

    assert code == 1
    assert "model.ubj (No such file or directory)" in log


def test_a_newer_format_is_an_error(tmp_path: Path) -> None:
    an_artifact(tmp_path / "model")
    manifest = tmp_path / "model" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format_version": 99}))
    code, log = outcome(tmp_path)

    assert code == 1
    assert "format version 99" in log


def test_a_graph_that_does_not_load_is_a_503_with_the_reason(tmp_path: Path) -> None:
    an_artifact(tmp_path / "model", files={"model.onnx": b"no graph"})
    server = Server(tmp_path, "alone")
    wait_until(lambda: not is_refused(server.port))
    answer = server.get("/ping")
    server.stop()

    assert answer.status == 503
    assert "model.onnx" in answer.json["error"]


def test_a_header_is_refused_as_it_is_whatever_the_size_of_the_body(running: Server) -> None:
    attributes = {"X-Amzn-SageMaker-Custom-Attributes": "a" * 1025}

    assert [running.post(ROW * 2_000_000, **attributes).status for _ in range(5)] == [400] * 5
