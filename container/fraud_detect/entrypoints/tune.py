"""`tune`: from the channels under a root to hyperparameters that are good for them.

Knows the training contract and the terminal. Never knows how trials are chosen.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from fraud_detect import log
from fraud_detect.artifact.bundle import write_atomically
from fraud_detect.entrypoints.search import searched
from fraud_detect.entrypoints.together import Together
from fraud_detect.entrypoints.train import read_parts
from fraud_detect.errors import Stopped
from fraud_detect.sagemaker.channels import channels
from fraud_detect.sagemaker.configuration import read_object
from fraud_detect.sagemaker.hyperparameters import given, parse
from fraud_detect.sagemaker.job import StopRequest, check_writable, hand_over, run
from fraud_detect.sagemaker.layout import DEFAULT_ROOT, Layout
from fraud_detect.training.found import Found
from fraud_detect.training.parameters import ALGORITHM
from fraud_detect.training.proposals import RESAMPLER
from fraud_detect.training.trials import DONE, Trial

TUNING_FILE = "tuning.json"
MINUTES = 5.0
SHOWN_TRIALS = 10


@click.command("tune")
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_ROOT,
    show_default=True,
    help="Folder that stands in for /opt/ml: input/, checkpoints/ and output/ are in it.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, 10_000),
    help=f"Minutes to search; {MINUTES:g} if nothing else says when to end.",
)
@click.option("--trials", type=click.IntRange(0, 100_000), help="Trials at most.")
def command(root: Path, minutes: float | None, trials: int | None) -> None:
    """Search for hyperparameters that fit ROOT/input/data/train, and print them as JSON.

    What hyperparameters.json has stays as it is; families, resamplers and the rest are searched, measured by average
    precision on the validation rows. The JSON on standard output is to be put into hyperparameters.json (write it to
    another file first, since the search reads that one); the best trials go to standard error, and all of them to
    ROOT/output/data/tuning.json.

    Nothing is trained: for a search and the training of what it finds, give `train` the hyperparameter tune_minutes or
    tune_trials. The trials are kept in ROOT/checkpoints, where the same command, and such a `train`, go on from them.
    """
    sys.exit(tune_root(root, {"tune_minutes": minutes, "tune_trials": trials}))


def tune_root(root: Path, budget: Mapping[str, float | None]) -> int:
    """Search in the folder `root` and return the exit code: 0 done, 1 the user's fault, 2 ours."""
    log.configure()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `train` does
    layout = Layout(root)
    return run(lambda stop: _tune(layout, budget, stop), layout)


def _tune(layout: Layout, budget: Mapping[str, float | None], stop: StopRequest) -> None:
    values = _with_budget(read_object(layout.hyperparameters), budget)
    parameters = parse(values)
    parts, schema, _ = read_parts(channels(layout), parameters, stop.check, Together())
    check_writable(layout)
    found = searched(layout, parts, schema, parameters, given=given(values), stop=stop)
    if found.best is None:
        raise Stopped("stopped before the end of the first trial: there is nothing to tell")
    report = json.dumps(found.as_json(), indent=2, allow_nan=False) + "\n"
    write_atomically(layout.output_data, {TUNING_FILE: report.encode()})
    hand_over(layout)
    click.echo(_table(found), err=True)
    click.echo(json.dumps(found.as_hyperparameters(), indent=2))


def _with_budget(values: Mapping[str, Any], budget: Mapping[str, float | None]) -> Mapping[str, Any]:
    """Return the hyperparameters with what the command line says of the budget; `MINUTES` if neither says anything."""
    asked = {name: value for name, value in budget.items() if value is not None}
    if asked:
        return {**{name: value for name, value in values.items() if name not in budget}, **asked}
    return values if any(name in values for name in budget) else {**values, "tune_minutes": MINUTES}


def _table(found: Found) -> str:
    """Return the best trials, a line each."""
    done = [trial for trial in found.trials if trial.outcome == DONE]
    best = sorted(done, key=lambda trial: -(trial.average_precision or 0))[:SHOWN_TRIALS]
    lines = [("trial", "average precision", ALGORITHM, RESAMPLER, "hyperparameters"), *map(_cells, best)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cells(trial: Trial) -> Sequence[str]:
    values = dict(trial.proposal)
    kind = (values.pop(ALGORITHM), values.pop(RESAMPLER))
    return (
        str(trial.number),
        f"{trial.average_precision:.4f}",
        *kind,
        " ".join(f"{name}={values[name]}" for name in values),
    )
