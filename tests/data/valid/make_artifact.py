"""Make the artifact of the current format that later versions must still read, and the scores that it gives.

Run once for each format version, with the version of fraud-detect that introduces it:
`.venv/bin/python tests/data/valid/make_artifact.py`.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from fraud_detect.artifact.manifest import FORMAT_VERSION  # noqa: E402
from fraud_detect.serving.model import load  # noqa: E402
from training_factories import a_mixed_table, a_root, train  # noqa: E402  the line above lets it be found

HYPERPARAMETERS = {
    "label_column": "kind",
    "positive_label": "bad",
    "time_column": "when",
    "category_columns": "code",
    "resampler": "smote",
    "resampling_ratio": "0.5",
    "num_round": "6",
    "early_stopping_rounds": "0",
    "eta": "0.3",
}
ROWS = [
    {"amount": 3.5, "country": "FR", "online": True, "code": "0"},
    {"amount": -1.25, "country": "DE", "online": False, "code": "1"},
    {"amount": None, "country": None, "online": True, "code": "2"},
    {"amount": 0.5, "country": 'a "b"', "online": False, "code": "3"},
    {"amount": 1.25, "country": "FR", "online": False, "code": "3"},
    {"amount": 1e30, "country": "N,L", "online": True, "code": "0"},
]


def main() -> None:
    """Train, copy the model beside this file, and write down what it answers."""
    name = f"artifact_v{FORMAT_VERSION}"
    with tempfile.TemporaryDirectory() as folder:
        root = a_root(Path(folder), HYPERPARAMETERS, train=a_mixed_table())
        train(root).check_returncode()
        shutil.copytree(root / "model", HERE / name, dirs_exist_ok=True)
    model = load(HERE / name)
    order = model.schema.names
    answer = model.predict(model.schema.encode([[row[column] for column in order] for row in ROWS], range(len(order))))
    expected = {"instances": ROWS, **answer}
    (HERE / f"{name}.expected.json").write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    main()
