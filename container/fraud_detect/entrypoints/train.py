"""`train`: from the channels under a root to a model in it.

Knows the training contract and the flow. Never knows how any step is done.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from fraud_detect import log
from fraud_detect.artifact import bundle
from fraud_detect.artifact.manifest import Labels
from fraud_detect.entrypoints.rounds import Audience, audience
from fraud_detect.sagemaker import metrics as metric_lines
from fraud_detect.sagemaker.channels import TEST, TRAIN, VALIDATION, channels
from fraud_detect.sagemaker.cluster import check_single_host
from fraud_detect.sagemaker.configuration import read_object
from fraud_detect.sagemaker.hyperparameters import parse
from fraud_detect.sagemaker.job import StopRequest, check_writable, hand_over, run
from fraud_detect.sagemaker.layout import DEFAULT_ROOT, Layout
from fraud_detect.schema import Schema
from fraud_detect.serving.cpus import available_cpus
from fraud_detect.tables.read import Watch, read_more, read_training
from fraud_detect.tables.request import ColumnRequest
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import Parts, divide
from fraud_detect.training.train import Observer, Trained, final_metrics, train

METRICS_FILE = "metrics.json"

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
    return run(lambda stop: _train(layout, stop), layout)


def _train(layout: Layout, stop: StopRequest) -> None:
    check_single_host(layout)
    parameters = parse(read_object(layout.hyperparameters))
    parts, schema, labels = _read(layout, parameters, stop.check)
    check_writable(layout)
    with audience(parameters.num_round, sys.stderr) as told:
        trained = train(
            parts,
            schema,
            labels,
            parameters,
            threads=parameters.nthread or available_cpus(),
            observer=Observer(told.on_round, stop.heed),
        )
    _write(layout, trained)
    _tell(trained.metrics, told)


def _read(layout: Layout, parameters: Hyperparameters, watch: Watch) -> tuple[Parts, Schema, Labels]:
    """Return the parts; the tables they were cut from are let go here, before anything else needs memory."""
    places = channels(layout)
    request = ColumnRequest(
        label=parameters.label_column,
        positive_label=parameters.positive_label,
        drop=parameters.drop_columns,
        categories=parameters.category_columns,
        time=parameters.time_column,
        unseen_as_missing=parameters.unseen_categories == "missing",
    )
    table = read_training(places[TRAIN], request, watch=watch)
    validation, test = (
        read_more(places[name], request, table, watch=watch) if name in places else None for name in (VALIDATION, TEST)
    )
    parts = divide(table, validation, test, parameters)
    return parts, table.schema, table.labels


def _write(layout: Layout, trained: Trained) -> None:
    report = json.dumps(trained.metrics, indent=2, allow_nan=False) + "\n"
    bundle.write_atomically(layout.output_data, {METRICS_FILE: report.encode()})
    bundle.write(layout.model, trained.manifest, trained.files)
    hand_over(layout)
    logger.info("model written to %s", layout.model)


def _tell(metrics: Mapping[str, Any], told: Audience) -> None:
    for name, value in final_metrics(metrics, metric_lines.FINAL).items():
        told.say(metric_lines.line({name: value}))
    told.say(metric_lines.line({"threshold": metrics["threshold"]["value"]}))
