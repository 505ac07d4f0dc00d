"""gunicorn's configuration follows from the settings alone, in each of two modes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraud_detect.serving.gunicorn import MODES, configuration, environment
from fraud_detect.serving.server import Server
from fraud_detect.serving.settings import Settings

FOLDER = Path("/run/folder")


def options(mode: str, **overrides: object) -> dict[str, object]:
    settings = {"model_folder": Path("model"), "host": "127.0.0.1", "workers": 3, **overrides}
    return dict(configuration(Settings.model_validate(settings), FOLDER, mode))


def test_behind_nginx_it_listens_on_a_socket_in_the_folder() -> None:
    assert options("behind-nginx")["bind"][0] == "unix:/run/folder/gunicorn.sock"


def test_alone_it_listens_on_the_port_with_several_threads() -> None:
    chosen = options("alone", port=9000)

    assert chosen["bind"] == "127.0.0.1:9000"
    assert str(chosen["worker_class"]).endswith("ThreadWorker")
    assert chosen["threads"] > 1


def test_alone_an_ipv6_address_stands_in_brackets() -> None:
    assert options("alone", host="::1")["bind"] == "[::1]:8080"


@pytest.mark.parametrize("mode", MODES)
def test_gunicorn_knows_every_option(mode: str) -> None:
    settings = Settings(model_folder=Path("model"), host="127.0.0.1", workers=3, timeout_seconds=9)
    chosen = Server(settings, FOLDER, mode).cfg

    assert (chosen.workers, chosen.timeout, chosen.preload_app) == (3, 9, False)
    assert chosen.control_socket_disable


def test_a_worker_has_one_thread_for_numerics() -> None:
    assert environment({"OMP_NUM_THREADS": "8", "HOME": "/"}, FOLDER)["OMP_NUM_THREADS"] == "1"
    assert environment({"HOME": "/"}, FOLDER)["HOME"] == "/"
