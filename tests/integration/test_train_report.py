"""`fraud-detect train` and its report, from files to output/data/report.html."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from fraud_detect.entrypoints import report
from fraud_detect.entrypoints.report import REPORT_FILE
from fraud_detect.entrypoints.train import train_root
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.report.numbers import figure, percent
from report_factories import HOSTILE, Page
from timed_rows import a_timed_table
from training_factories import QUICK_FAMILY, a_mixed_table, a_root, a_table, configure, metrics_of

MIXED = {"label_column": "kind", "positive_label": "bad", "category_columns": "code", "drop_columns": "when"}
DAYS = {"train_days": "8", "delay_days": "2", "test_days": "4", "folds": "3"}
FOLDS = {"split": "prequential", "time_column": "when", "card_column": "card", "top_k": "5", **DAYS}


def report_of(root: Path, **hyperparameters: str) -> Page:
    """Return the report of a job in `root` that has its channels."""
    assert train_root(a_root(root, {"report": "true", **hyperparameters})) == 0
    return Page((root / "output" / "data" / REPORT_FILE).read_text(encoding="utf-8"))


def test_the_report_has_the_figures_of_the_test_rows(tmp_path: Path) -> None:
    page = report_of(a_root(tmp_path, train=a_table()), test_fraction="0.3")
    figures = metrics_of(tmp_path)["test"]

    assert f"tried on {figures['rows']} test rows" in page.text
    assert figure(figures["average_precision"]) in page.text
    assert percent(figures["recall"]) in page.text


def test_a_table_of_every_kind_of_column_has_a_report(tmp_path: Path) -> None:
    table = a_mixed_table()
    table["country"] = table["country"].replace("DE", HOSTILE)
    table = table.rename(columns={"online": HOSTILE})
    page = report_of(
        a_root(tmp_path, train=table), **MIXED, resampler="smote", resampling_ratio="0.8", amount_column="amount"
    )

    assert len(page.those("script", lambda _: True)) == 2
    assert HOSTILE in page.text
    assert "Amount of missed frauds" in page.text


def test_a_family_without_contributions_has_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "open_contributions", lambda *_: None)

    assert "shuffled" in report_of(a_root(tmp_path, train=a_table())).text


def test_folds_are_in_the_report(tmp_path: Path) -> None:
    page = report_of(a_root(tmp_path, train=a_timed_table()), **FOLDS)

    assert "Over time" in page.words["h2"]
    assert figure(metrics_of(tmp_path)["prequential"]["mean"]["oracle_card_precision"]) in page.text


def test_rows_held_out_in_time_are_counted_by_the_day(tmp_path: Path) -> None:
    page = report_of(a_root(tmp_path, train=a_timed_table()), time_column="when", drop_columns="card")

    assert "Alerts per day" in page.text


def test_warnings_of_the_log_are_in_the_report(tmp_path: Path) -> None:
    page = report_of(a_root(tmp_path, train=a_table(frauds=30)))

    assert "the validation part has 6 frauds" in page.text


def test_the_second_job_of_a_process_does_not_repeat_the_warnings_of_the_first(tmp_path: Path) -> None:
    report_of(a_root(tmp_path / "first", train=a_table(frauds=30)))

    assert (
        "the validation part has"
        not in report_of(a_root(tmp_path / "second", train=a_table(frauds=150, rows=600))).text
    )


def test_without_a_report_an_older_one_goes(tmp_path: Path) -> None:
    report_of(a_root(tmp_path, train=a_table()))

    assert train_root(a_root(tmp_path, {"report": "false"})) == 0
    assert sorted(path.name for path in (tmp_path / "output" / "data").iterdir()) == ["metrics.json", "predictions.csv"]


def test_a_report_that_fails_costs_neither_the_model_nor_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(report, "report", fail)
    monkeypatch.setattr(logging.getLogger("fraud_detect"), "handlers", [caplog.handler])

    assert train_root(a_root(tmp_path, {"report": "true"}, train=a_table())) == 0
    assert (tmp_path / "model" / "manifest.json").exists()
    assert "the report could not be made" in caplog.text
    assert not (tmp_path / "output" / "failure").exists()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_report(family: str, tmp_path: Path) -> None:
    root = a_root(tmp_path, train=a_mixed_table())
    fields = FAMILIES[family].parameters.model_fields
    own = {name: str(value) for name, value in QUICK_FAMILY.items() if name in fields}
    settings = {**MIXED, **own, "algorithm": family, "resampler": "none", "bootstrap_samples": "20"}
    configure(root, "hyperparameters", settings)

    assert train_root(root) == 0
    page = Page((root / "output" / "data" / REPORT_FILE).read_text(encoding="utf-8"))
    assert f"The model ({family}) learned from" in page.text
