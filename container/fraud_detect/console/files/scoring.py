"""From an uploaded file to a scored one: once through it for the probabilities, once more for reasons and to write.

Memory holds some chunks of rows, and for each row its probability, its rank and where it lies.

Knows the endpoint and files. Never knows users, tables, Flask.
"""

from __future__ import annotations

import csv
import io
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.manifest import Manifest
from fraud_detect.console.courtesy import Courtesy
from fraud_detect.console.endpoint import Endpoint, EndpointError, RowsRefused, Score, Unreachable
from fraud_detect.console.files.folder import Folder, written
from fraud_detect.console.files.progress import WRITING, Progress
from fraud_detect.console.files.reading import ENCODING, Columns, FileError, Form, Reading, Row
from fraud_detect.console.files.writing import Outcome, ScoredFile

ROWS_A_REQUEST, CHARACTERS_A_REQUEST = 5_000, 2_000_000
"""Of rows to score: SageMaker takes 6 MB; a row never has more than a chunk may."""
EXPLAINED_A_REQUEST = 250
AT_ONCE = 2
"""Requests of one file that the endpoint has at a time."""
MOST_EXPLAINED = 10_000
REASONS = 5
FAULTS_LISTED = 100
COLUMNS_LISTED, NAMES_LISTED = 40, 100
WAITS_SECONDS = (1, 2, 5, 10, 20, 30)
"""Between tries where the endpoint does not answer."""

Wait = Callable[[float], None]
"""Lets so many seconds pass; raises `Abandoned` where the file is no longer wanted."""
Probabilities = NDArray[np.float64]
_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Abandoned(Exception):
    """Nobody wants this file any more."""


@dataclass(frozen=True)
class Model:
    """What the console knows of the model, and the endpoint that has it."""

    manifest: Manifest
    endpoint: Endpoint

    def label(self, probability: float) -> object:
        """Return the label at the threshold, as the training table wrote it."""
        labels, threshold = self.manifest.labels, self.manifest.threshold.value
        return labels.positive if probability >= threshold else labels.negative


@dataclass
class Summary:
    """What scoring a file came to; `faults` are the first refused rows' numbers and why."""

    separator: str
    names: Sequence[str]
    width: int
    unknown: Sequence[str]
    unknown_count: int
    threshold: float
    rows: int = 0
    scored: int = 0
    alerts: int = 0
    explained: int = 0
    defused: int = 0
    faults: list[tuple[int, str]] = field(default_factory=list)


def score(folder: Folder, model: Model, progress: Progress, wait: Wait, courtesy: Courtesy) -> Summary:
    """Score the upload in `folder` and write what belongs to it there, the scored file last, with `courtesy`.

    Raises
    ------
    FileError
        If the file cannot be scored.
    EndpointError
        If the endpoint does not answer, again and again.
    Abandoned
        If `wait` does.
    """
    with Reading(folder.upload) as reading:
        form = reading.form(model.manifest.table_schema)
        work = _Work(reading, form, Columns.of(form, model.manifest.table_schema), model, progress, wait, courtesy)
        probabilities = work.probabilities()
        summary = work.summary(probabilities)
        order = ranked(probabilities)
        with written(folder.order) as file:
            file.write(order.astype("<u4").tobytes())
        with written(folder.scored) as file:
            scored = ScoredFile(file, form)
            work.write(scored, probabilities, order, summary)
            with written(folder.offsets) as places:
                places.write(np.asarray(scored.offsets, "<u8").tobytes())
            with written(folder.summary) as told:
                told.write(json.dumps(vars(summary)).encode())
    return summary


def ranked(probabilities: Probabilities) -> NDArray[np.int64]:
    """Return the places of `probabilities`, shape (n,), highest first; of equal ones the first; NaN last."""
    return np.argsort(-probabilities, kind="stable")


@dataclass(frozen=True)
class _Work:
    reading: Reading
    form: Form
    columns: Columns
    model: Model
    progress: Progress
    wait: Wait
    courtesy: Courtesy

    def probabilities(self) -> Probabilities:
        """Return each row's probability, float64, shape (n,); NaN for a row that the model does not take."""
        found = []
        for part in self._at_once(self._score, self._chunks()):
            found.append(part)
            self.progress.rows += len(part)
            self.progress.share = self.reading.share
        if not found:
            raise FileError(
                "The file has a header and no rows", expected="at least one row", remedy="Export it once more."
            )
        self.progress.total = self.progress.rows
        return np.concatenate(found)

    def summary(self, probabilities: Probabilities) -> Summary:
        """Return what is known before anything is written."""
        schema, threshold = self.model.manifest.table_schema, self.model.manifest.threshold.value
        unknown = self.form.unknown(schema)
        return Summary(
            separator=self.form.separator,
            names=self.form.names[:COLUMNS_LISTED],
            width=len(self.form.names),
            unknown=unknown[:NAMES_LISTED],
            unknown_count=len(unknown),
            threshold=threshold,
            rows=len(probabilities),
            scored=int(np.isfinite(probabilities).sum()),
            alerts=int((probabilities >= threshold).sum()),
        )

    def write(self, file: ScoredFile, probabilities: Probabilities, order: NDArray[np.int64], summary: Summary) -> None:
        """Write every row to `file`, those of the highest probabilities with reasons."""
        self.progress.step, self.progress.share = WRITING, 0.0
        explained = np.zeros(len(probabilities), bool)
        explained[order[: min(MOST_EXPLAINED, summary.scored)]] = True
        pieces = self._pieces(probabilities, explained)
        for piece, reasons in self._at_once(self._explained, pieces):
            for row, score in self.courtesy.among(zip(piece.rows, reasons, strict=True), self.wait):
                file.add(row.cells, self._outcome(row, piece.probability(row), score, summary))
            self.progress.share = self.reading.share
            self.progress.explained = summary.explained
        summary.defused = file.defused

    def _outcome(self, row: Row, probability: float, explained: Score | None, summary: Summary) -> Outcome:
        if np.isnan(probability):
            fault = self.columns.fault(row)
            if len(summary.faults) < FAULTS_LISTED:
                summary.faults.append((row.number, fault))
            return Outcome(None, fault=fault)
        reasons = explained.reasons if explained else ()
        summary.explained += bool(reasons)
        return Outcome(probability, self.model.label(probability), reasons)

    def _chunks(self) -> Iterator[Sequence[Row]]:
        rows = self.courtesy.among(self.reading.rows(self.form), self.wait)
        return chunks(rows, ROWS_A_REQUEST, CHARACTERS_A_REQUEST)

    def _pieces(self, probabilities: Probabilities, explained: NDArray[np.bool_]) -> Iterator[_Piece]:
        """Yield runs of rows with at most `EXPLAINED_A_REQUEST` of them to be explained."""
        for chunk in self._chunks():
            rows = list(chunk)
            while rows:
                wanted = np.flatnonzero(explained[rows[0].number - 1 : rows[-1].number])
                stop = len(rows) if len(wanted) <= EXPLAINED_A_REQUEST else int(wanted[EXPLAINED_A_REQUEST])
                yield _Piece(rows[:stop], probabilities, explained)
                rows = rows[stop:]

    def _at_once(self, act: Callable[[_In], _Out], things: Iterable[_In]) -> Iterator[_Out]:
        """Yield what `act` makes of each, in their order, `AT_ONCE` of them on the way."""
        waiting: deque[Future[_Out]] = deque()
        remaining = iter(things)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="scoring") as threads:
            try:
                for thing in remaining:
                    self.wait(0)
                    waiting.append(threads.submit(act, thing))
                    if len(waiting) > AT_ONCE:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _score(self, rows: Sequence[Row]) -> Probabilities:
        """Return the probabilities of `rows`; where the endpoint refuses some, the others are sent without them."""
        fitting: Sequence[Row] = [row for row in rows if len(row.cells) == self.columns.width]
        try:
            given = self._sent(fitting)
        except RowsRefused as refusal:
            fitting = self._without_faults(fitting, refusal)
            given = self._sent(fitting)
        found = np.full(len(rows), np.nan)
        found[[row.number - rows[0].number for row in fitting]] = given
        return found

    def _without_faults(self, rows: Sequence[Row], refusal: RowsRefused) -> Sequence[Row]:
        """Return the rows that fit by the schema, which is the endpoint's own judgement, without asking it for each."""
        good = [row for row in rows if not self.columns.fault(row)]
        if len(good) == len(rows):
            raise FileError(
                f"The endpoint refuses rows that fit the model of this console: {refusal.got}",
                expected=refusal.expected,
                remedy="Look whether the endpoint serves the model in the console's folder.",
            )
        return good

    def _sent(self, rows: Sequence[Row]) -> Sequence[float]:
        if not rows:
            return ()
        body = self._csv_of(rows)
        given = self._patiently(lambda: self.model.endpoint.score_csv(body))
        if len(given) != len(rows):
            raise EndpointError(
                f"The endpoint answered {len(given)} scores for {len(rows)} rows",
                expected="one for each row",
                remedy="Look whether its address is that of a fraud-detect model.",
            )
        return given

    def _csv_of(self, rows: Sequence[Row]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(self.columns.schema.names)
        writer.writerows(self.columns.features(row) for row in rows)
        return text.getvalue().encode(ENCODING)

    def _explained(self, piece: _Piece) -> tuple[_Piece, Sequence[Score | None]]:
        wanted = piece.wanted
        if not wanted:
            return piece, [None] * len(piece.rows)
        names = self.columns.schema.names
        rows = [dict(zip(names, self.columns.features(row), strict=True)) for row in wanted]
        try:
            scores = self._patiently(lambda: self.model.endpoint.score(rows, reasons=REASONS))
        except RowsRefused:  # they were scored: what it refuses is to explain so many at once
            return piece, [None] * len(piece.rows)
        by_number = {row.number: score for row, score in zip(wanted, scores, strict=True)}
        return piece, [by_number.get(row.number) for row in piece.rows]

    def _patiently(self, ask: Callable[[], _Out]) -> _Out:
        for seconds in WAITS_SECONDS:
            try:
                return ask()
            except Unreachable:
                self.wait(seconds)
        return ask()


@dataclass(frozen=True)
class _Piece:
    """Some rows in a run, and, of each row of the file, its probability and whether it is to be explained."""

    rows: Sequence[Row]
    probabilities: Probabilities
    explained: NDArray[np.bool_]

    @property
    def wanted(self) -> Sequence[Row]:
        return [row for row in self.rows if self.explained[row.number - 1]]

    def probability(self, row: Row) -> float:
        return float(self.probabilities[row.number - 1])


def chunks(rows: Iterable[Row], most_rows: int, most_characters: int) -> Iterator[list[Row]]:
    """Yield runs of `rows` of so many rows and about so many characters at most, but of one row at least."""
    chunk: list[Row] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        characters += sum(map(len, row.cells))
        if len(chunk) == most_rows or characters >= most_characters:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def summary_of(folder: Folder) -> Summary:
    """Return the summary that `score` wrote."""
    told: dict[str, Any] = json.loads(folder.summary.read_bytes())
    return Summary(**told)
