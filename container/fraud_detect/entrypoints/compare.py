"""`fraud-detect compare`: families and resamplers on the same folds.

Knows the comparison, the environment, the terminal. Never knows how models are made.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import click

from fraud_detect import log
from fraud_detect.artifact import bundle
from fraud_detect.entrypoints.configurations import DEFAULT_RESAMPLERS, RESAMPLERS, configurations, named
from fraud_detect.entrypoints.faults import faults_shown
from fraud_detect.errors import SettingError
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.sagemaker.job import OUR_FAULT
from fraud_detect.serving.cpus import available_cpus
from fraud_detect.serving.memory import available_bytes
from fraud_detect.tables.read import read_training
from fraud_detect.training.columns import column_request
from fraud_detect.training.compare import Comparison, Progress, Request, opened, restart
from fraud_detect.training.comparison.page import as_html
from fraud_detect.training.comparison.plan import Configuration
from fraud_detect.training.comparison.pool import Bounds
from fraud_detect.training.comparison.summary import FAILED, MAIN, Summary
from fraud_detect.training.comparison.table import as_csv, as_text

PAGE, TABLE, BEST = "comparison.html", "comparison.csv", "hyperparameters.json"
SHARE_OF_MEMORY = 0.8
SECONDS_TO_TELL = 90
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

logger = logging.getLogger(__name__)


@click.command("compare", short_help="Compare families and resamplers on the same folds.")
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    metavar="PATH",
    help="A CSV or Parquet file with labels, or a folder of them, as `train` reads its channel.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("comparison"),
    show_default=True,
    metavar="DIR",
    help="Folder for the results. The same command goes on with what is not done there.",
)
@click.option("--algorithms", metavar="A,B,...", help=f"Families, of: {', '.join(FAMILIES)}. Without it, all.")
@click.option(
    "--resamplers",
    metavar="X,Y,...",
    help=f"Resamplers, of: {', '.join(RESAMPLERS)}. Without it, {','.join(DEFAULT_RESAMPLERS)}.",
)
@click.option("--folds", type=click.IntRange(2, 100), default=5, show_default=True, help="Folds of a repeat.")
@click.option(
    "--repeats", type=click.IntRange(1, 100), default=1, show_default=True, help="Times, each with new folds."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A hyperparameter of `train`, or of one family (xgboost.max_depth=4); may be repeated.",
)
@click.option(
    "--legitimate-weight",
    type=click.FloatRange(min=0, min_open=True, max=1_000_000_000),
    default=1.0,
    show_default=True,
    metavar="W",
    help="How often each legitimate test row counts in the figures, where the data holds only a sample of them.",
)
@click.option("--jobs", type=click.IntRange(1, 1024), metavar="N", help="Cells at a time. Without it, the CPUs.")
@click.option(
    "--memory-gb",
    type=click.FloatRange(min=0, min_open=True, max=1_000_000),
    metavar="G",
    help="Memory for all cells together. Without it, eight tenths of what is free.",
)
@click.option(
    "--cell-minutes",
    type=click.FloatRange(min=0, min_open=True, max=1_000_000),
    default=30.0,
    show_default=True,
    metavar="M",
    help="What takes longer is ended and noted as failed.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2_147_483_647), default=0, show_default=True, help="Same seed, same folds."
)
@click.option("--keep-predictions", is_flag=True, help="Write each cell's held-out predictions into DIR/predictions.")
@click.option("--restart", "anew", is_flag=True, help="Forget what was done in DIR.")
def command(*, data: Path, output: Path, anew: bool, **options: Any) -> None:
    """Train families with resamplers on the same folds of PATH, and say which does best.

    Prints a table, the best mean average precision first, and writes it as DIR/comparison.csv and DIR/comparison.html,
    with DIR/hyperparameters.json, which trains the best. Each model is made as `train` makes it, of a fold's training
    rows alone. What is done is kept in DIR/cells.jsonl.
    """
    log.configure()
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # for the processes of the cells, which share the CPUs
    with faults_shown():
        bugs = _compare(data, output, anew=anew, **options)
    if bugs:
        logger.error("%d cells failed by bugs of ours; the log above has their tracebacks", bugs)
        sys.exit(OUR_FAULT)


def _compare(data: Path, output: Path, *, anew: bool, **options: Any) -> int:
    """Return the number of cells that failed by a bug."""
    compared = _configurations(**options)
    table = read_training(data, column_request(compared[0].parameters))
    if anew:
        restart(output)
    weight, keep = options["legitimate_weight"], options["keep_predictions"]
    request = Request(compared, output, _bounds(**options), legitimate_weight=weight, keep_predictions=keep)
    with opened(table.rows, table.schema, request) as comparison:
        try:
            with progress(sys.stderr) as on_cell:
                comparison.run(on_cell)
        finally:  # also of what is done when a signal ends it
            _write(comparison, output)
            click.echo(as_text(comparison.summary()), nl=False)
    _tell_best(comparison, output)
    return comparison.bugs


def _configurations(
    *, algorithms: str | None, resamplers: str | None, settings: tuple[str, ...], **options: Any
) -> Sequence[Configuration]:
    fixed = {"cv_folds": options["folds"], "cv_repeats": options["repeats"], "seed": options["seed"]}
    return configurations(
        named(algorithms, FAMILIES, "--algorithms", list(FAMILIES)),
        named(resamplers, RESAMPLERS, "--resamplers", DEFAULT_RESAMPLERS),
        settings,
        {name: str(value) for name, value in fixed.items()},
    )


def _bounds(*, jobs: int | None, memory_gb: float | None, cell_minutes: float, **_: Any) -> Bounds:
    free = available_bytes()
    memory = memory_gb * 1e9 if memory_gb else free and SHARE_OF_MEMORY * free
    return Bounds(jobs or available_cpus(), memory, 60 * cell_minutes)


def _write(comparison: Comparison, output: Path) -> None:
    summary = comparison.summary()
    best = _best(comparison, summary)
    files = {TABLE: as_csv(summary), PAGE: as_html(summary, best)}
    if best is not None:
        files[BEST] = json.dumps(best, indent=2) + "\n"
    bundle.write_atomically(output, {name: content.encode() for name, content in files.items()})


def _best(comparison: Comparison, summary: Summary) -> dict[str, str] | None:
    """Return the hyperparameters that train the best configuration; None if none has all its figures."""
    if not summary.lines:
        return None
    found = next(each for each in comparison.request.configurations if each.pair == summary.lines[0].pair)
    seed = found.parameters.seed
    return {**found.given, **({"seed": str(seed)} if seed else {})}


def _tell_best(comparison: Comparison, output: Path) -> None:
    best = _best(comparison, comparison.summary())
    if best is None:
        raise SettingError(
            "No configuration has figures for every fold",
            expected="at least one",
            remedy="The lines above say what failed; the same command tries that again.",
        )
    click.echo(f"\nThe best is trained by {output / BEST}:\n{json.dumps(best)}")


@contextmanager
def progress(stream: TextIO) -> Iterator[Callable[[Progress], None]]:
    """Give what shows each cell that ended: a bar on a terminal, else one log line."""
    if not stream.isatty():
        yield _log
        return
    bar: Any = None

    def show(cell: Progress) -> None:
        nonlocal bar
        bar = bar or click.progressbar(
            length=cell.of, label="cells", file=stream, show_eta=False, show_pos=True, item_show_func=lambda text: text
        )
        bar.update(cell.done - bar.pos, f"{cell.cell}: {_result(cell)}{_left(cell)}")

    try:
        yield show
    finally:
        if bar is not None:
            bar.render_finish()


def _log(cell: Progress) -> None:
    logger.info("%d of %d: %s: %s%s", cell.done, cell.of, cell.cell, _result(cell), _left(cell))


def _result(cell: Progress) -> str:
    if FAILED in cell.entry:
        return "failed"
    return f"average precision {cell.entry['figures'][MAIN]:.3f} in {cell.entry['seconds']:.1f} s"


def _left(cell: Progress) -> str:
    if cell.seconds_left is None or cell.done == cell.of:
        return ""
    seconds = cell.seconds_left
    return f"; about {seconds / 60:.0f} min left" if seconds >= SECONDS_TO_TELL else f"; about {seconds:.0f} s left"
