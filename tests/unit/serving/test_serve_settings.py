"""Settings come from the command line, then the environment, then defaults; every fault is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraud_detect.errors import SettingError
from fraud_detect.serving.settings import Settings, read_settings


def settings(environment: dict[str, str] | None = None, **given: object) -> Settings:
    return read_settings(environment or {}, {"model_folder": Path("model"), "host": "127.0.0.1", **given}, cpus=3)


def test_defaults_fit_sagemaker() -> None:
    chosen = settings()

    assert (chosen.port, chosen.timeout_seconds, chosen.max_body_mb, chosen.log_level) == (8080, 60, 25, "INFO")


def test_there_is_one_worker_for_each_cpu() -> None:
    assert settings().workers == 3


@pytest.mark.parametrize(
    ("variable", "name", "text", "value"),
    [
        ("SAGEMAKER_BIND_TO_PORT", "port", "9000", 9000),
        ("MODEL_SERVER_WORKERS", "workers", "5", 5),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "workers", "6", 6),
        ("MODEL_SERVER_TIMEOUT", "timeout_seconds", "30", 30),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "timeout_seconds", "120", 120),
        ("SAGEMAKER_MAX_PAYLOAD_IN_MB", "max_body_mb", "100", 100),
        ("SAGEMAKER_CONTAINER_LOG_LEVEL", "log_level", "debug", "DEBUG"),
        ("SAGEMAKER_CONTAINER_LOG_LEVEL", "log_level", "20", "INFO"),
    ],
)
def test_an_environment_variable_sets_its_setting(variable: str, name: str, text: str, value: object) -> None:
    assert getattr(settings({variable: text}), name) == value


def test_an_empty_variable_counts_as_absent() -> None:
    assert settings({"MODEL_SERVER_WORKERS": ""}).workers == 3


def test_sagemakers_own_variable_wins_over_the_common_one() -> None:
    assert settings({"MODEL_SERVER_WORKERS": "5", "SAGEMAKER_MODEL_SERVER_WORKERS": "6"}).workers == 6


def test_the_command_line_wins_over_the_environment() -> None:
    assert settings({"SAGEMAKER_BIND_TO_PORT": "9000"}, port=9001).port == 9001


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("SAGEMAKER_BIND_TO_PORT", "http", "an integer from 1 to 65535"),
        ("SAGEMAKER_BIND_TO_PORT", "65536", "an integer from 1 to 65535"),
        ("MODEL_SERVER_WORKERS", "0", "an integer from 1 to 512"),
        ("MODEL_SERVER_TIMEOUT", "1.5", "an integer from 1 to 3600"),
        ("SAGEMAKER_MAX_PAYLOAD_IN_MB", "-1", "an integer from 1 to 1024"),
        ("SAGEMAKER_CONTAINER_LOG_LEVEL", "loud", "one of DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_a_bad_value_is_refused_by_the_variables_name(variable: str, text: str, expected: str) -> None:
    with pytest.raises(SettingError) as caught:
        settings({variable: text})

    assert caught.value.got == f"{variable} is '{text}'"
    assert expected in caught.value.expected


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SettingError) as caught:
        settings({"MODEL_SERVER_WORKERS": "many", "MODEL_SERVER_TIMEOUT": "long"}, port=0)

    assert caught.value.got == "port is '0'; MODEL_SERVER_WORKERS is 'many'; MODEL_SERVER_TIMEOUT is 'long'"


def test_settings_survive_the_way_to_the_server_process() -> None:
    chosen = settings(log_level="10")

    assert Settings.model_validate_json(chosen.model_dump_json()) == chosen
