"""The rows of a request before the schema has seen them.

Knows the schema. Never knows bytes, media types, the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fraud_detect.schema import Cell, Float32Matrix, Float64Matrix, Schema


@dataclass(frozen=True)
class Numbers:
    """Rows of nothing but numbers, float64, shape (n, width); NaN is missing.

    `names` says what they are, or is None when they stand in the schema's order.
    """

    values: Float64Matrix
    names: tuple[str, ...] | None = None

    def to_matrix(self, schema: Schema) -> Float32Matrix:
        """Return the model's matrix, float32, shape (n, schema.width)."""
        if self.names is None:
            schema.check_width(self.values.shape[1])
            return schema.accept_numbers(self.values)
        return schema.accept_numbers(self.values[:, schema.positions(self.names)])


@dataclass(frozen=True)
class Cells:
    """Rows of cells, all of one width; `names` says what they are, or is None when they stand in the schema's order."""

    rows: Sequence[Sequence[Cell]]
    names: tuple[str, ...] | None = None

    def to_matrix(self, schema: Schema) -> Float32Matrix:
        """Return the model's matrix, float32, shape (n, schema.width)."""
        if self.names is None:
            schema.check_width(len(self.rows[0]))
            return schema.encode(self.rows, range(schema.width))
        return schema.encode(self.rows, schema.positions(self.names))


Records = Numbers | Cells
