"""What can be set about a server: names, ranges, defaults and the environment variables that set it.

Knows the variables' names. Never knows the environment itself: that comes as a mapping.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from fraud_detect.errors import SettingError
from fraud_detect.log import LEVELS

GRACE_SECONDS = 25
"""From SIGTERM to the end of every process; SageMaker and `docker stop -t 30` kill after 30."""
DRAIN_SECONDS = GRACE_SECONDS - 1
"""How long requests may take to finish after SIGTERM."""

VARIABLES: Mapping[str, Sequence[str]] = {
    "port": ("SAGEMAKER_BIND_TO_PORT",),
    "workers": ("SAGEMAKER_MODEL_SERVER_WORKERS", "MODEL_SERVER_WORKERS"),
    "timeout_seconds": ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "MODEL_SERVER_TIMEOUT"),
    "max_body_mb": ("SAGEMAKER_MAX_PAYLOAD_IN_MB",),
    "log_level": ("SAGEMAKER_CONTAINER_LOG_LEVEL",),
}
"""The environment variables of each setting; the first one that is set wins."""


def _level_name(value: object) -> object:
    """Return the name of a level; SageMaker writes Python's number, such as 20."""
    text = str(value).strip().upper()
    name = logging.getLevelName(int(text)) if text.isdigit() else text
    if name not in LEVELS:
        raise ValueError(value)
    return name


class Settings(BaseModel):
    """A server's settings, read once. The descriptions say what a value may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_folder: Path = Field(description="a folder")
    host: str = Field(description="an address of this machine")
    port: int = Field(default=8080, ge=1, le=65535, description="an integer from 1 to 65535")
    workers: int = Field(ge=1, le=512, description="an integer from 1 to 512")
    timeout_seconds: int = Field(default=60, ge=1, le=3600, description="an integer from 1 to 3600")
    max_body_mb: int = Field(default=25, ge=1, le=1024, description="an integer from 1 to 1024")
    log_level: Annotated[str, BeforeValidator(_level_name)] = Field(
        default="INFO", description=f"one of {', '.join(LEVELS)}, or 10, 20, 30, 40"
    )


def read_settings(environment: Mapping[str, str], given: Mapping[str, object], *, cpus: int) -> Settings:
    """Return the settings of a server: those in `given`, then those of `environment`, then the defaults.

    One worker for each of `cpus` is the default: a worker scores in one thread. Empty variables count as absent.

    Raises
    ------
    SettingError
        Naming everything that is wrong.
    """
    found = {name: variable for name in VARIABLES if (variable := _first_set(name, environment))}
    values = {"workers": cpus, **{name: environment[variable] for name, variable in found.items()}, **given}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        wrong = [str(fault["loc"][0]) for fault in error.errors()]
        sources = {name: found[name] if name in found and name not in given else name for name in wrong}
        raise SettingError(
            "; ".join(f"{sources[name]} is '{values[name]}'" for name in wrong),
            expected="; ".join(f"{Settings.model_fields[name].description} for {sources[name]}" for name in wrong),
            remedy="Correct the value, or leave it unset for the default.",
        ) from None


def _first_set(name: str, environment: Mapping[str, str]) -> str | None:
    return next((variable for variable in VARIABLES[name] if environment.get(variable, "").strip()), None)
