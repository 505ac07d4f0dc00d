"""What a job is, so that another run of it can go on with its work: all that decides the bytes of its model.

Knows hyperparameters, rows and libraries. Never knows files.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from fraud_detect.artifact.manifest import Labels
from fraud_detect.hosts import Hosts, documents
from fraud_detect.schema import Schema
from fraud_detect.training.checkpoints import THREADS
from fraud_detect.training.differences import COLUMNS, ROWS
from fraud_detect.training.libraries import versions
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import Parts

WITHOUT_EFFECT = ("checkpoint_rounds", "checkpoint_mismatch", "examples", "external_memory", "nthread", "report")
"""Hyperparameters that change nothing of the model; the threads in use are noted by themselves."""


def identity(
    parts: Parts,
    schema: Schema,
    labels: Labels,
    parameters: Hyperparameters,
    *,
    threads: int,
    rows: str | None = None,
) -> dict[str, Any]:
    """Return what must be the same for a job to go on, as JSON has it; `rows` identify those of several hosts."""
    kinds = {"schema": schema.model_dump(mode="json"), "labels": labels.model_dump(mode="json")}
    return {
        "hyperparameters": {name: value for name, value in parameters.by_name().items() if name not in WITHOUT_EFFECT},
        "libraries": dict(versions(parameters.algorithm)),
        COLUMNS: hashlib.sha256(json.dumps(kinds, sort_keys=True).encode()).hexdigest(),
        ROWS: rows or parts.sha256(),
        THREADS: threads,
    }


def rows_on_hosts(parts: Parts, hosts: Hosts) -> str | None:
    """Return what identifies the rows of several hosts, and which of them has which; None for one host alone."""
    if hosts.count == 1:
        return None
    return hashlib.sha256("".join(documents(hosts, parts.sha256())).encode()).hexdigest()
