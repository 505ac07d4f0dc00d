"""From a finished job to its report.

Knows parts, the written artifact, and what a report is made of. Never knows how a page is drawn.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fraud_detect.artifact import bundle
from fraud_detect.artifact.bundle import Artifact
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.estimators.native import open_native
from fraud_detect.evaluation.stakes import Stakes
from fraud_detect.explain.open import open_contributions, open_reason_codes
from fraud_detect.report.data import HeldOut, Job
from fraud_detect.report.page import report
from fraud_detect.sagemaker.layout import Layout
from fraud_detect.schema import Schema
from fraud_detect.tables.table import Rows
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import Parts
from fraud_detect.training.predictions import Predictions

REPORT_FILE, DOCUMENT_FILE = "report.html", "report.json"
SECONDS_PER_DAY = 86_400

logger = logging.getLogger(__name__)


class _Collector(logging.Handler):
    """Keeps the text of warnings, each once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line of `record`."""
        if (line := record.getMessage()) not in self.lines:
            self.lines.append(line)


@contextmanager
def warnings_kept() -> Iterator[Sequence[str]]:
    """Give the warnings that this package logs meanwhile, as a list that grows."""
    collector, ours = _Collector(), logging.getLogger("fraud_detect")
    ours.addHandler(collector)
    try:
        yield collector.lines
    finally:
        ours.removeHandler(collector)


@dataclass(frozen=True)
class Finished:
    """A job whose model is written: `metrics` as in metrics.json, `held_out` by part, `warnings` of the log."""

    parts: Parts
    parameters: Hyperparameters
    metrics: Mapping[str, Any]
    held_out: Mapping[str, Predictions]
    warnings: Sequence[str] = ()


def write_report(layout: Layout, finished: Finished) -> None:
    """Write the report of a job for people and for programs, unless there is to be none; an older one goes in any case.

    The model is what the job is for, and is there already: a report that fails only says so in the log.
    """
    for name in (REPORT_FILE, DOCUMENT_FILE):
        (layout.output_data / name).unlink(missing_ok=True)
    if finished.parameters.report == "false":
        return
    try:
        artifact = bundle.read(layout.model)
        made = report(_job(artifact, finished))
        document = {"training_data": artifact.manifest.training_data.sha256, **made.document}
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        bundle.write_atomically(layout.output_data, {REPORT_FILE: made.page.encode(), DOCUMENT_FILE: text.encode()})
    except Exception:
        logger.exception("the report could not be made, which is a bug of ours; the model and the metrics are complete")


def _job(artifact: Artifact, finished: Finished) -> Job:
    manifest, training = artifact.manifest, finished.parts.training
    return Job(
        algorithm=manifest.algorithm,
        schema=manifest.table_schema,
        metrics=finished.metrics,
        settings=manifest.hyperparameters,
        libraries=manifest.libraries,
        features=training.features,
        labels=training.labels,
        held_out=_held_out(finished, manifest.table_schema),
        score=Scorer.open(artifact).probabilities,
        contribute=open_contributions(artifact, open_native(artifact)),
        reason_codes=open_reason_codes(artifact),
        warnings=finished.warnings,
    )


def _held_out(finished: Finished, schema: Schema) -> HeldOut:
    parts, parameters = finished.parts, finished.parameters
    name, rows = ("validation", parts.validation) if parts.test is None else ("test", parts.test)
    probabilities, amounts = finished.held_out[name].probabilities, None
    if parameters.amount_column is not None:
        place = schema.names.index(parameters.amount_column)
        amounts = Stakes.of(rows.features[:, place], parameters.review_cost).amounts
    return HeldOut(name, rows.features, rows.labels, probabilities, amounts, days(rows, parameters))


def days(rows: Rows, parameters: Hyperparameters) -> float | None:
    """Return how many days `rows` took to come in; None without times, for a random part of them, or for less than one.

    Times that are dates alone count as whole days.
    """
    if rows.times is None or not parameters.splits_in_time or len(rows) == 0:
        return None
    span = float(rows.times.max() - rows.times.min()) / SECONDS_PER_DAY
    only_dates = not (rows.times % SECONDS_PER_DAY).any()
    found = span + 1 if only_dates else span
    return found if found >= 1 else None
