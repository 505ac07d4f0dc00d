"""`serve` with SAGEMAKER_MULTI_MODEL: two workers that agree on which models are loaded."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from factories import an_artifact
from running_server import ROW, Answer, Server, alone, behind_nginx, outcome, wait_until

pytestmark = pytest.mark.alone

MODES = [behind_nginx, alone]
MANY_MODELS = {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_CONTAINER_LOG_LEVEL": "WARNING"}
"""Nobody reads the log while a test runs: the lines of so many requests would not fit into its pipe."""
AT_ONCE = 8
MB = 1 << 20


@pytest.fixture(params=MODES)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path, request.param, **MANY_MODELS) as server:
        yield server


def a_model(folder: Path, *, threshold: float = 0.5, megabytes: int = 0) -> Path:
    """Write a model that says 1 for a row of `ROW` below the `threshold`, with a file that makes it large."""
    files = {"notes.bin": bytes(megabytes * MB)} if megabytes else {}
    an_artifact(folder, threshold={"value": threshold, "policy": "f1"}, files=files)
    return folder


def load(server: Server, name: str, folder: Path) -> Answer:
    document = {"model_name": name, "url": str(folder)}
    return server.send("/models", json.dumps(document).encode(), "application/json")


def names(server: Server) -> list[str]:
    return [model["modelName"] for model in server.get("/models").json["models"]]


def invoke(server: Server, name: str) -> Answer:
    return server.send(f"/models/{quote(name, safe='')}/invoke", ROW)


def invoke_often(server: Server, name: str, times: int = 200) -> list[Answer]:
    """Return the answers to so many requests at once that both workers take part."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda _: invoke(server, name), range(times)))


def workers_that_hold_models(server: Server) -> list[int]:
    return [pid for pid in server.processes() if any("/models/" in file for file in open_files(pid))]


def open_files(pid: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield str(descriptor.readlink())
        except FileNotFoundError:
            continue


def open_in_both(server: Server, name: str) -> list[Answer]:
    """Return the answers to requests that went on until both workers had the model open."""
    answers: list[Answer] = []

    def both_have_it() -> bool:
        answers.extend(invoke_often(server, name))
        return len(workers_that_hold_models(server)) == 2

    wait_until(both_have_it)
    return answers


def test_without_a_model_it_is_healthy_and_has_none(server: Server) -> None:
    assert server.get("/ping").status == 200
    assert names(server) == []
    assert server.post(ROW).status == 404


def test_a_model_that_one_worker_has_loaded_both_answer_for(server: Server, tmp_path: Path) -> None:
    assert load(server, "a", a_model(tmp_path / "a")).status == 200

    assert {(answer.status, answer.body) for answer in open_in_both(server, "a")} == {(200, b"1,0.5\n")}


def test_a_model_that_is_unloaded_is_gone_from_both_workers_when_the_answer_comes(
    server: Server, tmp_path: Path
) -> None:
    load(server, "a", a_model(tmp_path / "a"))
    open_in_both(server, "a")
    assert server.get("/models/a", "DELETE").status == 200

    assert workers_that_hold_models(server) == []
    assert {answer.status for answer in invoke_often(server, "a")} == {404}
    assert {server.get("/models/a", method).status for method in ("GET", "DELETE")} == {404}


def test_another_model_under_the_same_name_answers_from_the_next_request_on(server: Server, tmp_path: Path) -> None:
    load(server, "a", a_model(tmp_path / "low"))
    open_in_both(server, "a")
    server.get("/models/a", "DELETE")
    load(server, "a", a_model(tmp_path / "high", threshold=0.75))

    assert {answer.body for answer in open_in_both(server, "a")} == {b"0,0.5\n"}


@pytest.mark.parametrize("name", ["5a1b" * 16, "a/b?c", "/a//b", "100% ü"])
def test_a_name_in_percent_encoding_reaches_its_model(name: str, server: Server, tmp_path: Path) -> None:
    assert load(server, name, a_model(tmp_path / "a")).json["modelName"] == name

    assert invoke(server, name).status == 200
    assert server.get(f"/models/{quote(name, safe='')}").json["modelName"] == name
    assert server.get(f"/models/{quote(name, safe='')}", "DELETE").status == 200


def test_of_many_loads_of_one_name_one_succeeds(server: Server, tmp_path: Path) -> None:
    folder = a_model(tmp_path / "a")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = list(pool.map(lambda _: load(server, "a", folder).status, range(AT_ONCE)))

    assert sorted(statuses) == [200] + [409] * (AT_ONCE - 1)


def test_loads_of_many_names_at_once_all_succeed(server: Server, tmp_path: Path) -> None:
    folder, wanted = a_model(tmp_path / "a"), [f"model-{number}" for number in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = {answer.status for answer in pool.map(lambda name: load(server, name, folder), wanted)}

    assert statuses == {200}
    assert names(server) == wanted


def test_a_broken_model_is_a_400_and_not_listed(server: Server, tmp_path: Path) -> None:
    (a_model(tmp_path / "a") / "model.onnx").unlink()
    answer = load(server, "a", tmp_path / "a")

    assert answer.status == 400
    assert "model.onnx" in answer.json["error"]
    assert names(server) == []


@pytest.mark.parametrize("mode", MODES)
def test_the_least_recently_used_model_makes_room_and_one_that_cannot_fit_is_a_507(mode: str, tmp_path: Path) -> None:
    memory = {"FRAUD_DETECT_MULTI_MODEL_MEMORY_MB": "16"}  # 13 MB while one is loaded, 2 MB or more for each that stays
    with Server(tmp_path, mode, **MANY_MODELS, **memory) as server:
        for name in ("a", "b"):
            load(server, name, a_model(tmp_path / name, megabytes=1))
        time.sleep(0.2)  # last uses are noted to a tenth of a second
        invoke(server, "a")
        load(server, "c", a_model(tmp_path / "c", megabytes=1))
        answer = load(server, "d", a_model(tmp_path / "d", megabytes=2))

        assert names(server) == ["a", "c"]
        assert answer.status == 507
        assert "at most 16.0 MB" in answer.json["expected"]
        assert invoke(server, "b").status == 404


def test_a_model_outlives_the_worker_that_loaded_it(tmp_path: Path) -> None:
    with Server(tmp_path, "alone", **MANY_MODELS) as server:
        load(server, "a", a_model(tmp_path / "a"))
        (loader,) = workers_that_hold_models(server)
        os.kill(loader, signal.SIGKILL)

        wait_until(lambda: invoke(server, "a").status == 200)
        assert names(server) == ["a"]


def test_too_little_memory_for_the_workers_is_told_at_the_start(tmp_path: Path) -> None:
    code, log = outcome(tmp_path, **MANY_MODELS, MODEL_SERVER_WORKERS="512")

    assert code == 1
    assert "which 512 workers need for themselves" in log


def test_a_model_that_is_not_loaded_is_a_404_whatever_the_size_of_the_body(server: Server) -> None:
    assert [server.send("/models/none/invoke", ROW * 2_000_000).status for _ in range(5)] == [404] * 5
