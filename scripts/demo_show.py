"""Send a few transactions of the demo's last week to its endpoint, and show the answers and the metrics.

Usage: demo_show.py ENDPOINT ROOT
"""

from __future__ import annotations

import csv
import io
import json
import sys
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

TIMEOUT_SECONDS = 30
KNOWN_LATER = ("TX_FRAUD", "TX_FRAUD_SCENARIO")
HOW = {1: "large amount", 2: "stolen at the terminal", 3: "stolen card data"}
LEGITIMATE_ROWS = 3
# The same rows on every run: the first by a checksum, one fraud of each kind.
CHOSEN = """
FROM read_parquet($files)
QUALIFY row_number() OVER (PARTITION BY TX_FRAUD_SCENARIO ORDER BY md5(CAST(TRANSACTION_ID AS VARCHAR)))
    <= CASE WHEN TX_FRAUD = 0 THEN $legitimate ELSE 1 END
ORDER BY TX_FRAUD DESC, TX_FRAUD_SCENARIO, TRANSACTION_ID
"""

Row = Mapping[str, Any]


def main() -> None:
    """Print what the endpoint says of a few rows, and what the training job measured."""
    endpoint, root = sys.argv[1], Path(sys.argv[2])
    rows = chosen(root / "input" / "data" / "test")
    sent = [{name: value for name, value in row.items() if name not in KNOWN_LATER} for row in rows]
    scores = from_csv(endpoint, sent)
    if scores != from_json(endpoint, sent):
        raise SystemExit("demo: the answers to the same rows as CSV and as JSON differ")
    print("demo: the answers in CSV and in JSON are the same")
    metrics = json.loads((root / "output" / "data" / "metrics.json").read_text())
    show_scores(rows, scores, metrics["threshold"])
    show_metrics(metrics)


def chosen(folder: Path) -> list[Row]:
    """Return one fraud of each kind and some legitimate rows of the Parquet files in `folder`."""
    query = duckdb.execute(CHOSEN, {"files": str(folder / "*.parquet"), "legitimate": LEGITIMATE_ROWS})
    names = [column[0] for column in query.description]
    return [dict(zip(names, row, strict=True)) for row in query.fetchall()]


def from_csv(endpoint: str, rows: Sequence[Row]) -> list[tuple[float, int]]:
    """Return probability and verdict for each of `rows`, sent as CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    answer = post(endpoint, text.getvalue(), "text/csv")
    return [(float(probability), int(label)) for label, probability in csv.reader(answer.splitlines())]


def from_json(endpoint: str, rows: Sequence[Row]) -> list[tuple[float, int]]:
    """Return probability and verdict for each of `rows`, sent as JSON instances by name."""
    answer = post(endpoint, json.dumps({"instances": rows}, default=str), "application/json")
    return [(one["probability"], one["predicted_label"]) for one in json.loads(answer)["predictions"]]


def post(endpoint: str, body: str, content_type: str) -> str:
    """Return the answer to `body`, in the same media type."""
    request = urllib.request.Request(endpoint, body.encode(), {"Content-Type": content_type})  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
        return str(answer.read().decode())


def show_scores(rows: Sequence[Row], scores: Sequence[tuple[float, int]], threshold: Mapping[str, Any]) -> None:
    """Print each row with its truth beside what the model says."""
    print(f"demo: fraud from a probability of {threshold['value']:.3f} on (policy {threshold['policy']})\n")
    table(
        ("transaction", "time", "amount", "truth", "probability", "verdict"),
        [
            (
                str(row["TRANSACTION_ID"]),
                f"{row['TX_DATETIME']:%Y-%m-%d %H:%M}",
                f"{row['TX_AMOUNT']:.2f}",
                f"fraud: {HOW[row['TX_FRAUD_SCENARIO']]}" if row["TX_FRAUD"] else "legitimate",
                f"{probability:.4f}",
                "fraud" if verdict else "legitimate",
            )
            for row, (probability, verdict) in zip(rows, scores, strict=True)
        ],
    )


def show_metrics(metrics: Mapping[str, Any]) -> None:
    """Print the metrics of each part, and what the resampling did."""
    names = ("average_precision", "roc_auc", "precision", "recall", "f1")
    parts = [(part, metrics[part]) for part in ("train", "validation", "test")]
    print("\ndemo: metrics at that threshold; the test part is the last week\n")
    table(
        ("part", "rows", "frauds", *(name.replace("_", " ") for name in names)),
        [
            (part, f"{said['rows']:,}", f"{said['frauds']:,}", *(f"{said[name]:.3f}" for name in names))
            for part, said in parts
        ],
    )
    resampling = metrics["resampling"]
    with_it, without = (resampling[which]["average_precision"] for which in ("with", "without"))
    print(
        f"\ndemo: validation average precision with {resampling['compared']} {with_it:.3f}, "
        f"without resampling {without:.3f}; kept: {resampling['chosen']}"
    )
    show_folds(metrics["prequential"])


def show_folds(prequential: Mapping[str, Any]) -> None:
    """Print what models made in the same way earlier came to, each on the days that followed."""
    k = prequential["top_k"]
    print(f"\ndemo: folds in time; of the {k} cards a day that look worst, how many were defrauded\n")
    table(
        ("trained on", "tested on", "average precision", f"card precision@{k}", "oracle's"),
        [
            (
                f"{fold['train']['first_day']} to {fold['train']['last_day']}",
                f"{fold['test']['first_day']} to {fold['test']['last_day']}",
                *(f"{fold[name]:.3f}" for name in ("average_precision", "card_precision", "oracle_card_precision")),
            )
            for fold in prequential["folds"]
        ],
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print `rows` below `header` in columns; numbers stand to the right."""
    lines = [header, *rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    is_number = [cells[1].replace(",", "").replace(".", "").isdigit() for cells in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, is_number, strict=True)
        )
        print(f"  {'  '.join(cells)}".rstrip())


if __name__ == "__main__":
    main()
