"""Rows as XGBoost takes them: by histogram bins, whose cuts are taken where frauds are.

Knows XGBoost's matrices. Never knows files, how trees are grown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.estimators.family import Block, FitSettings
from fraud_detect.estimators.xgboost_collective import on_one_host
from fraud_detect.hosts import in_order, order, own
from fraud_detect.schema import Float32Matrix

TRAIN, VALIDATION = "train", "validation"
ROWS_OF_A_PIECE = 500_000
"""Rows whose bins are read from disk at once."""
LEGITIMATE_PER_FRAUD = 10
FEWEST_LEGITIMATE, MOST_FRAUDS = 10_000, 100_000
"""Histogram cuts are taken from the frauds and this many legitimate rows a fraud, so that bins are narrow where frauds
are. docs/decisions/0006 has the measurements."""


def matrices(training: Sequence[Block], validation: Block, settings: FitSettings, max_bin: int) -> tuple[Any, Any]:
    """Return XGBoost's matrices of the rows to fit on and of those to validate on, with `max_bin` bins a column."""
    make = _in_memory if settings.scratch is None else _from_disk
    train = make(training, settings, max_bin, _cuts((*training, validation), settings, max_bin), TRAIN)
    return train, make([validation], settings, max_bin, train, VALIDATION)


def _in_memory(blocks: Sequence[Block], settings: FitSettings, max_bin: int, ref: Any, _name: str) -> Any:
    import xgboost

    rows = _stream(blocks, _types(settings))
    return xgboost.QuantileDMatrix(rows, ref=ref, max_bin=max_bin, nthread=settings.threads)


def _from_disk(blocks: Sequence[Block], settings: FitSettings, max_bin: int, ref: Any, name: str) -> Any:
    """Return a matrix whose bins lie in a file: https://xgboost.readthedocs.io/en/stable/tutorials/external_memory.html."""
    import xgboost

    rows = _stream(list(_pieces(blocks)), _types(settings), f"{settings.scratch}/{name}")
    categorical = any(settings.categories)
    return xgboost.ExtMemQuantileDMatrix(
        rows, ref=ref, max_bin=max_bin, nthread=settings.threads, enable_categorical=categorical
    )


def _pieces(blocks: Sequence[Block]) -> Iterator[Block]:
    for block in blocks:
        for start in range(0, len(block.labels), ROWS_OF_A_PIECE):
            place = slice(start, start + ROWS_OF_A_PIECE)
            yield Block(block.features[place], block.labels[place])


def _cuts(blocks: Sequence[Block], settings: FitSettings, max_bin: int) -> Any:
    """Return a matrix of the first block's frauds and some legitimate rows, from which histogram cuts are taken.

    Several hosts take them from the same rows as one would, each by itself.
    """
    import xgboost

    features, labels = _sample(blocks[0], settings)
    highest = _highest_codes(blocks, settings)

    def made() -> Any:
        with xgboost.config_context(verbosity=0):  # which is a thread's own
            return xgboost.QuantileDMatrix(
                np.vstack((features, highest)),
                label=np.append(labels, 0),
                max_bin=max_bin,
                feature_types=_types(settings),
                nthread=settings.threads,
            )

    return made() if settings.hosts.count == 1 else on_one_host(made)


def _sample(real: Block, settings: FitSettings) -> tuple[Float32Matrix, NDArray[np.uint8]]:
    """Return the features and labels of the frauds of all hosts and of some legitimate rows, in the rows' order."""
    hosts, rng = settings.hosts, np.random.default_rng(settings.seed)
    (labels,) = in_order(hosts, real.numbers, real.labels)
    frauds = _drawn(np.flatnonzero(labels), MOST_FRAUDS, rng)
    wanted = max(FEWEST_LEGITIMATE, LEGITIMATE_PER_FRAUD * len(frauds))
    rows = np.sort(np.concatenate((frauds, _drawn(np.flatnonzero(labels == 0), wanted, rng))))
    if hosts.count == 1:
        return real.features[rows], real.labels[rows]
    chosen = own(hosts, order(hosts, real.numbers)[rows], len(real.labels))
    numbers = None if real.numbers is None else real.numbers[chosen]
    features, labels = in_order(hosts, numbers, real.features[chosen], real.labels[chosen])
    return features, labels


def _types(settings: FitSettings) -> list[str]:
    return ["c" if categories else "float" for categories in settings.categories]


def _highest_codes(blocks: Sequence[Block], settings: FitSettings) -> Float32Matrix:
    """Return one row with the highest code of each category column: XGBoost knows codes up to the highest it sees."""
    row = np.full((1, len(settings.categories)), np.nan, dtype=np.float32)
    for place in np.flatnonzero(settings.categories):
        row[0, place] = max(np.nanmax(block.features[:, place], initial=0) for block in blocks)
    highest: Float32Matrix = np.fmax.reduce(settings.hosts.gather(row), axis=0, keepdims=True)
    return highest


def _drawn(indices: NDArray[np.intp], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    return indices if len(indices) <= most else rng.choice(indices, most, replace=False)


def _stream(blocks: Sequence[Block], types: Sequence[str], cache: str | None = None) -> Any:
    """Return the blocks as XGBoost takes data in parts, so that they need not be copied into one matrix.

    `cache`: what the names of files begin with that XGBoost keeps its bins in, if not in memory.
    """
    import xgboost

    class Stream(xgboost.DataIter):
        def __init__(self) -> None:
            self._left = list(blocks)
            super().__init__(cache_prefix=cache, on_host=cache is None)

        def next(self, input_data: Callable[..., None]) -> bool:
            if not self._left:
                return False
            block = self._left.pop(0)
            input_data(data=block.features, label=block.labels, feature_types=list(types))
            return True

        def reset(self) -> None:
            self._left = list(blocks)

    return Stream()
