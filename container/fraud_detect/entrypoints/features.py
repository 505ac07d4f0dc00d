"""`fraud-detect features`: add features to transactions.

Knows the features and the command line. Never knows models, SageMaker.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

import click

from fraud_detect import log
from fraud_detect.entrypoints.faults import faults_shown

logger = logging.getLogger(__name__)


@click.command("features", short_help="Add features to transactions.")
@click.option(
    "--input", "pattern", required=True, metavar="PATH", help="A Parquet or CSV file, a folder of them, or a glob."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the Parquet files, one a day.",
)
def command(*, pattern: str, output: Path) -> None:
    """Write the transactions of PATH with their features into DIR, as one Parquet file a day.

    The features are the handbook's: weekend and night, each customer's number and mean amount of transactions, and
    each terminal's number and share of frauds, over 1, 7 and 30 days.
    """
    from fraud_detect.features.definitions import HANDBOOK
    from fraud_detect.features.duckdb_engine import write_features

    log.configure()
    began = time.monotonic()
    with faults_shown():
        written = write_features(pattern, output, HANDBOOK)
    logger.info(
        "wrote %s transactions with %d features each, as %d files into %s in %.1f s",
        f"{written.rows:,}",
        len(HANDBOOK.names),
        written.days,
        output,
        time.monotonic() - began,
    )
