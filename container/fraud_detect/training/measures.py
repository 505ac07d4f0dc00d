"""How the models of a job are measured: the same figures for a part, a fold and a test day.

Knows evaluation, rows and hyperparameters. Never knows which family made the scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import TableError
from fraud_detect.evaluation.metrics import Evaluation, evaluate
from fraud_detect.evaluation.stakes import Stakes
from fraud_detect.hosts import ALONE, Hosts, in_order
from fraud_detect.schema import ColumnKind, Schema
from fraud_detect.tables.table import Rows
from fraud_detect.training.parameters import Hyperparameters


@dataclass(frozen=True)
class Measures:
    """What figures of rows depend on beside their labels and probabilities.

    `amount_place` is that of the column of amounts among the features, or None without one. Of several `hosts`, each
    has some of the rows, and gets the figures of all.
    """

    precision_k: int
    amount_place: int | None
    review_cost: float
    seed: int
    hosts: Hosts = ALONE

    @classmethod
    def of(cls, schema: Schema, parameters: Hyperparameters, hosts: Hosts = ALONE) -> Measures:
        """Return the measures that `parameters` ask for.

        Raises
        ------
        TableError
            If `amount_column` is no number feature of `schema`.
        """
        place = None if parameters.amount_column is None else _amount_place(schema, parameters.amount_column)
        return cls(parameters.precision_k, place, parameters.review_cost, parameters.seed, hosts)

    def evaluate(
        self,
        rows: Rows,
        probabilities: NDArray[np.float64],
        threshold: float,
        *,
        samples: int = 0,
        weights: NDArray[np.float64] | None = None,
    ) -> Evaluation:
        """Return the figures of `probabilities`, calibrated, float64, shape (n,), for `rows`.

        `samples` bootstrap replicates, drawn from the seed, give the intervals. `weights`: as of `metrics.evaluate`.
        """
        labels, probabilities, *amounts = in_order(
            self.hosts, rows.numbers, rows.labels, probabilities, *self._amounts(rows)
        )
        return evaluate(
            labels,
            probabilities,
            threshold,
            k=self.precision_k,
            weights=weights,
            stakes=Stakes.of(amounts[0], self.review_cost) if amounts else None,
            samples=samples,
            rng=np.random.default_rng(self.seed),
        )

    def _amounts(self, rows: Rows) -> list[NDArray[np.float32]]:
        return [] if self.amount_place is None else [rows.features[:, self.amount_place]]


def _amount_place(schema: Schema, name: str) -> int:
    numbers = [column.name for column in schema.columns if column.kind is ColumnKind.NUMBER]
    if name not in numbers:
        shown = ", ".join(f"'{number}'" for number in numbers[:12])
        raise TableError(
            f"`amount_column` is '{name}', which is no feature that holds numbers",
            expected=f"one of {shown or 'those, of which there is none'}",
            remedy="Correct the hyperparameter.",
        )
    return schema.names.index(name)
