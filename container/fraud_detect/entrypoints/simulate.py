"""`fraud-detect simulate`: write simulated card transactions, one file a day.

Knows the simulation and the command line. Never knows models, SageMaker.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime
from pathlib import Path

import click
import numpy as np

from fraud_detect import log
from fraud_detect.entrypoints.faults import faults_shown
from fraud_detect.entrypoints.progress import shown
from fraud_detect.simulation import files
from fraud_detect.simulation.parameters import Parameters, parse
from fraud_detect.simulation.simulate import simulate

logger = logging.getLogger(__name__)

DEFAULT = Parameters()
FORMATS = tuple(files.FORMATS)


@click.command("simulate", short_help="Write simulated card transactions.")
@click.option("--customers", type=int, default=DEFAULT.customers, show_default=True, help="Number of customers.")
@click.option("--terminals", type=int, default=DEFAULT.terminals, show_default=True, help="Number of terminals.")
@click.option("--days", type=int, default=DEFAULT.days, show_default=True, help="Number of days.")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default=DEFAULT.start.isoformat(),
    show_default=True,
    metavar="YYYY-MM-DD",
    help="First day.",
)
@click.option(
    "--radius",
    type=float,
    default=DEFAULT.radius,
    show_default=True,
    help=f"How far customers go to a terminal, in a square of side {DEFAULT.area_side:g}.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same rows.")
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder for the files, one a day."
)
@click.option("--format", "file_format", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
def command(
    *,
    customers: int,
    terminals: int,
    days: int,
    start: datetime,
    radius: float,
    seed: int,
    output: Path,
    file_format: str,
) -> None:
    """Write simulated card transactions with known frauds into DIR, one file a day.

    The process and the names of the columns are those of the Fraud Detection Handbook.
    """
    log.configure()
    with faults_shown():
        parameters = parse(
            {"customers": customers, "terminals": terminals, "days": days, "start": start.date(), "radius": radius}
        )
        _write(parameters, seed, output, file_format)


def _write(parameters: Parameters, seed: int, output: Path, file_format: str) -> None:
    began = time.monotonic()
    tables = simulate(parameters, np.random.default_rng(seed))
    day_files = files.prepare(output, file_format, parameters)
    rows = frauds = 0
    for table in shown(files.write(tables, day_files), length=parameters.days, unit="days"):
        rows += len(table)
        frauds += table.frauds
    logger.info(
        "wrote %s transactions, %s of them frauds (%.3f %%), as %d files into %s in %.1f s",
        f"{rows:,}",
        f"{frauds:,}",
        100 * frauds / max(rows, 1),
        parameters.days,
        output,
        time.monotonic() - began,
    )
