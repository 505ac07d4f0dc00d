"""What came of a search: its trials, the best of them, and the hyperparameters that stand for it.

Knows trials and hyperparameters. Never knows Optuna, how models are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.trials import DONE, FAILED, PRUNED, Trial


@dataclass(frozen=True)
class Found:
    """What came of a search: the hyperparameters of the best trial, or those of the job as it is.

    The latter if no trial was done, or not both of those, with SMOTE and without, that the job takes the better of.
    `given` are those to give, by name, for a job to have them. `stopped` says whether a stop ended the search.
    """

    parameters: Hyperparameters
    given: Mapping[str, Any]
    trials: Sequence[Trial]
    stopped: bool

    @property
    def best(self) -> Trial | None:
        """The first of the trials of the highest average precision that were done."""
        return best_of(self.trials)

    def as_json(self) -> dict[str, Any]:
        """Return what metrics.json has of it."""
        counts = {outcome: sum(trial.outcome == outcome for trial in self.trials) for outcome in (DONE, PRUNED, FAILED)}
        best = self.best
        found = None if best is None else {"number": best.number, "average_precision": best.average_precision}
        return {
            **counts,
            "stopped": self.stopped,
            "best": found and {**found, "hyperparameters": self.as_hyperparameters()},
            "trials": [trial.as_json() for trial in self.trials],
        }

    def as_hyperparameters(self) -> dict[str, str]:
        """Return `given` as hyperparameters.json has it: strings."""
        return {name: _as_string(value) for name, value in self.given.items()}


def _as_string(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Return the first of the trials of the highest average precision that were done, if any was."""
    done = [trial for trial in trials if trial.outcome == DONE and trial.average_precision is not None]
    return max(done, key=lambda trial: trial.average_precision or 0, default=None)
