"""`fraud-detect feedback`: analysts' decisions as a file to train on.

Knows the desk's labels, files. Never knows Flask.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from fraud_detect.artifact import bundle
from fraud_detect.console import audit
from fraud_detect.console.desk import feedback
from fraud_detect.console.settings import utc_now
from fraud_detect.console.storage.database import Database
from fraud_detect.entrypoints.console import database_option, root_option, settings_of
from fraud_detect.entrypoints.faults import faults_shown


@click.command("feedback", short_help="Write analysts' decisions as labels to train on.")
@root_option
@database_option
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The CSV; a file that is there is replaced at once.",
)
@click.option(
    "--extras",
    is_flag=True,
    help=f"Add {', '.join(feedback.EXTRAS)}, which a training job then has to leave out by drop_columns.",
)
@faults_shown()
def command(root: Path, database: str | None, output: Path, *, extras: bool) -> None:
    """Write the confirmed and the cleared cases of the console into FILE, with the columns of the training table."""
    settings = settings_of(root, database, os.environ)
    layout = feedback.layout_of(bundle.read(settings.model_folder).manifest, extras=feedback.EXTRAS if extras else ())
    store = Database(settings.database_url)
    store.migrate()
    with store.reading() as rows:
        labels = feedback.write(rows, layout, output)
    with store.writing() as rows:
        audit.append(
            rows,
            actor="command line",
            action="labels exported",
            subject="feedback",
            now=utc_now(),
            detail={"labels": labels},
        )
    click.echo(f"wrote {labels:,} labels into {output}")
