"""What can be set about a server: names, ranges, defaults and the environment variables that set it.

Knows the variables' names. Never knows the environment itself: that comes as a mapping.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from fraud_detect.codecs.table import WRITERS, writer_of
from fraud_detect.errors import NotAcceptable, SettingError
from fraud_detect.log import LEVELS
from fraud_detect.serving.outputs import DEFAULT_OUTPUTS, OUTPUTS

GRACE_SECONDS = 25
"""From SIGTERM to the end of every process; SageMaker and `docker stop -t 30` kill after 30."""
DRAIN_SECONDS = GRACE_SECONDS - 1
"""How long requests may take to finish after SIGTERM."""
LARGEST_BODY_MB = 1024
"""SageMaker's limit for asynchronous requests, the largest of all."""


def _level_name(value: object) -> object:
    """Return the name of a level; SageMaker writes Python's number, such as 20."""
    text = str(value).strip().upper()
    name = logging.getLevelName(int(text)) if text.isdigit() else text
    if name not in LEVELS:
        raise ValueError(value)
    return name


def _keys(value: object) -> object:
    """Return the keys of a comma-separated list, each one once."""
    if not isinstance(value, str):
        return value
    keys = tuple(dict.fromkeys(key.strip() for key in value.split(",") if key.strip()))
    if not keys or not set(keys) <= set(OUTPUTS):
        raise ValueError(value)
    return keys


def _acceptable(value: str) -> str:
    try:
        writer_of(value, "")
    except NotAcceptable:
        raise ValueError(value) from None
    return value


def _strategy(value: object) -> object:
    """Return the name that `/execution-parameters` uses; local mode writes `MultiRecord`."""
    return {"multirecord": "MULTI_RECORD", "singlerecord": "SINGLE_RECORD"}.get(
        str(value).replace("_", "").lower(), value
    )


def _megabytes(value: object) -> object:
    return LARGEST_BODY_MB if str(value).strip() == "0" else value


def _setting(default: Any, variables: Sequence[str], expectation: str, meaning: str, **bounds: Any) -> Any:
    """Declare a setting that the first of `variables` that is not empty sets."""
    told: JsonDict = {"variables": list(variables), "meaning": meaning}
    return Field(default=default, description=expectation, json_schema_extra=told, **bounds)


class Settings(BaseModel):
    """A server's settings, read once. The descriptions say what a value may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_folder: Path = Field(description="a folder")
    host: str = Field(description="an address of this machine")
    port: int = _setting(
        8080, ["SAGEMAKER_BIND_TO_PORT"], "an integer from 1 to 65535", "Port to listen on.", ge=1, le=65535
    )
    workers: int = _setting(
        1,
        ["SAGEMAKER_MODEL_SERVER_WORKERS", "MODEL_SERVER_WORKERS"],
        "an integer from 1 to 512",
        "Worker processes, each of one thread. By default one for each CPU that the control group allows.",
        ge=1,
        le=512,
    )
    timeout_seconds: int = _setting(
        60,
        ["SAGEMAKER_MODEL_SERVER_TIMEOUT", "MODEL_SERVER_TIMEOUT"],
        "an integer from 1 to 3600",
        "Seconds a worker may take for one request, before it is ended and the request answered 503. Behind nginx.",
        ge=1,
        le=3600,
    )
    max_body_mb: Annotated[int, BeforeValidator(_megabytes)] = _setting(
        25,
        ["SAGEMAKER_MAX_PAYLOAD_IN_MB"],
        f"an integer from 1 to {LARGEST_BODY_MB}",
        f"The largest body, in units of 1,048,576 bytes; a larger one is answered 413. 0 stands for {LARGEST_BODY_MB}.",
        ge=1,
        le=LARGEST_BODY_MB,
    )
    waiting_per_worker: int = _setting(
        64,
        ["FRAUD_DETECT_WAITING_PER_WORKER"],
        "an integer from 1 to 1000",
        "Requests a worker that may wait or be answered at a time; one more is answered 503 at once. Behind nginx.",
        ge=1,
        le=1000,
    )
    outputs: Annotated[tuple[str, ...], BeforeValidator(_keys)] = _setting(
        DEFAULT_OUTPUTS,
        ["SAGEMAKER_INFERENCE_OUTPUT"],
        f"keys of {', '.join(OUTPUTS)}, separated by commas",
        "What an answer says of each row, in this order; `reasons` comes as four columns.",
    )
    default_accept: Annotated[str, AfterValidator(_acceptable)] = _setting(
        "",
        ["SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"],
        f"a media type of {', '.join(WRITERS)}",
        "The type of answers to requests without Accept; by default that of the request.",
    )
    reasons: int = _setting(
        5,
        ["FRAUD_DETECT_REASONS"],
        "an integer from 1 to 1000",
        "Contributions given for each row where `reasons` is among the outputs.",
        ge=1,
        le=1000,
    )
    max_explained_rows: int = _setting(
        10_000,
        ["FRAUD_DETECT_MAX_EXPLAINED_ROWS"],
        "an integer from 1 to 1000000",
        "Rows of a request that may be explained; explaining takes some hundred times as long as scoring.",
        ge=1,
        le=1_000_000,
    )
    batch: bool = _setting(
        False,
        ["SAGEMAKER_BATCH"],
        "true or false",
        "Whether this is a batch transform: every answer then ends with a line end.",
    )
    error_rows: bool = _setting(
        False,
        ["FRAUD_DETECT_ERROR_ROWS"],
        "true or false",
        "Whether a batch transform of CSV or JSON Lines answers a row that does not fit by an `ERROR` row, not a 400.",
    )
    batch_strategy: Annotated[Literal["MULTI_RECORD", "SINGLE_RECORD"], BeforeValidator(_strategy)] = _setting(
        "MULTI_RECORD",
        ["SAGEMAKER_BATCH_STRATEGY"],
        "MultiRecord or SingleRecord",
        "What `/execution-parameters` says of batches; it asks for bodies of 6 MB at most.",
    )
    max_concurrent_transforms: int = _setting(
        0,
        ["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"],
        "an integer from 0 to 512",
        "What `/execution-parameters` says of requests at once; 0 for as many as workers, within 100 MB in all.",
        ge=0,
        le=512,
    )
    multi_model: bool = _setting(
        False,
        ["SAGEMAKER_MULTI_MODEL"],
        "true or false",
        "Whether models are loaded and unloaded through `/models`, instead of one from the model folder.",
    )
    multi_model_memory_mb: int = _setting(
        0,
        ["FRAUD_DETECT_MULTI_MODEL_MEMORY_MB"],
        "an integer from 0 to 10000000",
        "Memory for all models in all workers together; 0 for what the control group, or the machine, has left.",
        ge=0,
        le=10_000_000,
    )
    log_level: Annotated[str, BeforeValidator(_level_name)] = _setting(
        "INFO",
        ["SAGEMAKER_CONTAINER_LOG_LEVEL"],
        f"one of {', '.join(LEVELS)}, or 10, 20, 30, 40",
        "The least level of lines that are logged; requests are logged at INFO.",
    )
    log_format: Literal["json", "text"] = _setting(
        "json",
        ["FRAUD_DETECT_LOG_FORMAT"],
        "json or text",
        "How log lines are written: an object a line, or for people.",
    )


def variables_of(name: str) -> Sequence[str]:
    """Return the environment variables of the setting `name`; the first one that is set wins."""
    extra = Settings.model_fields[name].json_schema_extra
    variables: Sequence[str] = extra["variables"] if isinstance(extra, dict) else ()  # type: ignore[assignment]
    return variables


def read_settings(environment: Mapping[str, str], given: Mapping[str, object], *, cpus: int) -> Settings:
    """Return the settings of a server: those in `given`, then those of `environment`, then the defaults.

    One worker for each of `cpus` is the default: a worker scores in one thread. Empty variables count as absent.

    Raises
    ------
    SettingError
        Naming everything that is wrong.
    """
    found = {name: variable for name in Settings.model_fields if (variable := _first_set(name, environment))}
    values = {"workers": cpus, **{name: environment[variable].strip() for name, variable in found.items()}, **given}
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
    return next((variable for variable in variables_of(name) if environment.get(variable, "").strip()), None)


def as_markdown() -> str:
    """Return the reference page of the variables."""
    rows = [
        f"| {' | '.join(_cells(name, field))} |" for name, field in Settings.model_fields.items() if variables_of(name)
    ]
    head = ["# Settings of `serve`", "", "Made by `fraud-detect settings`. An empty variable counts as absent.", ""]
    return "\n".join([*head, "| variable | may be | default | meaning |", "|---|---|---|---|", *rows]) + "\n"


def _cells(name: str, field: FieldInfo) -> Sequence[str]:
    default = "CPUs" if name == "workers" else _shown(field.default)
    extra = field.json_schema_extra
    meaning = str(extra["meaning"]) if isinstance(extra, dict) else ""
    return ", ".join(f"`{variable}`" for variable in variables_of(name)), field.description or "", default, meaning


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return ",".join(default) if isinstance(default, tuple) else str(default)
