"""What every family of models gives.

Knows shapes and how hyperparameters are declared. Never knows any library of models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fraud_detect.hosts import ALONE, Hosts
from fraud_detect.schema import Float32Matrix


@dataclass(frozen=True)
class Block:
    """Some rows: features, float32, shape (n, width), NaN where missing; labels, uint8, shape (n,), 1 = fraud.

    `numbers` order the rows over several hosts, integers, shape (n,); one host does without.
    """

    features: Float32Matrix
    labels: NDArray[np.uint8]
    numbers: NDArray[np.integer] | None = None


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
class Snapshot:
    """A fit after some of its rounds: what each of them came to, and the booster in its library's own format.

    If it `is_last`, the fit has come to its end, and the booster has just the rounds that the model keeps.
    """

    rounds: Sequence[Round]
    booster: bytes
    is_last: bool = False


@dataclass(frozen=True)
class Snapshots:
    """Where a fit begins, and what it keeps so that another one can go on from there.

    `keep` gets a snapshot every `every` rounds, where a stop ends the fit, and at its end; none if `every` is 0.
    """

    begin: Snapshot | None = None
    every: int = 0
    keep: Callable[[Snapshot], None] = lambda _: None

    @property
    def booster(self) -> bytes | None:
        """What to go on from, if anything."""
        return None if self.begin is None else self.begin.booster

    @property
    def model(self) -> bytes | None:
        """What a fit has come to that is at its end already."""
        return self.begin.booster if self.begin and self.begin.is_last else None


class FamilyParameters(BaseModel):
    """The hyperparameters of one family, whose name is `algorithm`: a declared table, as `Hyperparameters` is."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)
    algorithm: str

    @property
    def most_rounds(self) -> int:
        """Rounds that a fit tells of at most."""
        return 1

    @property
    def fits_from_disk(self) -> bool:
        """Whether rows that do not fit in memory can be fitted on."""
        return False

    @property
    def can_go_on(self) -> bool:
        """Whether a fit can go on from a `Snapshot`, to the very model that it would have come to uninterrupted."""
        return False


@dataclass(frozen=True)
class FitSettings:
    """How to fit.

    `measure` judges each round, as average precision. `parameters` are the family's own. `categories` is the number of
    categories of each column that holds codes of them, 0 for all other columns; shape (width,). A fraud counts as
    `fraud_weight` legitimate rows. With `rounds` the fit goes on for just as many, whatever the parameters say.
    Families that can go on heed `snapshots`. Of several `hosts`, each has a part of the rows, and `measure` is that of
    all. With `scratch`, a folder for files that go away with the fit, the rows need not fit in memory, if the family
    can do that.
    """

    parameters: FamilyParameters
    measure: Measure
    categories: Sequence[int]
    seed: int
    threads: int
    fraud_weight: float = 1.0
    rounds: int | None = None
    hooks: Hooks = field(default_factory=Hooks)
    snapshots: Snapshots = field(default_factory=Snapshots)
    hosts: Hosts = ALONE
    scratch: Path | None = None


Own = TypeVar("Own", bound=FamilyParameters)


def parameters_of(settings: FitSettings, kind: type[Own]) -> Own:
    """Return the parameters of `settings`. Raises `TypeError` if they are not of the family's own `kind`."""
    if not isinstance(settings.parameters, kind):
        raise TypeError(f"parameters of {settings.parameters.algorithm}, expected {kind.__name__}")
    return settings.parameters


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
        """Return the model as an ONNX graph from `features` to `score` and `raw_score`, as FORMAT.md has it."""
        ...

    def native_files(self) -> Mapping[str, bytes]:
        """Return what the artifact holds beside the graph, by file name.

        That is the model in its library's own format, or the graph that explains it, or nothing.
        """
        ...


Fit = Callable[[Sequence[Block], Block, FitSettings], Fitted]
"""Fit on the training blocks, of which the first holds the real rows; stop early by the validation block."""


@dataclass(frozen=True)
class Family:
    """A family of models: its hyperparameters and how it is fitted.

    `learns_labels` says whether it tells frauds from legitimate rows, or knows legitimate rows alone and finds what is
    unlike them; `takes_weights`, whether it can let a fraud count more than a legitimate row; `gives_probabilities`,
    whether its scores are meant as probabilities of fraud among the rows that it was fitted on; `on_many_hosts`,
    whether several hosts can fit one together.
    """

    parameters: type[FamilyParameters]
    fit: Fit
    learns_labels: bool = True
    takes_weights: bool = True
    gives_probabilities: bool = True
    on_many_hosts: bool = False
