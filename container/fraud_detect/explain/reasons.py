"""The reasons of each row: its largest contributions, with the feature's name, its value and what it is called.

Knows the schema and reason codes. Never knows where contributions come from, HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fraud_detect.schema import Column, ColumnKind, Float32Matrix, Float64Matrix, Schema

Contribute = Callable[[Float32Matrix], Float64Matrix]
"""From rows, float32, shape (n, width), to contributions, float64, shape (n, width + 1), base value last; log-odds."""

RAISES, LOWERS = "raises", "lowers"


class Explainer:
    """Contributions turned into columns of an answer. All are in log-odds of the uncalibrated score."""

    def __init__(self, contribute: Contribute, schema: Schema, codes: Mapping[str, str]) -> None:
        self._contribute = contribute
        self._schema = schema
        self._texts = [{"text": codes[name]} if name in codes else {} for name in schema.names]
        self._readers = [_READERS[column.kind](column) for column in schema.columns]

    def columns(self, matrix: Float32Matrix, top: int) -> Mapping[str, Sequence[object]]:
        """Return the answer's columns, a value for each row of `matrix`, float32, shape (n, width).

        `raw_score`: log-odds. `base_value`: the same without any feature. `reasons`: at most `top` objects, the
        largest contribution either way first, the earlier feature first among equals, zeros left out.
        `other_contributions`: the sum of those not shown, so that base value, shown and others sum to `raw_score`.
        """
        contributions = self._contribute(matrix)
        of_features, base = contributions[:, :-1], contributions[:, -1]
        places = np.argsort(-np.abs(of_features), axis=1, kind="stable")[:, :top]
        shown = np.take_along_axis(of_features, places, axis=1)
        others = of_features.copy()
        np.put_along_axis(others, places, 0.0, axis=1)
        return {
            "raw_score": contributions.sum(axis=1).tolist(),
            "base_value": base.tolist(),
            "other_contributions": others.sum(axis=1).tolist(),
            "reasons": self._reasons(places, shown, np.take_along_axis(matrix, places, axis=1)),
        }

    def _reasons(
        self, places: NDArray[np.intp], shown: Float64Matrix, cells: Float32Matrix
    ) -> list[list[Mapping[str, object]]]:
        """Return the reasons of each row: `places`, contributions and cells of features, each of shape (n, shown)."""
        rows = zip(places.tolist(), shown.tolist(), _as_written(cells).tolist(), strict=True)
        return [
            [
                self._reason(place, contribution, cell)
                for place, contribution, cell in zip(*row, strict=True)
                if contribution
            ]
            for row in rows
        ]

    def _reason(self, place: int, contribution: float, cell: float) -> Mapping[str, object]:
        return {
            "feature": self._schema.names[place],
            "value": self._readers[place](cell) if cell == cell else None,
            "contribution": contribution,
            "direction": RAISES if contribution > 0 else LOWERS,
            **self._texts[place],
        }


def _as_written(cells: Float32Matrix) -> Float64Matrix:
    """Return `cells` as the shortest decimals that name them: 0.1 rather than 0.10000000149011612."""
    return cells.astype(str).astype(np.float64)


_READERS: Mapping[ColumnKind, Callable[[Column], Callable[[float], object]]] = {
    ColumnKind.NUMBER: lambda _: float,
    ColumnKind.FLAG: lambda _: bool,
    ColumnKind.CATEGORY: lambda column: lambda code: column.categories[int(code)],
}
"""How a cell that is not missing is written in an answer."""
