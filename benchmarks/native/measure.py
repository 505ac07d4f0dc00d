"""Score and explain the same rows with the ONNX session and the native booster, in turn; print the medians."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import cycle
from pathlib import Path

import click
import numpy as np

from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.estimators.family import Block, FitSettings, Fitted
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.estimators.xgboost import XGBoostParameters
from fraud_detect.estimators.xgboost_native import NATIVE_FILE, NativeBooster
from fraud_detect.evaluation.ranking import average_precision_of
from fraud_detect.explain.reasons import Explainer
from fraud_detect.schema import Column, Float32Matrix, Schema

TABLE = Path(__file__).parents[1] / "train" / "table.py"
ROWS, TRAINING_ROWS = 20_000, 16_000
SIZES = (1, 5, 10, 15, 20, 25, 30, 35, 40, 50, 75, 100, 300, 1_000)
EXPLAINED = (1, 10, 100)
TOP = 5
SECONDS_A_SIZE = 2.0
MICROSECONDS = 1e6

Call = Callable[[Float32Matrix], object]


def fitted(folder: Path, trees: int, depth: int) -> tuple[Fitted, Float32Matrix]:
    """Return a model of `trees` trees, and rows that it has not seen, float32, shape (n, 30)."""
    subprocess.run([sys.executable, TABLE, folder, str(ROWS)], check=True)
    features, labels = np.load(folder / "features.npy"), np.load(folder / "labels.npy")
    training = Block(features[:TRAINING_ROWS], labels[:TRAINING_ROWS])
    unseen = Block(features[TRAINING_ROWS:], labels[TRAINING_ROWS:])
    settings = FitSettings(
        parameters=XGBoostParameters(num_round=trees, early_stopping_rounds=0, max_depth=depth),
        measure=average_precision_of,
        categories=[0] * features.shape[1],
        seed=0,
        threads=1,
    )
    return FAMILIES["xgboost"].fit([training], unseen, settings), unseen.features


def in_turn(calls: Sequence[Call], rows: Float32Matrix, size: int) -> list[list[float]]:
    """Return, for each of `calls`, its sorted times in microseconds over other rows each time, `size` at a time."""
    times: list[list[float]] = [[] for _ in calls]
    starts = cycle(range(0, len(rows) - size + 1, size))
    end = time.perf_counter() + SECONDS_A_SIZE
    while time.perf_counter() < end:
        part = rows[(start := next(starts)) : start + size]
        for call, taken in zip(calls, times, strict=True):
            before = time.perf_counter()
            call(part)
            taken.append((time.perf_counter() - before) * MICROSECONDS)
    return [sorted(taken) for taken in times]


def compare(graph: Call, native: Call, rows: Float32Matrix) -> float:
    """Print the medians by rows at a time, and return from how many rows on `native` is faster."""
    click.echo("| rows at a time | ONNX, µs | native, µs |\n|---|---|---|")
    gains = []
    for size in SIZES:
        medians = [statistics.median(taken) for taken in in_turn([graph, native], rows, size)]
        click.echo(f"| {size:,} | {medians[0]:.1f} | {medians[1]:.1f} |")
        gains.append(medians[0] - medians[1])
    after = next((place for place in range(len(SIZES)) if min(gains[place:]) > 0), None)
    if not after:
        return float("nan") if after is None else SIZES[0]
    return float(np.interp(0, gains[after - 1 : after + 1], SIZES[after - 1 : after + 1]))


def explain(native: NativeBooster, rows: Float32Matrix) -> None:
    """Print what explanations cost."""
    schema = Schema(columns=tuple(Column(name=f"V{place}") for place in range(1, native.width + 1)))
    explainer = Explainer(native.contributions, schema, {})
    calls: Sequence[Call] = (native.contributions, lambda part: explainer.columns(part, TOP))
    click.echo(
        f"\n| rows at a time | contributions, p50 ms | with {TOP} reasons a row, p50 ms | p99 ms |\n|---|---|---|---|"
    )
    for size in EXPLAINED:
        bare, whole = in_turn(calls, rows, size)
        p50, p99 = statistics.median(whole), whole[int(0.99 * len(whole))]
        click.echo(f"| {size} | {statistics.median(bare) / 1e3:.2f} | {p50 / 1e3:.2f} | {p99 / 1e3:.2f} |")


@click.command()
@click.option("--trees", default=200, show_default=True)
@click.option("--depth", default=6, show_default=True)
def main(trees: int, depth: int) -> None:
    """Measure on a model of TREES trees of DEPTH."""
    with tempfile.TemporaryDirectory() as folder:
        model, rows = fitted(Path(folder), trees, depth)
    native = NativeBooster.open(model.native_files()[NATIVE_FILE], rows.shape[1])
    versions = ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "xgboost-cpu", "numpy"))
    click.echo(f"{trees} trees of depth {depth}, {rows.shape[1]} features, one thread; {versions}\n")
    even = compare(Scorer(model.to_onnx(), NoCalibration()).scores, native.scores, rows)
    click.echo(f"\nnative is faster from {even:.0f} rows")
    explain(native, rows)


if __name__ == "__main__":
    main()
