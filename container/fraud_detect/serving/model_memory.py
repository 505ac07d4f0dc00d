"""How much memory models may take, what one is expected to take, and which have to go for another one.

Knows the arithmetic alone. Never knows files, processes, models.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fraud_detect.errors import OutOfMemory, SettingError
from fraud_detect.serving.registry import Entry

BYTES_PER_MB = 1 << 20
PEAK_PER_FILE_BYTE, STAY_PER_FILE_BYTE = 8, 5
"""What opening a model takes at its peak, and what stays, for each byte of its files: 5.6 to 7.6, and 2.9 to 4.8, were
measured with boosters of 50 to 2,000 trees.
"""
WORKER_MB, FRONT_MB = 100, 60
"""What a worker takes without models, with every library that one may need, and what gunicorn and nginx take: 87 and
36 MB were measured."""
SCRATCH_PER_BODY_BYTE = 8
"""What a worker takes at its peak for each byte of a request."""
MOST_SCRATCH = 0.25
"""The largest part of the memory that is kept for requests."""
REMEDY = "Use a machine or a container with more memory, fewer workers, or a smaller model."


def budget_mb(available_bytes: int, *, workers: int, max_body_mb: int) -> int:
    """Return the memory for models where `available_bytes` are free before the workers start, in MB.

    Kept aside are the workers themselves and what they need for requests of the largest size, but for the latter at
    most a quarter of all.

    Raises
    ------
    SettingError
        If nothing would be left.
    """
    scratch = min(workers * SCRATCH_PER_BODY_BYTE * max_body_mb * BYTES_PER_MB, int(available_bytes * MOST_SCRATCH))
    budget = (available_bytes - scratch) // BYTES_PER_MB - workers * WORKER_MB - FRONT_MB
    if budget < 1:
        raise SettingError(
            f"{available_bytes // BYTES_PER_MB} MB of memory are free, which {workers} workers need for themselves",
            expected=f"{FRONT_MB} MB, {WORKER_MB} MB for each worker, and more for requests and models",
            remedy="Give the container more memory, set SAGEMAKER_MODEL_SERVER_WORKERS lower, or set "
            "FRAUD_DETECT_MULTI_MODEL_MEMORY_MB.",
        )
    return budget


def peak_bytes(file_bytes: int, workers: int) -> int:
    """Return what a model of `file_bytes` may take in all workers while one of them loads it.

    The others open it later. What that takes for a moment more is within what is kept aside for their requests: a
    worker that opens a model answers none.
    """
    return (PEAK_PER_FILE_BYTE + STAY_PER_FILE_BYTE * (workers - 1)) * file_bytes


def charge_bytes(grown_bytes: int | None, file_bytes: int, workers: int) -> int:
    """Return what a model takes in all workers, after one of them has grown by `grown_bytes`.

    It is at least the size of its files; where the growth is unknown, what was expected to stay.
    """
    if grown_bytes is None:
        return STAY_PER_FILE_BYTE * file_bytes * workers
    return max(grown_bytes, file_bytes) * workers


def to_unload(loaded: Iterable[Entry], needed_bytes: int, budget_bytes: int) -> Sequence[str]:
    """Return the names of the models to unload before another one takes `needed_bytes`, least recently used first.

    Raises
    ------
    OutOfMemory
        If it would not fit even alone.
    """
    if needed_bytes > budget_bytes:
        raise OutOfMemory(
            f"The model takes {_megabytes(needed_bytes)} MB in all workers together",
            expected=f"at most {_megabytes(budget_bytes)} MB, which all models may take",
            remedy=REMEDY,
        )
    oldest_first = sorted(loaded, key=lambda model: model.used_ns)
    free = budget_bytes - sum(model.charge_bytes for model in oldest_first)
    leaving = []
    for model in oldest_first:
        if free >= needed_bytes:
            break
        leaving.append(model.name)
        free += model.charge_bytes
    return leaving


def _megabytes(number: int) -> str:
    return f"{number / BYTES_PER_MB:,.1f}"
