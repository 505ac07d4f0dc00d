"""nginx's configuration follows from the settings alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fraud_detect.serving import nginx
from fraud_detect.serving.settings import Settings

needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx")


def configuration(folder: Path = Path("/run/folder"), user: str | None = None, **overrides: object) -> str:
    settings = {"model_folder": Path("model"), "host": "10.0.0.1", "workers": 2, **overrides}
    return nginx.render(Settings.model_validate(settings), folder, user)


def test_the_port_and_the_address_are_the_settings() -> None:
    assert "listen 127.0.0.1:9000 " in configuration(host="127.0.0.1", port=9000)


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert "listen [::1]:8080 " in configuration(host="::1")


def test_the_body_limit_is_the_setting() -> None:
    assert "client_max_body_size 7m;" in configuration(max_body_mb=7)


def test_the_upstream_may_take_longer_than_a_worker_may() -> None:
    assert "proxy_read_timeout 125s;" in configuration(timeout_seconds=120)


@pytest.mark.parametrize(("workers", "processes"), [(1, 1), (4, 1), (5, 2), (16, 4)])
def test_a_few_processes_carry_many_workers(workers: int, processes: int) -> None:
    assert f"worker_processes {processes};" in configuration(workers=workers)


def test_nothing_is_written_outside_the_folder() -> None:
    text = configuration(Path("/run/folder"))
    paths = re.findall(r"(?:pid|_temp_path|server) '(?:unix:)?([^']+)'", text)

    assert len(paths) == 10
    assert all(path.startswith("/run/folder/") for path in paths)


def test_only_root_names_a_user() -> None:
    assert "user " not in configuration(user=None)
    assert configuration(user="root root").splitlines()[1] == "user root root;"


@pytest.mark.parametrize(
    ("status", "answered", "words"),
    [
        (413, 413, "larger than 25 MB"),
        (502, 503, "starting or restarting"),
        (504, 503, "starting or restarting"),
        (400, 400, "not valid HTTP"),
        (494, 431, "header is too long"),
    ],
)
def test_nginxs_own_errors_are_json(status: int, answered: int, words: str) -> None:
    text = configuration()
    location = text.partition(f"location = /nginx-error/{status} {{")[2].partition("}\n")[0]
    returned, body = re.findall(r"return (\d+) '(.*)';", location)[0]

    assert f"error_page {status} ={answered} /nginx-error/{status};" in text
    assert int(returned) == answered
    assert words in json.loads(body.replace("\\'", "'"))["error"]


def test_no_text_holds_a_sign_that_nginx_would_replace() -> None:
    texts = re.findall(r"return \d+ ('.*');", configuration())

    assert texts
    assert not any("$" in text for text in texts)


def test_a_quote_in_a_path_stays_one_word() -> None:
    assert r"pid '/run/it\'s/nginx.pid';" in configuration(Path("/run/it's"))


@needs_nginx
def test_nginx_accepts_the_configuration(tmp_path: Path) -> None:
    (tmp_path / nginx.CONFIGURATION).write_text(configuration(tmp_path, host="127.0.0.1"))
    command = nginx.command("nginx", tmp_path)

    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
