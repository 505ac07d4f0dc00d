"""Search families, resamplers and their hyperparameters for the best average precision on the validation rows.

One trial after the other: what a trial tries depends on the seed, its number and the trials before it, so a search that
was interrupted goes on as if it had not been.

Knows Optuna, and how models are made. Never knows the test part, where the record is kept, what becomes of the winner.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fraud_detect.errors import TableError, UserError
from fraud_detect.estimators.family import Round
from fraud_detect.schema import Schema
from fraud_detect.tables.table import Rows
from fraud_detect.training.candidate import Observer, Procedure
from fraud_detect.training.found import Found, best_of
from fraud_detect.training.parameters import ALGORITHM, Hyperparameters
from fraud_detect.training.partition import Parts
from fraud_detect.training.proposals import RESAMPLER, Proposal, Space
from fraud_detect.training.quiet import quiet
from fraud_detect.training.search_space import Dimension
from fraud_detect.training.trials import (
    DONE,
    FAILED,
    PROPOSAL,
    PRUNED,
    REASON,
    SECONDS,
    Record,
    Trial,
    opened,
    trial_of,
)

if TYPE_CHECKING:
    import optuna

RANDOM_TRIALS = 10
"""Trials before the sampler learns from them, the first ones among them."""
TRIALS_BEFORE_PRUNING, ROUNDS_BEFORE_PRUNING = 3, 30
"""Fits of a family that reached a round before another one is pruned there, and the first such round."""
STEPS_OF_A_FAMILY = 1_000_000
"""Optuna compares trials at the same step: families have steps of their own, since what a round is differs."""
MOST_FAILURES = 20
"""Trials after which a search ends of which none succeeded."""
MOST_REPEATS = 20
"""Proposals that were all tried before, in a row, after which a search ends: there is nothing new to try."""
DIGITS = 4
"""Significant digits of the numbers that are tried."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """How long a search goes on, an earlier run of it counted: so many trials, so many seconds; None is no limit."""

    trials: int | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, parameters: Hyperparameters) -> Budget:
        """Return what `tune_trials` and `tune_minutes` allow."""
        return cls(parameters.tune_trials or None, 60 * parameters.tune_minutes or None)


@dataclass(frozen=True)
class SearchObserver:
    """What a search tells meanwhile, and how it is told to stop.

    `on_trial` gets the trials so far, of which the last one is new.
    """

    on_trial: Callable[[Sequence[Trial]], None] = lambda _: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class SearchRows:
    """What a search sees: rows to fit on and rows to measure by."""

    training: Rows
    validation: Rows

    @classmethod
    def of(cls, parts: Parts) -> SearchRows:
        """Return the parts without the test part; with folds, the rows that the earliest one trains on.

        Those are before the test days of every fold, so that no row that a fold is tested on chose anything.
        """
        earliest = parts.folds[-1] if parts.folds else parts
        return cls(earliest.training, earliest.validation)

    def sha256(self) -> str:
        """Return the checksum of all rows."""
        return hashlib.sha256((self.training.sha256() + self.validation.sha256()).encode()).hexdigest()


def search(
    rows: SearchRows,
    schema: Schema,
    parameters: Hyperparameters,
    *,
    given: Collection[str],
    threads: int,
    record: Path | None = None,
    observer: SearchObserver | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Return the best of the trials that `tune_trials` and `tune_minutes` allow.

    The first trial is the job as it is, or the first two, with SMOTE and without, where it takes the better of them: so
    what is found is at least as good on the validation rows. Nothing of a trial is kept but its figures. What was
    `given` of the hyperparameters, by name, stays as it is.

    Parameters
    ----------
    record : the file that trials are written to, and that an earlier run of the search goes on from.
    clock : seconds, for `tune_minutes`.

    Raises
    ------
    UserError
        If the record is of another search and `checkpoint_mismatch` does not have it deleted, or every trial failed.
    """
    space = Space.around(parameters, given)
    fingerprint = {**space.fingerprint(), "rows": rows.sha256(), "seed": parameters.seed}
    maker = _Maker(rows, schema, threads)
    with quiet(), _record(record, fingerprint, parameters.checkpoint_mismatch) as kept:
        run = _Search(space, maker, Budget.of(parameters), parameters.seed, observer or SearchObserver(), kept, clock)
        return run.run()


def _record(path: Path | None, fingerprint: Mapping[str, Any], mismatch: str) -> AbstractContextManager[Record | None]:
    return nullcontext() if path is None else opened(path, fingerprint, mismatch=mismatch)


@dataclass(frozen=True)
class _Maker:
    """Makes the model of a trial, and lets it go."""

    rows: SearchRows
    schema: Schema
    threads: int

    def average_precision(self, parameters: Hyperparameters, observer: Observer) -> float:
        procedure = Procedure(self.schema, parameters, self.threads, observer)
        return procedure.chosen("trial", self.rows.training, self.rows.validation).average_precision


@dataclass
class _Ending:
    """What may end a fit before its time, and whether it did."""

    is_over: Callable[[], bool]
    is_worse: bool = False
    is_cut: bool = False

    def heed(self) -> bool:
        """Return whether the fit is to end: it is worse than others were, or there is no time left for it."""
        if self.is_worse:
            return True
        self.is_cut = self.is_cut or self.is_over()
        return self.is_cut


@dataclass
class _Search:
    """A search as it goes on."""

    space: Space
    maker: _Maker
    budget: Budget
    seed: int
    observer: SearchObserver
    record: Record | None
    clock: Callable[[], float]
    done: list[Trial] = field(default_factory=list)

    def run(self) -> Found:
        """Return what is found until the budget is used up or a stop is asked for."""
        self.study = _study()
        self._recall()
        while not self._is_used_up() and self._try_next():
            pass
        best = best_of(self.done)
        if best is None and self.done:
            self._give_up()
        within_the_job = len(self.done) < self.space.trials_of_the_job
        proposal = self.space.as_it_is() if best is None or within_the_job else _proposal_of(best)
        given = self.space.given_of(proposal)
        return Found(self.space.hyperparameters(proposal), given, self.done, self.observer.should_stop())

    def _recall(self) -> None:
        for frozen in self.record.trials()[: self.budget.trials] if self.record else ():
            self.study.add_trial(frozen)
            self._keep(frozen)
        if self.done:
            logger.info("going on from the %d trials of an earlier run", len(self.done))

    def _keep(self, frozen: optuna.trial.FrozenTrial) -> None:
        self.done.append(trial_of(frozen, len(self.done) + 1))

    def _is_used_up(self) -> bool:
        budget, done = self.budget, len(self.done)
        return (
            self._is_late(0)
            or (budget.trials is not None and done >= budget.trials)
            or (done >= MOST_FAILURES and best_of(self.done) is None)
        )

    def _is_late(self, seconds: float) -> bool:
        """Return whether there is no time for a trial that has taken `seconds`; there is for the first one."""
        if self.observer.should_stop():
            return True
        used = seconds + sum(trial.seconds for trial in self.done)
        return self.budget.seconds is not None and bool(self.done) and used >= self.budget.seconds

    def _try_next(self) -> bool:
        """Make a trial; return whether it came to an end, so that another may follow."""
        asked = self._asked()
        if asked is None:
            logger.info("the search has tried all there is to try")
            return False
        trial, proposal = asked
        started = self.clock()
        ending = _Ending(lambda: self._is_late(self.clock() - started))
        outcome, value, reason = self._outcome(trial, proposal, ending)
        if ending.is_cut:
            return False
        attributes = {PROPOSAL: proposal.as_json(), SECONDS: self.clock() - started, REASON: reason}
        for name, attribute in attributes.items():
            trial.set_user_attr(name, attribute)
        frozen = self.study.tell(trial, value, state=_state(outcome))
        if self.record is not None:
            self.record.add(frozen)
        self._keep(frozen)
        self.observer.on_trial(self.done)
        return True

    def _outcome(self, trial: optuna.Trial, proposal: Proposal, ending: _Ending) -> tuple[str, float | None, str]:
        """Return the outcome of a trial, its average precision if it is done, and the reason if it failed."""
        try:
            parameters = self.space.hyperparameters(proposal)
            reached = self.maker.average_precision(parameters, self._watched(trial, ending, parameters))
        except UserError as error:
            return FAILED, None, str(error)
        except MemoryError:
            return FAILED, None, "Out of memory"
        return (PRUNED, None, "") if ending.is_worse else (DONE, reached, "")

    def _watched(self, trial: optuna.Trial, ending: _Ending, parameters: Hyperparameters) -> Observer:
        """Return an observer that ends a fit of several rounds once it is worse than the median of its family's."""
        first_step = STEPS_OF_A_FAMILY * self.space.algorithms.index(parameters.algorithm)

        def on_round(_stage: str, done: Round) -> None:
            trial.report(done.validation_average_precision, first_step + done.number)
            if done.number >= ROUNDS_BEFORE_PRUNING:
                ending.is_worse = ending.is_worse or trial.should_prune()

        several = parameters.family.most_rounds > 1
        return Observer(on_round, ending.heed) if several else Observer(should_stop=ending.heed)

    def _asked(self) -> tuple[optuna.Trial, Proposal] | None:
        """Return the next trial and what it tries, or None if there is nothing new to try."""
        first = self.space.first()
        if len(self.done) < len(first):
            return self._asked_for(first[len(self.done)])
        tried = [trial.proposal for trial in self.done]
        for attempt in range(MOST_REPEATS):
            self.study.sampler = _sampler(self.seed, len(self.done), attempt)
            trial = self.study.ask()
            proposal = self._suggested(trial)
            if proposal.as_json() not in tried:
                return trial, proposal
            self.study.tell(trial, state=_state(FAILED))
        return None

    def _asked_for(self, proposal: Proposal) -> tuple[optuna.Trial, Proposal]:
        """Return a trial of `proposal`, which has the values that the sampler can learn from."""
        values = self.space.values(proposal)
        dimensions = self.space.dimensions(proposal.algorithm, proposal.resampler)
        known = {label: each for label, each in dimensions.items() if each.name in values}
        named = {ALGORITHM: proposal.algorithm, RESAMPLER: proposal.resampler}
        self.study.enqueue_trial({**named, **{label: values[each.name] for label, each in known.items()}})
        trial = self.study.ask()
        self._suggest_kind(trial)
        return trial, Proposal(**named, values={each.name: _value(trial, label, each) for label, each in known.items()})

    def _suggested(self, trial: optuna.Trial) -> Proposal:
        algorithm, resampler = self._suggest_kind(trial)
        dimensions = self.space.dimensions(algorithm, resampler)
        values = {each.name: _value(trial, label, each) for label, each in dimensions.items()}
        return Proposal(algorithm, resampler, values)

    def _suggest_kind(self, trial: optuna.Trial) -> tuple[str, str]:
        algorithm = str(trial.suggest_categorical(ALGORITHM, self.space.algorithms))
        if not self.space.varies_resampler(algorithm):
            return algorithm, self.space.plain
        return algorithm, str(trial.suggest_categorical(RESAMPLER, self.space.resamplers))

    def _give_up(self) -> None:
        if self.record is not None:
            self.record.forget()
        raise TableError(
            f"All {len(self.done)} trials of the search failed",
            expected="one that can be trained",
            remedy=f"The first one: {self.done[0].reason}",
        )


def _proposal_of(trial: Trial) -> Proposal:
    values = {name: value for name, value in trial.proposal.items() if name not in (ALGORITHM, RESAMPLER)}
    return Proposal(trial.proposal[ALGORITHM], trial.proposal[RESAMPLER], values)


def _value(trial: optuna.Trial, label: str, dimension: Dimension) -> Any:
    """Return what the sampler suggests, numbers in digits that people can read."""
    if dimension.choices:
        return trial.suggest_categorical(label, dimension.choices)
    if dimension.is_whole:
        return trial.suggest_int(label, int(dimension.low), int(dimension.high), log=dimension.log)
    return float(f"{trial.suggest_float(label, dimension.low, dimension.high, log=dimension.log):.{DIGITS}g}")


def _study() -> optuna.Study:
    """Return an empty study in memory: only trials that ended are written down."""
    from optuna import create_study
    from optuna.pruners import MedianPruner

    pruner = MedianPruner(n_startup_trials=0, n_min_trials=TRIALS_BEFORE_PRUNING)
    return create_study(direction="maximize", pruner=pruner)


def _sampler(seed: int, number: int, attempt: int) -> optuna.samplers.TPESampler:
    """Return the sampler of one trial, whose chance is its own: it does not depend on when the search was begun."""
    from optuna.samplers import TPESampler

    own = int(np.random.SeedSequence((seed, number, attempt)).generate_state(1)[0])
    return TPESampler(n_startup_trials=RANDOM_TRIALS, multivariate=False, constant_liar=False, seed=own)


def _state(outcome: str) -> optuna.trial.TrialState:
    from optuna.trial import TrialState

    return {DONE: TrialState.COMPLETE, PRUNED: TrialState.PRUNED, FAILED: TrialState.FAIL}[outcome]
