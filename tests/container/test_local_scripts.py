"""The scripts in local_test/, in a copy of that folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import REPOSITORY, docker, wait_until

from running_server import a_free_port

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def folder(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a copy of local_test/ in which train_local.sh has run."""
    copy = tmp_path_factory.mktemp("copy") / "local_test"
    ignored = shutil.ignore_patterns("model", "output", "checkpoints", "console")
    shutil.copytree(REPOSITORY / "local_test", copy, ignore=ignored)
    subprocess.run([copy / "train_local.sh", image], check=True, capture_output=True)
    yield copy
    docker("run", "--rm", "--volume", f"{copy}:/delete", image, "chmod", "-R", "777", "/delete")


@pytest.fixture(scope="module")
def port(image: str, folder: Path) -> Iterator[str]:
    """Return the port on which serve_local.sh serves."""
    free = str(a_free_port())
    server = subprocess.Popen([folder / "serve_local.sh", image], env={**os.environ, "PORT": free})
    wait_until(lambda: predict(folder, free, "payload.csv").returncode == 0, "an answer", seconds=30)
    yield free
    server.terminate()
    assert server.wait(timeout=30) == 0


def predict(folder: Path, port: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "predict.sh", *arguments],
        cwd=folder,
        env={**os.environ, "PORT": port, **environment},
        check=False,
        capture_output=True,
        text=True,
    )


def test_model_can_be_deleted_by_the_caller(folder: Path) -> None:
    written = list((folder / "test_dir/model").iterdir())

    assert {path.stat().st_uid for path in written} == {os.geteuid()}


@pytest.mark.parametrize("payload", ["payload.csv", "payload_with_header.csv", "payload.jsonl"])
def test_payload_gets_a_line_for_each_row(folder: Path, port: str, payload: str) -> None:
    done = predict(folder, port, payload)

    assert (done.returncode, len(done.stdout.splitlines())) == (0, 4), done.stderr


@pytest.mark.parametrize("payload", ["payload.json", "payload_records.json"])
def test_json_payload_gets_json(folder: Path, port: str, payload: str) -> None:
    assert predict(folder, port, payload).stdout.count('"probability"') == 4


def test_type_and_accept_can_be_given(folder: Path, port: str) -> None:
    (folder / "rows.txt").write_bytes((folder / "payload.csv").read_bytes())

    done = predict(folder, port, "rows.txt", "text/csv", ACCEPT="application/json")

    assert done.stdout.startswith('{"predictions"')


def test_refused_payload_is_a_failure_that_shows_the_answer(folder: Path, port: str) -> None:
    (folder / "narrow.csv").write_text("1,2,3\n")

    done = predict(folder, port, "narrow.csv")

    assert done.returncode != 0
    assert '"expected"' in done.stdout


def test_unknown_extension_asks_for_the_type(folder: Path) -> None:
    (folder / "rows.dat").touch()

    done = predict(folder, "1", "rows.dat")

    assert done.returncode == 1
    assert "Give the media type" in done.stderr


@pytest.mark.parametrize("script", ["serve_local.sh", "console_local.sh"])
def test_starting_without_a_model_says_what_to_run_first(image: str, tmp_path: Path, script: str) -> None:
    shutil.copy(REPOSITORY / "local_test" / script, tmp_path)

    done = subprocess.run([tmp_path / script, image], check=False, capture_output=True, text=True)

    assert done.returncode == 1
    assert "expected one from local_test/train_local.sh" in done.stderr


def test_console_makes_an_account_once_and_listens(image: str, folder: Path) -> None:
    first, again = (console_until_it_answers(folder, image) for _ in range(2))

    assert len(re.findall(r"^Log in as admin with the password [0-9a-f]{24}$", first, re.MULTILINE)) == 1
    assert "Log in as" not in again


def console_until_it_answers(folder: Path, image: str) -> str:
    """Return what console_local.sh printed until it answered and was told to stop."""
    port = a_free_port()
    environment = {**os.environ, "PORT": str(port)}
    console = subprocess.Popen(
        [folder / "console_local.sh", image], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: console.poll() is not None or answers(port), "the console")
    finally:
        console.terminate()
        said, log = console.communicate(timeout=30)
    assert console.returncode == 0, log
    return said


def answers(port: int) -> bool:
    try:
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5).status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("script", ["train_local.sh", "serve_local.sh", "predict.sh", "console_local.sh"])
def test_script_without_arguments_says_how_to_use_it(script: str) -> None:
    done = subprocess.run([REPOSITORY / "local_test" / script], check=False, capture_output=True, text=True)

    assert done.returncode == 1
    assert done.stderr.startswith("usage: ")
