"""`fraud-detect simulate`: write simulated card transactions, one file a day.

Knows the simulation and the command line. Never knows models, SageMaker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
import numpy as np

from fraud_detect import log
from fraud_detect.entrypoints.faults import faults_shown
from fraud_detect.entrypoints.progress import shown
from fraud_detect.simulation import drift, files
from fraud_detect.simulation.parameters import Parameters, parse
from fraud_detect.simulation.scenarios import CompromisedCustomers, CompromisedTerminals
from fraud_detect.simulation.simulate import DayTable, simulate
from fraud_detect.tables.day_files import DayFiles

logger = logging.getLogger(__name__)

DEFAULT = Parameters()
FORMATS = tuple(files.FORMATS)
COMPROMISED = (
    f"{CompromisedCustomers.per_day} customers and {CompromisedTerminals.per_day} terminals are newly compromised each "
    "day, however many there are"
)
LARGE_SHARE = 0.05  # of frauds; the published world has 0.8 %


@click.command("simulate", short_help="Write simulated card transactions.")
@click.option(
    "--customers",
    type=int,
    default=DEFAULT.customers,
    show_default=True,
    help=f"Number of customers. {COMPROMISED}: the fewer there are, the larger the share of frauds.",
)
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
    "--drift",
    "drift_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="JSON file with a list of changes of the world, see docs/drift.md; may be repeated.",
)
@click.option(
    "--list-changes",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, asked: _list_changes(context) if asked else None,
    help="Print the page of the changes and exit.",
)
@click.option("--label-delay-days", type=int, help="Add LABEL_TIME, when each label becomes known: so many days later.")
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
    drift_files: tuple[Path, ...],
    label_delay_days: int | None,
    output: Path,
    file_format: str,
) -> None:
    """Write simulated card transactions with known frauds into DIR, one file a day.

    The process and the names of the columns are those of the Fraud Detection Handbook. With changes, DIR/drift.json
    says what each of them touched.
    """
    log.configure()
    given = {"customers": customers, "terminals": terminals, "days": days, "start": start.date(), "radius": radius}
    with faults_shown():
        parameters = parse({**given, "label_delay_days": label_delay_days})
        changes = drift.read(drift_files, parameters)
        tables = simulate(parameters, np.random.default_rng(seed), changes=changes)
        record = drift.Record(parameters, seed, changes)
        _write(tables, record, files.prepare(output, file_format, parameters), days)


def _list_changes(context: click.Context) -> None:
    from fraud_detect.simulation import changes_page

    click.echo(changes_page.as_markdown(), nl=False)
    context.exit()


def _write(tables: Iterator[DayTable], record: drift.Record, day_files: DayFiles, days: int) -> None:
    began = time.monotonic()
    for table in shown(files.write(tables, day_files), length=days, unit="days"):
        record.add(table)
    if record.changes:
        files.write_record(record.as_json(), day_files)
    rows, frauds = record.rows, record.frauds
    logger.info(
        "wrote %s transactions, %s of them frauds (%.3f %%), as %d files into %s in %.1f s",
        f"{rows:,}",
        f"{frauds:,}",
        100 * frauds / max(rows, 1),
        days,
        day_files.folder,
        time.monotonic() - began,
    )
    if frauds > LARGE_SHARE * rows:
        share = f"{100 * frauds / rows:.0f} %"
        logger.warning("%s of the transactions are frauds: %s; more of both lower the share", share, COMPROMISED)
