"""Families and resamplers on the same folds: run what is not done yet, within bounds, and sum it up.

Knows rows, folds, processes and the files of a comparison. Never knows the command line, the environment.
"""

from __future__ import annotations

import hashlib
import logging
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraud_detect.errors import SettingError
from fraud_detect.schema import Schema
from fraud_detect.tables.table import Rows
from fraud_detect.training.comparison import journal
from fraud_detect.training.comparison.cell import MODULES, Order, run_cell, write_rows
from fraud_detect.training.comparison.journal import Entry, Journal
from fraud_detect.training.comparison.plan import Cell, Configuration, Pair
from fraud_detect.training.comparison.pool import Bounds, Broken, Done, Outcome, Pool
from fraud_detect.training.comparison.summary import FAILED, Summary, summarise
from fraud_detect.training.cross_validation import CrossFold, folds
from fraud_detect.training.measures import Measures

WORK, PREDICTIONS = "work", "predictions"
BYTES_OF_A_PROCESS = 300e6
COPIES = 10  # of the whole matrix that a cell takes at most, synthetic rows and copies in float64 among them
ROOM = 1.2  # over what a cell of the same configuration took
SETTINGS, TRACE = "settings", "trace"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """A cell that ended: its line of the journal, how many are done of how many, and about how long the rest takes."""

    cell: Cell
    entry: Entry
    done: int
    of: int
    seconds_left: float | None


@dataclass(frozen=True)
class Request:
    """What is compared and how: `configurations` differ in nothing that decides the folds.

    Each legitimate test row counts `legitimate_weight` times in the figures; training does not know of it.
    """

    configurations: Sequence[Configuration]
    output: Path
    bounds: Bounds
    legitimate_weight: float = 1.0
    keep_predictions: bool = False


@dataclass
class _Demands:
    """What is known of cells before they run: what others of their configuration took."""

    order: Callable[[Cell], Order]
    guess_bytes: float
    seconds: dict[Pair, float] = field(default_factory=dict)
    peak_bytes: dict[Pair, float] = field(default_factory=dict)

    def argument(self, job: Cell) -> Order:
        """As `Demands.argument`."""
        return self.order(job)

    def weight(self, job: Cell) -> float:
        """Return the seconds of a cell; infinite where none of its configuration ran, so that it is soon known."""
        return self.seconds.get(job.pair, math.inf)

    def memory_bytes(self, job: Cell) -> float:
        """As `Demands.memory_bytes`."""
        return ROOM * self.peak_bytes[job.pair] if job.pair in self.peak_bytes else self.guess_bytes

    def learn(self, cell: Cell, entry: Entry) -> None:
        """Take in what `cell` took."""
        for name, known in (("seconds", self.seconds), ("peak_bytes", self.peak_bytes)):
            if name in entry:
                known[cell.pair] = max(known.get(cell.pair, 0.0), entry[name])


@dataclass
class Comparison:
    """A comparison whose folder is open, with what is done of it; `bugs` counts cells that failed by a fault of ours.

    `places` are the repeats and folds, both counted from 1.
    """

    request: Request
    journal: Journal
    places: Sequence[tuple[int, int]]
    demands: _Demands
    digests: Mapping[Pair, str]
    bugs: int = 0
    _told: set[str] = field(default_factory=set)

    def run(self, on_cell: Callable[[Progress], None]) -> None:
        """Run the cells without figures, those that failed among them, and tell `on_cell` of each.

        What ends this early loses none that ended.
        """
        entries, planned = self.journal.entries, self._planned()
        waiting = [cell for cell in planned if FAILED in entries.get(cell, {FAILED: ""})]
        if len(waiting) < len(planned):
            logger.info("%d of %d cells are done already", len(planned) - len(waiting), len(planned))
        for cell, entry in entries.items():
            self.demands.learn(cell, entry)
        pool: Pool[Cell] = Pool(run_cell, MODULES, self.request.bounds)
        with closing(pool.run(list(waiting), self.demands)) as ending:
            for cell, outcome in ending:
                waiting.remove(cell)
                self._note(cell, outcome)
                on_cell(self._progress(cell, waiting, len(planned)))

    def summary(self) -> Summary:
        """Return what the cells so far come to."""
        pairs = [each.pair for each in self.request.configurations]
        return summarise(pairs, self.places, self.journal.entries)

    def _planned(self) -> list[Cell]:
        """Return all cells, the first fold of every configuration before any second one."""
        pairs = [each.pair for each in self.request.configurations]
        return [Cell(*pair, repeat, fold) for repeat, fold in sorted(self.places) for pair in pairs]

    def _note(self, cell: Cell, outcome: Outcome) -> None:
        entry = {SETTINGS: self.digests[cell.pair], **_entry(outcome)}
        self.journal.add(cell, entry)
        self.demands.learn(cell, entry)
        if isinstance(outcome, Broken):
            self.bugs += 1
            logger.error("%s: this is a bug of ours: %s\n%s", cell, outcome.reason, outcome.trace)
        for line in [entry[FAILED]] if FAILED in entry else entry["notes"]:
            self._tell(f"{cell.algorithm} with {cell.resampler}: {line}")

    def _tell(self, line: str) -> None:
        """Warn of `line`, once: what holds for one fold mostly holds for all."""
        if line not in self._told:
            self._told.add(line)
            logger.warning("%s", line)

    def _progress(self, cell: Cell, waiting: Sequence[Cell], planned: int) -> Progress:
        seconds = sum(self.demands.weight(each) for each in waiting) / self.request.bounds.jobs
        left = seconds if math.isfinite(seconds) else None
        done = planned - len(waiting)
        return Progress(cell, self.journal.entries[cell], done, planned, left)


def _entry(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Done):
        return dict(outcome.value)
    trace = {TRACE: outcome.trace} if isinstance(outcome, Broken) else {}
    return {FAILED: outcome.reason, **trace}


@contextmanager
def opened(rows: Rows, schema: Schema, request: Request) -> Iterator[Comparison]:
    """Open the comparison of `request` on folds of `rows`, begun or not, in its folder.

    Raises
    ------
    SettingError
        If the folder holds another comparison, or another process is writing there.
    TableError
        If the rows do not allow the folds, or the figures that are asked for.
    """
    parameters = request.configurations[0].parameters
    Measures.of(schema, parameters)  # raises now what every cell would
    divided = folds(rows, parameters)
    request.output.mkdir(parents=True, exist_ok=True)
    with journal.opened(request.output, _subject(rows, divided, request)) as book:
        digests = {each.pair: each.digest() for each in request.configurations}
        _check_settings(book, digests, request.output)
        with _work_folder(request.output, rows, divided) as work:
            demands = _Demands(_orders(request, schema, work), BYTES_OF_A_PROCESS + COPIES * rows.features.nbytes)
            yield Comparison(request, book, [(fold.repeat, fold.number) for fold in divided], demands, digests)


def restart(output: Path) -> None:
    """Forget what was done in the folder `output`."""
    for path in (output / journal.NAME, *(output / PREDICTIONS).glob("*.csv")):
        path.unlink(missing_ok=True)


def _subject(rows: Rows, divided: Sequence[CrossFold], request: Request) -> Mapping[str, Any]:
    """Return what makes figures comparable, by the name that a message calls it."""
    tested = hashlib.sha256()
    for fold in divided:
        tested.update(f"{fold.repeat} {fold.number}".encode() + fold.test.tobytes())
    return {
        "data": {"rows": len(rows), "frauds": rows.frauds, "sha256": rows.sha256()},
        "folds": tested.hexdigest(),
        "legitimate_weight": request.legitimate_weight,
    }


def _check_settings(book: Journal, digests: Mapping[Pair, str], output: Path) -> None:
    for cell, entry in book.entries.items():
        if entry[SETTINGS] != digests.get(cell.pair, entry[SETTINGS]):
            raise SettingError(
                f"{output / journal.NAME} has {' with '.join(cell.pair)} by other hyperparameters or libraries",
                expected="those it was begun with",
                remedy="Give what it was begun with, another --output, or --restart to begin anew.",
            )


@contextmanager
def _work_folder(output: Path, rows: Rows, divided: Sequence[CrossFold]) -> Iterator[Path]:
    """Give a folder with `rows` and folds for the processes, which is there only meanwhile."""
    folder = output / WORK
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    folder.mkdir()
    try:
        write_rows(folder, rows, divided)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _orders(request: Request, schema: Schema, work: Path) -> Callable[[Cell], Order]:
    configurations = {each.pair: each for each in request.configurations}
    predictions = request.output / PREDICTIONS if request.keep_predictions else None
    if predictions is not None:
        predictions.mkdir(exist_ok=True)
    return lambda cell: Order(cell, configurations[cell.pair], schema, work, request.legitimate_weight, predictions)
