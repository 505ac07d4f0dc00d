"""The search for hyperparameters as a step of `train` and `tune`: where its record is, how it is shown, how it stops.

Knows the training contract and the terminal. Never knows how trials are chosen.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import click

from fraud_detect.sagemaker import checkpoints, metrics
from fraud_detect.sagemaker.job import StopRequest
from fraud_detect.sagemaker.layout import Layout
from fraud_detect.schema import Schema
from fraud_detect.serving.cpus import available_cpus
from fraud_detect.training.found import Found, best_of
from fraud_detect.training.parameters import ALGORITHM, Hyperparameters
from fraud_detect.training.partition import Parts
from fraud_detect.training.proposals import RESAMPLER
from fraud_detect.training.search import Budget, SearchObserver, SearchRows, search
from fraud_detect.training.trials import DONE, FAILED, Trial

RECORD = "tuning.jsonl"
SECONDS_TO_TRAIN_AFTER_STOP = 40.0
"""What is left of SageMaker's 120 seconds after SIGTERM for fitting the winner, when that ended the search."""

OnTrial = Callable[[Sequence[Trial]], None]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What to train: the hyperparameters, when to stop, and what a search for them came to, as metrics.json has it.

    They are for now if a stop ended the search, which the next run of the job goes on with.
    """

    parameters: Hyperparameters
    should_stop: Callable[[], bool]
    tuning: Mapping[str, Any] | None = None
    is_for_now: bool = False


def planned(
    layout: Layout,
    parts: Parts,
    schema: Schema,
    parameters: Hyperparameters,
    *,
    given: Collection[str],
    stop: StopRequest,
) -> Plan:
    """Return `parameters` as they are, or what a search finds around what was `given` of them, if they ask for one.

    If a stop ends the search, the training has `SECONDS_TO_TRAIN_AFTER_STOP` since then.
    """
    if not parameters.is_searched:
        return Plan(parameters, stop.heed)
    found = searched(layout, parts, schema, parameters, given=given, stop=stop)
    if not found.stopped:
        return Plan(found.parameters, stop.heed, found.as_json())
    logger.warning("the search ends here; training what it found for up to %g s", SECONDS_TO_TRAIN_AFTER_STOP)
    return Plan(found.parameters, lambda: stop.heed_after(SECONDS_TO_TRAIN_AFTER_STOP), found.as_json(), True)


def searched(
    layout: Layout,
    parts: Parts,
    schema: Schema,
    parameters: Hyperparameters,
    *,
    given: Collection[str],
    stop: StopRequest,
) -> Found:
    """Return what a search finds, with its record in the checkpoints, and show how it goes on standard error."""
    folder = checkpoints.folder(layout)
    with shown(Budget.of(parameters), sys.stderr) as on_trial:
        found = search(
            SearchRows.of(parts),
            schema,
            parameters,
            given=given,
            threads=parameters.nthread or available_cpus(),
            record=None if folder is None else folder / RECORD,
            observer=SearchObserver(on_trial, stop.heed),
        )
    if found.best is not None:
        logger.info("the best of %d trials is %s", len(found.trials), described(found.best))
    return found


def described(trial: Trial) -> str:
    """Return a trial in one line."""
    values = dict(trial.proposal)
    kind = f"{values.pop(ALGORITHM)}, {RESAMPLER}={values.pop(RESAMPLER)}"
    what = ", ".join([kind, *(f"{name}={value}" for name, value in values.items())])
    if trial.outcome == FAILED:
        return f"trial {trial.number}: failed, {what}: {trial.reason}"
    outcome = "" if trial.outcome == DONE else f"{trial.outcome} at "
    return f"trial {trial.number}: {outcome}average precision {trial.average_precision:.4f}, {what}"


@contextmanager
def shown(budget: Budget, stream: TextIO) -> Iterator[OnTrial]:
    """Give what trials are told to: a bar where `stream` is a terminal, else a log line a trial."""
    if not stream.isatty():
        yield _log
        return
    length = budget.trials or round(budget.seconds or 0)
    with click.progressbar(
        length=length, label="search     ", item_show_func=lambda text: text or "", file=stream
    ) as bar:

        def on_trial(trials: Sequence[Trial]) -> None:
            bar.update(1 if budget.trials else round(trials[-1].seconds), _of_bar(trials))

        yield on_trial


def _of_bar(trials: Sequence[Trial]) -> str:
    best = best_of(trials)
    reached = (
        "" if best is None else f", best average precision {best.average_precision:.4f} by {best.proposal[ALGORITHM]}"
    )
    return f"{len(trials)} trials{reached}"


def _log(trials: Sequence[Trial]) -> None:
    logger.info("%s; %s", described(trials[-1]), _best(trials))


def _best(trials: Sequence[Trial]) -> str:
    """Return the best so far, as SageMaker's metric definitions read it."""
    best = best_of(trials)
    return "none is done yet" if best is None else metrics.line({metrics.TUNING: best.average_precision or 0})
