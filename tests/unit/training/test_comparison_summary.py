"""The summary of a comparison: the best first, and nothing told apart that the folds do not tell apart."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from fraud_detect.evaluation.metrics import METRICS
from fraud_detect.training.comparison.page import as_html
from fraud_detect.training.comparison.plan import Cell, Pair
from fraud_detect.training.comparison.summary import (
    COSTS,
    Summary,
    corrected_interval,
    summarise,
)
from fraud_detect.training.comparison.table import as_csv, as_text

A, B, C = ("xgboost", "none"), ("xgboost", "smote"), ("knn", "none")
PLACES = [(repeat, fold) for repeat in (1, 2) for fold in (1, 2, 3)]
STEADY = [0.80, 0.70, 0.90, 0.75, 0.85, 0.80]


def an_entry(average_precision: float, **more: Any) -> dict[str, Any]:
    figures = {**dict.fromkeys(METRICS, 0.5), "average_precision": average_precision}
    return {"figures": figures, **dict.fromkeys(COSTS, 2.0), **more}


def entries_of(figures: Mapping[Pair, Sequence[float]]) -> dict[Cell, dict[str, Any]]:
    return {
        Cell(*pair, *place): an_entry(value)
        for pair, values in figures.items()
        for place, value in zip(PLACES, values, strict=False)
    }


def a_summary(figures: Mapping[Pair, Sequence[float]], more: Mapping[Cell, Any] | None = None) -> Summary:
    return summarise(list(figures), PLACES, {**entries_of(figures), **(more or {})})


def less(values: Sequence[float], by: float) -> list[float]:
    return [value - by for value in values]


def test_the_best_mean_comes_first_with_its_worst_fold() -> None:
    best, second = a_summary({B: less(STEADY, 0.1), A: STEADY}).lines

    assert (best.pair, best.means["average_precision"], best.minimum) == (A, pytest.approx(0.8), 0.70)
    assert (second.pair, second.cells) == (B, 6)


def test_intervals_are_wider_than_independent_folds_would_make_them() -> None:
    """By hand: 15 figures of 5 folds, t of 14 degrees of freedom is 2.145, variance times 1/15 + 1/4."""
    values = np.linspace(0.7, 0.9, 15)
    half = 2.1448 * np.std(values, ddof=1) * math.sqrt(1 / 15 + 1 / 4)

    assert corrected_interval(values.tolist(), 5) == pytest.approx((0.8 - half, 0.8 + half), abs=1e-4)


def test_one_figure_has_no_interval() -> None:
    assert corrected_interval([0.8], 5) is None


def test_a_small_but_steady_difference_on_the_same_folds_is_told_from_the_best() -> None:
    """The intervals of the means overlap; those of the difference leave no doubt."""
    best, second = a_summary({A: STEADY, B: less(STEADY, 0.02)}).lines

    assert best.interval is not None
    assert second.interval is not None
    assert second.interval[1] > best.interval[0]
    assert not second.is_like_the_best


def test_a_difference_that_changes_from_fold_to_fold_is_not_told_from_the_best() -> None:
    mixed = [0.7, 0.8, 0.75, 0.85, 0.7, 0.9]

    assert [line.is_like_the_best for line in a_summary({A: STEADY, B: mixed}).lines] == [True, True]


def test_what_lacks_folds_is_not_ranked_and_says_why() -> None:
    failed = {Cell(*B, *PLACES[-1]): {"failed": "too few frauds"}}
    summary = a_summary({A: STEADY, B: [0.99] * 5, C: []}, failed)

    assert [line.pair for line in summary.lines] == [A]
    assert [(line.pair, line.cells, line.reasons) for line in summary.unfinished] == [
        (B, 5, ("too few frauds",)),
        (C, 0, ()),
    ]


def test_a_figure_that_is_not_defined_on_a_fold_is_left_out_of_its_mean() -> None:
    entries = entries_of({A: STEADY})
    entries[Cell(*A, 1, 1)]["figures"]["precision"] = None

    assert summarise([A], PLACES, entries).lines[0].means["precision"] == 0.5


def test_the_text_says_how_many_were_compared_and_which_are_like_the_best() -> None:
    text = as_text(a_summary({A: STEADY, B: [0.7, 0.8, 0.75, 0.85, 0.7, 0.9], C: less(STEADY, 0.3)}))

    assert [line.split()[:3] for line in text.splitlines()[1:4]] == [
        ["xgboost", "none", "0.800"],
        ["=", "xgboost", "smote"],
        ["knn", "none", "0.500"],
    ]
    assert "The best of 3 compared looks better than it is" in text
    assert "1 more is not told from the best" in text


def test_the_text_says_what_failed() -> None:
    text = as_text(a_summary({A: STEADY, B: [0.9] * 5}, {Cell(*B, *PLACES[-1]): {"failed": "Too few frauds."}}))

    assert "xgboost with smote: 5 of 6 folds. Too few frauds." in text


def test_without_any_figures_the_text_says_so() -> None:
    assert "No configuration has figures for every fold yet." in as_text(a_summary({A: []}))


def test_the_csv_has_every_configuration_and_figure() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(a_summary({A: STEADY, B: less(STEADY, 0.1), C: []})))))

    assert [(row["algorithm"], row["resampler"], row["cells"], row["like_the_best"]) for row in rows] == [
        ("xgboost", "none", "6", "yes"),
        ("xgboost", "smote", "6", "no"),
        ("knn", "none", "0", "no"),
    ]
    assert float(rows[0]["average_precision"]) == pytest.approx(0.8)
    assert float(rows[1]["behind_the_best_low"]) == pytest.approx(0.1)
    assert rows[2]["average_precision"] == ""


def test_the_page_fetches_nothing_runs_nothing_and_escapes_what_it_shows() -> None:
    failed = {Cell(*B, *PLACES[0]): {"failed": "<script>alert(1)</script>"}}

    page = as_html(a_summary({A: STEADY, B: []}, failed), {"label_column": "</pre><b>"})

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page
    assert "<b>" not in page


def test_the_page_sorts_by_each_figure_where_less_may_be_better() -> None:
    entries = entries_of({A: STEADY, B: less(STEADY, 0.1)})
    for place in PLACES:
        entries[Cell(*A, *place)]["figures"]["brier"] = 0.9

    page = as_html(summarise([A, B], PLACES, entries), None)

    assert "body:has(#by5:checked) tbody tr{order:var(--by5)}" in page
    assert "--by0:0;--by1:0;--by2:0;--by3:0;--by4:0;--by5:1" in page


def test_a_page_of_nothing_is_a_page() -> None:
    assert "No configuration has figures" in as_html(a_summary({A: []}), None)


def test_equal_figures_are_drawn_too() -> None:
    assert "<svg" in as_html(a_summary({A: [1.0] * 6, B: [1.0] * 6}), None)
