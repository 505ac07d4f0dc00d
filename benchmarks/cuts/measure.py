"""Train on windows of time with cuts from more or fewer legitimate rows a fraud; print the test average precision."""

from __future__ import annotations

import statistics
from pathlib import Path

import click
import numpy as np

from fraud_detect.estimators import xgboost as family
from fraud_detect.sagemaker.hyperparameters import parse
from fraud_detect.serving.cpus import available_cpus
from fraud_detect.tables.read import read_training
from fraud_detect.tables.request import ColumnRequest
from fraud_detect.tables.table import Table
from fraud_detect.training.partition import divide
from fraud_detect.training.train import train

SECONDS_PER_DAY = 86_400
EVERY_ROW = 1_000_000_000
RATIOS = (1, 3, 10, 30, EVERY_ROW)


def average_precision(table: Table, max_bin: int) -> float:
    """Return the average precision on the last fifth of `table`, of a model without resampling."""
    values = {"resampler": "none", "test_fraction": "0.2", "bootstrap_samples": "0", "max_bin": str(max_bin)}
    parameters = parse(values)
    parts = divide(table, None, None, parameters)
    trained = train(parts, table.schema, table.labels, parameters, threads=available_cpus())
    return float(trained.metrics["test"]["average_precision"])


def windows(table: Table, days: int, count: int) -> list[Table]:
    """Return `count` tables of `days` days each, spread evenly over the time of `table`."""
    times = table.rows.times
    assert times is not None
    starts = np.linspace(times.min(), times.max() - days * SECONDS_PER_DAY, count)
    chosen = [np.flatnonzero((times >= start) & (times < start + days * SECONDS_PER_DAY)) for start in starts]
    return [Table(table.rows.take(rows), table.schema, table.labels) for rows in chosen]


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--time", "time_column", required=True)
@click.option("--drop", default="", help="Names separated by commas.")
@click.option("--days", default=30, show_default=True)
@click.option("--count", default=4, show_default=True)
def main(path: Path, time_column: str, drop: str, days: int, count: int) -> None:
    """Measure on the table at PATH."""
    names = tuple(name for name in drop.split(",") if name)
    table = read_training(path, ColumnRequest(drop=names, time=time_column))
    click.echo(f"mean test average precision over {count} windows of {days} days\n")
    click.echo("| legitimate rows a fraud | 256 bins | 1,024 bins |\n|---|---|---|")
    for ratio in RATIOS:
        family.LEGITIMATE_PER_FRAUD = ratio
        means = [
            statistics.mean(average_precision(part, bins) for part in windows(table, days, count))
            for bins in (256, 1024)
        ]
        label = "all" if ratio == EVERY_ROW else str(ratio)
        click.echo(f"| {label} | {means[0]:.4f} | {means[1]:.4f} |")


if __name__ == "__main__":
    main()
