"""Put frames together into one matrix, texts as provisional codes.

Knows numpy and pandas frames. Never knows files, SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import TableError
from fraud_detect.schema import MISSING, Float32Matrix
from fraud_detect.tables.diagnosis import text_for_number
from fraud_detect.tables.files import Source
from fraud_detect.tables.labels import too_many_values
from fraud_detect.tables.matrix import empty
from fraud_detect.tables.request import Roles
from fraud_detect.tables.share import WHOLE, Share
from fraud_detect.tables.suspicion import too_distinct

if TYPE_CHECKING:
    import pandas as pd

MOST_LABELS = 1_000
MOST_CATEGORIES = 10_000  # per column while reading; beyond that it is an identifier
GROWTH = 1.5
NO_CARD = 0  # what `engine` hands out for a missing card


TooMany = Callable[[str, Sequence[str]], TableError]


@dataclass
class Vocabulary:
    """The distinct texts of one column in the order of their first appearance."""

    name: str
    most: int
    too_many: TooMany
    texts: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def encode(self, values: NDArray[np.object_]) -> NDArray[np.float32]:
        """Return the place of each text, float32, shape (n,), NaN where missing; new texts are learned."""
        import pandas as pd

        codes, uniques = pd.factorize(values)
        places = np.empty(len(uniques) + 1, dtype=np.float32)
        places[-1] = np.nan  # pandas codes a missing value as -1
        for code, text in enumerate(uniques):
            places[code] = np.nan if text in MISSING else self._place(text)
        self._check_size()
        encoded: NDArray[np.float32] = places[codes]
        return encoded

    def _place(self, text: str) -> int:
        place = self._places.setdefault(text, len(self.texts))
        if place == len(self.texts):
            self.texts.append(text)
        return place

    def _check_size(self) -> None:
        if len(self.texts) > self.most:
            raise self.too_many(self.name, self.texts)


class Assembly:
    """A matrix that grows frame by frame, in memory or in a file in the folder `scratch`.

    The features lie in `matrix`, float32, shape (n, width); a text is the place of the text in its vocabulary.
    """

    def __init__(
        self,
        roles: Roles,
        texts: frozenset[str],
        capacity: int,
        share: Share = WHOLE,
        scratch: Path | None = None,
    ) -> None:
        self.roles = roles
        too_many = partial(too_distinct, time=roles.time)
        self.vocabularies = {
            name: Vocabulary(name, MOST_CATEGORIES, too_many) for name in roles.features if name in texts
        }
        self.label_vocabulary = Vocabulary(roles.label, MOST_LABELS, too_many_values)
        self.rows = 0
        self.read_rows = 0
        self.left_out_rows = 0
        self._share = share
        self.scratch = scratch
        self._matrix = empty((share.expected(capacity), len(roles.features)), scratch)
        self._labels: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)]
        self._times: list[NDArray[np.float64]] = [np.empty(0, dtype=np.float64)]
        self._cards: list[NDArray[np.uint64]] = [np.empty(0, dtype=np.uint64)]
        self._numbers: list[NDArray[np.uint32]] = [np.empty(0, dtype=np.uint32)]
        self._origins: list[tuple[int, Source]] = []

    def begin(self, source: Source) -> None:
        """Say that the next rows come from `source`."""
        self._origins.append((self.read_rows, source))

    def read_from(self) -> list[tuple[str, int]]:
        """Return the sources' names in the order read, and how many rows were in each."""
        starts = [*(start for start, _ in self._origins), self.read_rows]
        return [(source.name, end - start) for (start, source), end in zip(self._origins, starts[1:], strict=True)]

    def locate(self, row: int) -> str:
        """Return where the row at index `row` came from, as messages name it; rows count from 1 in each source."""
        return self._locate(int(self.numbers[row]))

    def _locate(self, number: int) -> str:
        start, source = max((origin for origin in self._origins if origin[0] < number), key=lambda origin: origin[0])
        return f"{source}, row {number - start}"

    def add(self, frame: pd.DataFrame) -> None:
        """Append the rows of `frame`, whose columns are as `engine` hands them out."""
        numbers, frame = self._numbered(frame)
        self._append(numbers, frame, self._label_codes_of(frame))

    def add_labelled(self, frame: pd.DataFrame) -> None:
        """Append the rows of `frame` that have a label; nothing is learned from the others."""
        numbers, frame = self._numbered(frame)
        codes = self._label_codes_of(frame)
        missing = np.isnan(codes)
        if missing.any():
            self.left_out_rows += int(missing.sum())
            numbers, frame, codes = numbers[~missing], frame[~missing], codes[~missing]
        self._append(numbers, frame, codes)

    def _numbered(self, frame: pd.DataFrame) -> tuple[NDArray[np.uint32], pd.DataFrame]:
        """Return those rows of `frame` that are this host's, with their numbers."""
        numbers = np.arange(self.read_rows + 1, self.read_rows + len(frame) + 1, dtype=np.uint32)
        self.read_rows += len(frame)
        if not self._share.copied:
            return numbers, frame
        chosen = self._share.of_this_host(numbers)
        return numbers[chosen], frame[chosen]

    def _label_codes_of(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        return self.label_vocabulary.encode(frame["label"].to_numpy(dtype=object))

    def _append(self, numbers: NDArray[np.uint32], frame: pd.DataFrame, label_codes: NDArray[np.float32]) -> None:
        self._numbers.append(numbers)
        self._labels.append(label_codes)
        if self.roles.time is not None:
            self._times.append(frame["time"].to_numpy(dtype=np.float64, na_value=np.nan))
        if self.roles.card is not None:
            self._cards.append(frame["card"].to_numpy(dtype=np.uint64))
        part = self._space_for(len(frame))
        for place, name in enumerate(self.roles.features):
            column = frame[f"f{place}"]
            vocabulary = self.vocabularies.get(name)
            with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused below
                part[:, place] = (
                    column.to_numpy() if vocabulary is None else vocabulary.encode(column.to_numpy(dtype=object))
                )
        self._refuse_infinite(part, numbers)
        self.rows += len(frame)

    def _refuse_infinite(self, part: Float32Matrix, numbers: NDArray[np.uint32]) -> None:
        infinite = np.isinf(part)
        if infinite.any():
            row, place = (int(index) for index in np.argwhere(infinite)[0])
            raise text_for_number(self._locate(int(numbers[row])), self.roles.features[place], str(part[row, place]))

    def _space_for(self, count: int) -> Float32Matrix:
        needed = self.rows + count
        if needed > len(self._matrix):
            larger = empty((int(needed * GROWTH), self._matrix.shape[1]), self.scratch)
            larger[: self.rows] = self._matrix[: self.rows]
            self._matrix = larger
        return self._matrix[self.rows : needed]

    @property
    def matrix(self) -> Float32Matrix:
        """The features so far, float32, shape (n, width)."""
        return self._matrix[: self.rows]

    @property
    def label_codes(self) -> NDArray[np.float32]:
        """Places in `label_vocabulary`, float32, shape (n,), NaN where the label is missing."""
        return np.concatenate(self._labels)

    @property
    def times(self) -> NDArray[np.float64] | None:
        """Seconds, float64, shape (n,), NaN where missing, or None without a time column."""
        return np.concatenate(self._times) if self.roles.time is not None else None

    @property
    def cards(self) -> NDArray[np.uint64] | None:
        """One number per card, uint64, shape (n,), `NO_CARD` where missing, or None without a card column."""
        return np.concatenate(self._cards) if self.roles.card is not None else None

    @property
    def numbers(self) -> NDArray[np.uint32]:
        """Number of each row among all that were read, from 1, uint32, shape (n,)."""
        return np.concatenate(self._numbers)
