"""Rounds of boosting: where a fit begins, when it ends, which rounds it keeps, and what it leaves to go on from.

Knows rounds. Never knows any library of models, and where snapshots are kept.
"""

from __future__ import annotations

from collections.abc import Callable

from fraud_detect.estimators.family import FitSettings, Round, Snapshot

ToBytes = Callable[[], bytes]


class Boosting:
    """The rounds of one fit so far, those before an interruption among them.

    It ends after `most_rounds`, after `patience` rounds in vain, if that is not 0, or where a stop is asked for.
    """

    def __init__(self, settings: FitSettings, *, patience: int, most_rounds: int) -> None:
        self._hooks, self._snapshots = settings.hooks, settings.snapshots
        self._patience, self._most = patience, most_rounds
        self._rounds = list(self._snapshots.begin.rounds) if self._snapshots.begin else []
        self._best = max(self._rounds, key=_reached, default=None)
        self._is_stopped = False

    @property
    def done(self) -> int:
        """Number of rounds so far."""
        return len(self._rounds)

    @property
    def left(self) -> int:
        """Rounds that are to come at most."""
        return self._most - self.done

    @property
    def kept(self) -> int:
        """Number of rounds that the model keeps: those up to the best one, or all without early stopping."""
        return self._best.number if self._best and self._patience else self.done

    @property
    def is_over(self) -> bool:
        """Whether no round is to come."""
        return self._is_stopped or self._is_at_its_end

    @property
    def _is_at_its_end(self) -> bool:
        in_vain = self.done - self._best.number if self._best else 0
        return self.left <= 0 or 0 < self._patience <= in_vain

    def add(self, train: float, validation: float, booster: ToBytes) -> None:
        """Note what the next round came to, tell of it, and keep a snapshot of the `booster` if one is due."""
        latest = Round(self.done + 1, train, validation)
        self._rounds.append(latest)
        if self._best is None or _reached(latest) > _reached(self._best):
            self._best = latest
        self._hooks.on_round(latest)
        self._is_stopped = self._hooks.should_stop()
        is_due = self._is_stopped or (self._snapshots.every and self.done % self._snapshots.every == 0)
        if is_due and not self._is_at_its_end:
            self._keep(booster, is_last=False)

    def finish(self, model: ToBytes) -> None:
        """Keep the `model`, cut to the rounds that it keeps, unless a stop has cut the fit short."""
        if self._is_at_its_end:
            self._keep(model, is_last=True)

    def _keep(self, booster: ToBytes, *, is_last: bool) -> None:
        if self._snapshots.every:
            self._snapshots.keep(Snapshot(tuple(self._rounds), booster(), is_last))


def _reached(done: Round) -> float:
    return done.validation_average_precision
