"""What every family of models gives.

Knows shapes only. Never knows any library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fraud_detect.schema import Float32Matrix


@dataclass(frozen=True)
class Block:
    """Some rows: features, float32, shape (n, width), NaN where missing; labels, uint8, shape (n,), 1 = fraud."""

    features: Float32Matrix
    labels: NDArray[np.uint8]


@dataclass(frozen=True)
class Round:
    """What one round of boosting came to; average precision is of uncalibrated scores on rows no resampler made."""

    number: int
    train_average_precision: float
    validation_average_precision: float


Measure = Callable[[NDArray[np.uint8], NDArray[np.floating]], float]
"""A ranking metric of labels, shape (n,), and scores, shape (n,); more is better."""


@dataclass(frozen=True)
class Hooks:
    """What a fit tells and asks meanwhile."""

    on_round: Callable[[Round], None] = lambda _: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class FitSettings:
    """How to fit.

    `measure` judges each round, as average precision. `parameters` are the family's own. `categorical` says which
    columns hold codes of categories, shape (width,).
    """

    rounds: int
    early_stopping_rounds: int
    measure: Measure
    parameters: Mapping[str, float | int | str]
    categorical: Sequence[bool]
    seed: int
    threads: int
    hooks: Hooks = field(default_factory=Hooks)


class Fitted(Protocol):
    """A fitted model."""

    @property
    def rounds(self) -> int:
        """Rounds that the model keeps."""
        ...

    def scores(self, features: Float32Matrix) -> NDArray[np.float64]:
        """Return uncalibrated scores in [0, 1], float64, shape (n,), for `features`, float32, shape (n, width)."""
        ...

    def to_onnx(self) -> bytes:
        """Return the model as an ONNX graph from `features` to `score`, as FORMAT.md has it."""
        ...

    def native_files(self) -> Mapping[str, bytes]:
        """Return the model in its library's own format, by file name."""
        ...


Fit = Callable[[Sequence[Block], Block, FitSettings], Fitted]
"""Fit on the training blocks, of which the first holds the real rows; stop early by the validation block."""
