"""`train`: from the channels under a root to a model in it.

Knows the training contract and the flow. Never knows how any step is done.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import click

from fraud_detect import log
from fraud_detect.artifact import bundle, examples
from fraud_detect.artifact.manifest import Labels
from fraud_detect.entrypoints.checkpoints import checkpoints_of
from fraud_detect.entrypoints.many_hosts import supervise
from fraud_detect.entrypoints.report import Finished, warnings_kept, write_report
from fraud_detect.entrypoints.rounds import Audience, Silent, audience
from fraud_detect.entrypoints.search import planned
from fraud_detect.entrypoints.together import Together
from fraud_detect.explain import reason_codes
from fraud_detect.hosts import documents, on_any
from fraud_detect.sagemaker import metrics as metric_lines
from fraud_detect.sagemaker.channels import REASON_CODES, TEST, TRAIN, VALIDATION
from fraud_detect.sagemaker.cluster import cluster
from fraud_detect.sagemaker.configuration import read_object
from fraud_detect.sagemaker.hyperparameters import given, parse
from fraud_detect.sagemaker.job import StopRequest, check_writable, hand_over, run
from fraud_detect.sagemaker.layout import DEFAULT_ROOT, Layout
from fraud_detect.schema import Schema
from fraud_detect.serving.cpus import available_cpus
from fraud_detect.tables.read import Watch, read_more, read_training
from fraud_detect.training.candidate import Observer
from fraud_detect.training.columns import column_request
from fraud_detect.training.examples import examples_of, without_rows
from fraud_detect.training.gathered import gathered
from fraud_detect.training.identity import identity, rows_on_hosts
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import Parts, divide
from fraud_detect.training.predictions import HEADER, Predictions
from fraud_detect.training.train import Trained, final_metrics, train

METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.csv"
BYTES_AT_ONCE = 1 << 20
SCRATCH = ".scratch-"

logger = logging.getLogger(__name__)


@click.command("train")
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_ROOT,
    show_default=True,
    help="Folder that stands in for /opt/ml: input/, model/ and output/ are in it.",
)
def command(root: Path) -> None:
    """Train a fraud model from ROOT/input/data/train, and write it to ROOT/model."""
    sys.exit(train_root(root))


def main() -> None:
    """Run the executable `train` of the image."""
    command.main(prog_name="train")


def train_root(root: Path) -> int:
    """Train in the folder `root` and return the exit code: 0 done, 1 the user's fault, 2 ours."""
    log.configure()
    # Threads that wait by spinning slow all down where others use the CPUs too. OpenMP reads this when XGBoost loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    layout = Layout(root)
    with warnings_kept() as warnings:
        return run(lambda stop: _train_or_supervise(layout, stop, warnings), layout)


def _train_or_supervise(layout: Layout, stop: StopRequest, warnings: Sequence[str]) -> None:
    several = cluster(layout)
    if several is None:
        train_here(layout, stop, warnings, Together())
    else:
        supervise(layout, several, stop)


def train_here(layout: Layout, stop: StopRequest, warnings: Sequence[str], together: Together) -> None:
    """Train on this host's share of the rows, and write the model if it is the first that has some."""
    values = read_object(layout.hyperparameters)
    with _scratch(layout, parse(values)) as scratch:
        _train(layout, values, stop, warnings, together, scratch)


@contextmanager
def _scratch(layout: Layout, parameters: Hyperparameters) -> Iterator[Path | None]:
    """Give a folder for what does not fit in memory, on the disk that has room; None if all is to fit."""
    if not parameters.is_from_disk:
        yield None
        return
    place = layout.output_data.parent
    place.mkdir(parents=True, exist_ok=True)
    bundle.clear_up(place, SCRATCH)  # of a job that was killed: as large as its table
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=place, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _train(
    layout: Layout,
    values: Mapping[str, Any],
    stop: StopRequest,
    warnings: Sequence[str],
    together: Together,
    scratch: Path | None,
) -> None:
    parameters, places, hosts = parse(values), together.places(layout), together.hosts
    parts, schema, labels = read_parts(places, parameters, stop.check, together, scratch=scratch)
    codes = _reason_codes(places, schema, together)
    check_writable(layout)
    plan = planned(layout, parts, schema, parameters, given=given(values), stop=stop)
    parameters, threads = plan.parameters, plan.parameters.nthread or available_cpus()
    rows = rows_on_hosts(parts, hosts)
    job = partial(identity, parts, schema, labels, parameters, threads=threads, rows=rows)
    are_kept_here = together.is_first and not plan.is_for_now
    checkpoints = checkpoints_of(layout, parameters, job) if are_kept_here else None
    held_out: dict[str, Predictions] = {}
    with _audience(parameters, together) as told, _predictions(layout) as predictions:
        trained = train(
            parts,
            schema,
            labels,
            parameters,
            threads=threads,
            observer=Observer(
                told.on_round, lambda: on_any(hosts, plan.should_stop())[0], partial(_keep, predictions, held_out)
            ),
            checkpoints=checkpoints,
            hosts=hosts,
        )
        trained = replace(trained, metrics={**trained.metrics, "tuning": plan.tuning})
        shown, predicted = gathered(parts, held_out, hosts)
        together.leave()
        if not together.is_first:
            return
        further = {**codes, **_examples(shown, predicted, trained, schema, parameters)}
        _write(layout, trained, further, predictions)
    _tell(trained.metrics, told)
    write_report(layout, Finished(shown, parameters, trained.metrics, predicted, warnings))
    hand_over(layout)


def _audience(parameters: Hyperparameters, together: Together) -> AbstractContextManager[Audience]:
    return audience(parameters.family.most_rounds, sys.stderr) if together.is_first else nullcontext(Silent())


def read_parts(
    places: Mapping[str, Path],
    parameters: Hyperparameters,
    watch: Watch,
    together: Together,
    *,
    scratch: Path | None = None,
) -> tuple[Parts, Schema, Labels]:
    """Return the parts; the tables they were cut from are let go here, before anything else needs memory.

    The rows lie in memory, or in files in the folder `scratch`.
    """
    request = column_request(parameters)
    table = read_training(places[TRAIN], request, watch=watch, share=together.share(TRAIN), scratch=scratch)
    validation, test = (
        read_more(places[name], request, table, watch=watch, share=together.share(name)) if name in places else None
        for name in (VALIDATION, TEST)
    )
    parts = divide(table, validation, test, parameters, together.hosts)
    return parts, table.schema, table.labels


def _reason_codes(places: Mapping[str, Path], schema: Schema, together: Together) -> Mapping[str, bytes]:
    """Return the reason codes as a file of the artifact, by its name; none without their channel."""
    if REASON_CODES not in places:
        return {}
    is_here = together.share(REASON_CODES).has_files
    found = documents(together.hosts, dict(reason_codes.read(places[REASON_CODES], schema)) if is_here else None)
    codes = next(each for each in found if each is not None)
    logger.info("%d of %d features have reason codes", len(codes), schema.width)
    return {reason_codes.REASON_CODES: reason_codes.write(codes)}


def _examples(
    parts: Parts,
    predicted: Mapping[str, Predictions],
    trained: Trained,
    schema: Schema,
    parameters: Hyperparameters,
) -> Mapping[str, bytes]:
    """Return what helps people to fill in a row, as a file of the artifact, by its name."""
    if parameters.examples == "false":
        found = without_rows(parts.training, schema)
    else:
        threshold = trained.metrics["threshold"]["value"]
        found = examples_of(parts.training, parts.validation, predicted["validation"], threshold, schema)
    return {examples.EXAMPLES: examples.write(found)}


def _keep(file: IO[bytes], held_out: dict[str, Predictions], made: Predictions) -> None:
    """Write the predictions to `file`, and keep those of a part for the report."""
    file.writelines(made.lines())
    if made.fold is None:
        held_out[made.part] = made


@contextmanager
def _predictions(layout: Layout) -> Iterator[IO[bytes]]:
    """Give a file without a name, on the disk that has room for it, for lines of predictions."""
    with tempfile.TemporaryFile(dir=layout.output_data) as file:
        file.write(HEADER)
        yield file


def _write(layout: Layout, trained: Trained, further: Mapping[str, bytes], predictions: IO[bytes]) -> None:
    report = json.dumps(trained.metrics, indent=2, allow_nan=False) + "\n"
    predictions.seek(0)
    pieces = iter(partial(predictions.read, BYTES_AT_ONCE), b"")
    bundle.write_atomically(layout.output_data, {METRICS_FILE: report.encode(), PREDICTIONS_FILE: pieces})
    bundle.write(layout.model, trained.manifest, {**trained.files, **further})
    hand_over(layout)
    logger.info("model written to %s", layout.model)


def _tell(metrics: Mapping[str, Any], told: Audience) -> None:
    for name, value in final_metrics(metrics, metric_lines.FINAL).items():
        told.say(metric_lines.line({name: value}))
    told.say(metric_lines.line({"threshold": metrics["threshold"]["value"]}))
    if metrics["tuning"] and metrics["tuning"]["best"]:
        told.say(metric_lines.line({metric_lines.TUNING: metrics["tuning"]["best"]["average_precision"]}))
