"""`fraud-detect features`: add features to transactions.

Knows the features, their engines and the command line. Never knows models, SageMaker.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import click

from fraud_detect import log
from fraud_detect.entrypoints.faults import faults_shown
from fraud_detect.entrypoints.progress import Counter
from fraud_detect.features.definitions import SETS
from fraud_detect.features.engine import Engine

logger = logging.getLogger(__name__)

Opening = Callable[[str, float | None], AbstractContextManager[Engine]]


def _duckdb(output: str, memory_gb: float | None) -> AbstractContextManager[Engine]:
    from fraud_detect.features.duckdb_engine import DuckDB

    return DuckDB.running(Path(output), memory_gb=memory_gb)


def _spark(output: str, memory_gb: float | None) -> AbstractContextManager[Engine]:
    from fraud_detect.features.spark_engine import Spark

    return Spark.running(output, memory_gb=memory_gb)


def _finite(value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("got 'nan'; expected a number of gigabytes")
    return value


def _list_features(context: click.Context) -> None:
    from fraud_detect.features.page import as_markdown

    click.echo(as_markdown(), nl=False)
    context.exit()


ENGINES: Mapping[str, Opening] = {"duckdb": _duckdb, "spark": _spark}


@click.command("features", short_help="Add features to transactions.")
@click.option(
    "--input", "pattern", required=True, metavar="PATH", help="A Parquet or CSV file, a folder of them, or a glob."
)
@click.option("--output", required=True, metavar="DIR", help="Folder for the Parquet files, one a day.")
@click.option("--set", "name", type=click.Choice(tuple(SETS)), default="handbook", show_default=True)
@click.option("--engine", type=click.Choice(tuple(ENGINES)), default="duckdb", show_default=True)
@click.option("--full", is_flag=True, help="Compute all days, also those that DIR has already.")
@click.option(
    "--memory-gb",
    type=click.FloatRange(min=0.5, max=1_000_000),
    callback=lambda _context, _option, value: _finite(value),
    default=None,
    help="Memory to use before the disk; without it, six tenths of what there is, and 6 GB at most.",
)
@click.option(
    "--list-features",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, asked: _list_features(context) if asked else None,
    help="Print the page of the features and exit.",
)
def command(*, pattern: str, output: str, name: str, engine: str, full: bool, memory_gb: float | None) -> None:
    """Write the transactions of PATH with their features into DIR, as one Parquet file a day.

    The handbook's features are weekend and night, each customer's number and mean amount of transactions, and each
    terminal's number and share of frauds as known a week before, over 1, 7 and 30 days. The extended set adds how
    unlike the customer's habits an amount is, times since, first visits, and more of the terminal's past.

    Where the transactions have a column LABEL_TIME, a label counts from then on instead of after a week. Days that DIR
    has already are only computed again if something changed that they depend on.
    """
    from fraud_detect.features.write import write_features

    log.configure()
    began = time.monotonic()
    features = SETS[name]
    with faults_shown(), ENGINES[engine](output, memory_gb) as running, Counter("days", sys.stderr) as counter:
        written = write_features(pattern, features, running, full=full, on_day=counter.show)
    logger.info(
        "wrote %s transactions with %d features each, as %d files into %s in %.1f s%s",
        f"{written.computed_rows:,}",
        len(features.names),
        written.computed_days,
        output,
        time.monotonic() - began,
        f"; {written.days - written.computed_days} days were there already"
        if written.computed_days < written.days
        else "",
    )
