"""Write the synthetic channel and payloads of this folder again: `python local_test/make_test_data.py`.

The columns are those of the well-known card data set, so that its file can take the place of this one. The values are
drawn from normal distributions; in a fraud five of the columns are shifted.
"""

import csv
import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
FEATURES = ["Time", *(f"V{number}" for number in range(1, 29)), "Amount"]
SHIFT_OF_FRAUD = {"V4": 1.2, "V10": -1.3, "V11": 1.0, "V14": -1.6, "V17": -1.2}
ROWS, FRAUDS, PAYLOAD_ROWS = 1_500, 60, 4

Row = dict[str, float]


def transactions(rows: int, frauds: int, rng: np.random.Generator) -> tuple[list[Row], list[int]]:
    """Return `rows` transactions in order of time, and their labels, `frauds` of them 1."""
    labels = rng.permutation([1] * frauds + [0] * (rows - frauds))
    components = rng.normal(size=(rows, 28))
    for name, shift in SHIFT_OF_FRAUD.items():
        components[:, int(name[1:]) - 1] += shift * labels
    seconds = np.sort(rng.integers(0, 2 * 24 * 3600, size=rows))
    amounts = rng.lognormal(mean=3.0, sigma=1.2, size=rows)
    columns = [seconds, *components.round(3).T, amounts.round(2)]
    return [dict(zip(FEATURES, map(float, row), strict=True)) for row in zip(*columns, strict=True)], labels.tolist()


def write_csv(path: Path, header: list[str], rows: list[list[float]]) -> None:
    """Write `rows` as CSV, under `header` unless it is empty."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(([header] if header else []) + [[f"{value:.10g}" for value in row] for row in rows])


def main() -> None:
    """Write the training channel, and further transactions in each media type that the endpoint reads."""
    rng = np.random.default_rng(0)
    rows, labels = transactions(ROWS, FRAUDS, rng)
    labelled = [[*row.values(), label] for row, label in zip(rows, labels, strict=True)]
    write_csv(FOLDER / "test_dir/input/data/train/train.csv", [*FEATURES, "Class"], labelled)

    records, _ = transactions(PAYLOAD_ROWS, PAYLOAD_ROWS // 2, rng)
    lists = [list(record.values()) for record in records]
    write_csv(FOLDER / "payload.csv", [], lists)
    write_csv(FOLDER / "payload_with_header.csv", FEATURES, lists)
    (FOLDER / "payload.json").write_text(json.dumps({"instances": lists}) + "\n")
    (FOLDER / "payload_records.json").write_text(json.dumps({"instances": records}) + "\n")
    (FOLDER / "payload.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


if __name__ == "__main__":
    main()
