"""Every broken input of tests/data/invalid/tables ends training with exit code 1 and words that help.

A folder there holds the channels of one fault.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fraud_detect.entrypoints.train import train_root
from training_factories import DATA, a_root, files_of

TABLES = DATA / "invalid" / "tables"
LONGEST_FAILURE = 1_024
SMOTE = {"resampler": "smote", "resampling_ratio": "1"}


@dataclass(frozen=True)
class Fault:
    """What the failure file must say, and the hyperparameters that bring the fault to light."""

    words: Sequence[str]
    hyperparameters: Mapping[str, str] = field(default_factory=dict)


FAULTS: Mapping[str, Fault] = {
    "blank_before_quotes": Fault(["train/data.csv, line 2", "blank before quotes", "Take out the blanks"]),
    "csv_beside_parquet": Fault(["mixes Parquet and CSV", "files of one kind"]),
    "date_column": Fault(["'bought' holds dates", "2026-01-01", "`drop_columns`: 'bought'", "`time_column`: 'bought'"]),
    "date_in_parquet": Fault(["'bought'", "`drop_columns`: 'bought'", "`time_column`: 'bought'"]),
    "decimal_commas": Fault(["'amount' holds numbers with a decimal comma", "'0,00'", "decimal='.'"]),
    "dropped_column_unknown": Fault(["no column 'minute'", "drop_columns", "'hour'"], {"drop_columns": "minute"}),
    "empty_channel": Fault(["input/data/train has no data files", "CSV or Parquet"]),
    "empty_file": Fault(["no data files, only empty ones (data.csv)"]),
    "feature_twice": Fault(["'amount' twice", "Rename or remove"]),
    "files_of_different_columns": Fault(["train/b.csv and train/a.csv", "'hour', 'minute'", "the same columns"]),
    "header_in_first_file_only": Fault(["train/b.csv has no header", "as train/a.csv has"]),
    "header_in_second_file_only": Fault(["train/b.csv has a header", "as train/a.csv has"]),
    "header_only": Fault(["a header and no rows"]),
    "identifier_column": Fault(["'card' has 30 distinct texts", "identifier", "add 'card'", "`drop_columns`"]),
    "index_of_pandas": Fault(["'Unnamed: 0'", "index=False"]),
    "index_without_name": Fault(["no name for column 1", "to_csv(index=False)"]),
    "infinite_value": Fault(["row 3", "'amount'", "inf", "finite"]),
    "label_alone": Fault(["no feature left"], {"drop_columns": "amount"}),
    "label_ambiguous": Fault(["'Class', 'label'", "`label_column`"]),
    "label_column_twice": Fault(["'Class' twice"], {"label_column": "Class"}),
    "label_column_unknown": Fault(["no column 'Fraud'", "'amount', 'hour'"], {"label_column": "Fraud"}),
    "label_column_without_header": Fault(["no header", "no column 'Class'"], {"label_column": "Class"}),
    "label_missing": Fault(["row 3", "'Class' is missing", "0 or 1", "`missing_labels` to leave_out"]),
    "label_of_three_values": Fault(["'Class' has 3 values (0, 1, 2)", "two values"]),
    "label_without_positive_value": Fault(["'no', 'yes'", "Set the hyperparameter `positive_label`"]),
    "label_without_the_named_value": Fault(["'no', 'yes'", "positive_label is 'fraud'"], {"positive_label": "fraud"}),
    "label_without_usual_name": Fault(["no label column among 'outcome'", "`label_column`"]),
    "mixed_line_ends": Fault(["mixes line ends", "one kind of line ends"]),
    "no_train_channel": Fault(["no channel 'train'", "found: validation"]),
    "not_utf8": Fault(["line 2 is not UTF-8", "iconv"]),
    "one_class": Fault(["only the value 0", "both frauds and legitimate rows"]),
    "one_fraud": Fault(["1 distinct fraud rows", "at least 2"]),
    "only_categories_to_resample": Fault(["no number column", "resampler=none"], SMOTE),
    "parquet_named_csv": Fault(["data.csv holds Parquet", ".csv", "Rename"]),
    "ragged_rows": Fault(["line 3 has 2 values", "3 as in the first row"]),
    "semicolons": Fault(["separated by semicolons ('Class;amount;hour')", "commas"]),
    "text_after_quotes": Fault(["line 3 is not valid CSV", "double quotes"]),
    "text_in_number_column": Fault(["row 3", "column 'amount'", "'twelve'", "category_columns"]),
    "text_named_gzip": Fault(["data.csv.gz", ".gz", "Rename"]),
    "text_named_parquet": Fault(["data.parquet", ".parquet", "Rename"]),
    "time_unreadable": Fault(["row 2", "the time 'bought'", "2026-01-31"], {"time_column": "bought"}),
    "truncated_gzip": Fault(["data.csv.gz", "truncated gzip", "Copy or compress the file again"]),
    "truncated_parquet": Fault(["data.parquet", "not a readable Parquet file"]),
    "unclosed_quotes": Fault(["line 4 is not valid CSV", "double quotes"]),
    "validation_has_another_column": Fault(["validation/data.csv", "'minute'"]),
    "validation_lacks_a_column": Fault(["validation/data.csv lacks", "'hour'"]),
    "validation_of_one_class": Fault(["validation part has 0 frauds among 2 rows"]),
    "validation_with_another_category": Fault(["validation/data.csv, row 3", "'town'", "'Ulm'", "Bonn, Kiel"]),
    "validation_with_missing_value": Fault(["validation/data.csv, row 1", "'amount'", "a missing value"]),
    "validation_without_header": Fault(["validation/data.csv has no header"]),
    "value_above_float32": Fault(["row 3", "'amount'", "within the range of float32"]),
    "zip_archive": Fault(["data.csv is a zip archive", "Unpack it"]),
}


def failure_of(root: Path) -> str:
    return (root / "output" / "failure").read_text()


def test_every_broken_table_has_its_words() -> None:
    assert {folder.name for folder in TABLES.iterdir()} == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_table_is_the_users_fault_and_says_what_to_do(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fault = FAULTS[name]
    shutil.copytree(TABLES / name, tmp_path / "input" / "data")

    code = train_root(a_root(tmp_path, fault.hyperparameters))

    failure = failure_of(tmp_path)
    assert code == 1
    assert [word for word in fault.words if word not in failure] == [], failure
    assert "Traceback" not in failure + capfd.readouterr().err
    assert len(failure) < LONGEST_FAILURE
    assert files_of(tmp_path / "model") == {}


def test_a_fault_keeps_an_earlier_model_as_it_was(tmp_path: Path) -> None:
    shutil.copytree(TABLES / "ragged_rows", tmp_path / "input" / "data")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "manifest.json").write_text("earlier")

    train_root(a_root(tmp_path))

    assert (tmp_path / "model" / "manifest.json").read_text() == "earlier"


def test_a_fault_far_down_the_file_is_named_too(tmp_path: Path) -> None:
    """The layout is judged by the first 5,000 rows; a fault behind them is found by the second, slow reading."""
    rows = "".join(f"{number % 2},{number}.5\n" for number in range(9_000))

    train_root(a_root(tmp_path, train=f"Class,amount\n{rows}1,twelve\n"))

    assert "train/part-0.csv, row 9001, column 'amount': got 'twelve'" in failure_of(tmp_path)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("1\n", "row 9001 has 1 values"),
        ("1,2,3\n", "row 9001 has 3 values"),
        ('1,"2\n', "line 9002 is not valid CSV"),
        ("1,\xff\n", "line 9002 is not UTF-8"),
        ("1,1e39\n", "row 9001, column 'amount'"),
    ],
)
def test_every_kind_of_fault_is_found_behind_the_sample(end: str, words: str, tmp_path: Path) -> None:
    rows = "".join(f"{number % 2},{number}.5\n" for number in range(9_000))

    train_root(a_root(tmp_path, train=f"Class,amount\n{rows}{end}".encode("latin-1")))

    assert words in failure_of(tmp_path)
