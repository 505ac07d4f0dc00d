"""What decisions cost: the amounts of frauds that are missed, and the reviews of alerts.

Knows labels, decisions and amounts. Never knows models, scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.evaluation.ranking import Counts, Labels


@dataclass(frozen=True)
class Stakes:
    """The amount that each row loses if it is a missed fraud, float64, shape (n,), and what one review costs.

    Both are in the currency of the table.
    """

    amounts: Counts
    review_cost: float

    @classmethod
    def of(cls, amounts: NDArray[np.floating], review_cost: float) -> Stakes:
        """Return the stakes of `amounts`, shape (n,): one that is missing or below 0, as a refund is, counts as 0."""
        return cls(np.maximum(np.nan_to_num(amounts.astype(np.float64)), 0.0), review_cost)


@dataclass(frozen=True)
class Money:
    """What rows of the same outcome come to: all arrays float64, shape (g,).

    `rows`: how many there are. `cost`, `saved`: what each of them adds to the total.
    """

    rows: Counts
    cost: Counts
    saved: Counts

    def totals(self, rows: Counts) -> dict[str, NDArray[np.float64]]:
        """Return the totals for `rows` of each outcome, shape (..., g) -> (...)."""
        return {"expected_cost": rows @ self.cost, "money_saved": rows @ self.saved}


def money(stakes: Stakes, labels: Labels, flagged: NDArray[np.bool_], weights: Counts | None = None) -> Money:
    """Return what decisions cost and save, by outcome.

    A missed fraud costs its amount, an alert a review. A caught fraud saves its amount, from which the reviews of all
    alerts go off: `money_saved` is against flagging nothing, and below 0 where the reviews cost more than they save.
    `labels`: uint8, 1 = fraud; `flagged`: whether a row is reviewed; `weights`: of each row; shape (n,) each.
    """
    weight = np.ones(len(labels)) if weights is None else weights
    lost = stakes.amounts * (labels == 1) * weight
    reviewed = stakes.review_cost * flagged * weight
    cost, saved = np.where(flagged, reviewed, lost), np.where(flagged, lost - reviewed, 0.0)
    touched = (cost != 0) | (saved != 0)  # most rows are neither
    outcomes, rows = np.unique(np.column_stack((cost[touched], saved[touched])), axis=0, return_counts=True)
    rest = len(labels) - int(touched.sum())
    return Money(
        np.append(rows, rest).astype(np.float64), np.append(outcomes[:, 0], 0.0), np.append(outcomes[:, 1], 0.0)
    )
