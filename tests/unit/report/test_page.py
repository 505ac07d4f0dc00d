"""The report as a page: whole, safe, readable."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from fraud_detect.evaluation.metrics import METRICS
from fraud_detect.report.data import Job
from fraud_detect.report.numbers import percent
from fraud_detect.report.page import render
from fraud_detect.report.words import value_of
from fraud_detect.schema import Column, ColumnKind
from report_factories import COLUMNS, HOSTILE, Page, a_job, a_resampling, held_out_rows, without

SECTIONS = [
    *("Summary", "Threshold", "Ranking", "Probabilities", "What the model looks at", "Reasons", "Resampling"),
    *("Data", "Settings and versions"),
]
MOST_BYTES = 500_000


def unlabelled(page: Page) -> list[dict[str, str | None]]:
    return [svg for svg in page.those("svg") if not svg.get("aria-label") and svg.get("aria-hidden") != "true"]


def test_a_page_has_each_section_once_and_in_order() -> None:
    assert Page(render(a_job())).words["h2"] == SECTIONS


def test_the_same_job_gives_the_same_bytes() -> None:
    assert render(a_job()) == render(a_job())


def test_a_page_fetches_nothing() -> None:
    html = render(a_job())
    page = Page(html)

    assert "://" not in html
    assert not [tag for tag, _ in page.elements if tag in ("link", "img", "iframe", "object")]
    assert all((link.get("href") or "").startswith("#") for link in page.those("a"))
    assert "default-src 'none'" in html


def test_links_within_a_page_lead_somewhere() -> None:
    page = Page(render(a_job()))
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]

    assert len(names) == len(set(names))
    assert {f"#{name}" for name in names} >= {link["href"] for link in page.those("a")}


def test_names_and_categories_of_features_are_shown_and_never_run() -> None:
    columns = [Column(name=HOSTILE), *COLUMNS[1:]]
    page = Page(
        render(
            a_job(
                columns=columns,
                warnings=[HOSTILE],
                settings={"label_column": HOSTILE, "review_cost": 1, "precision_k": 1},
            )
        )
    )

    assert len(page.those("script", lambda _: True)) == 2
    assert HOSTILE in page.text


def test_the_browser_runs_only_the_script_that_the_page_came_with() -> None:
    html = render(a_job())

    assert re.search(r"script-src 'sha256-[\w+/]+=' ?;", html)
    assert "unsafe" not in html
    assert 'style="' not in html


def test_headings_go_down_one_level_at_a_time() -> None:
    levels = [int(tag[1]) for tag, _ in Page(render(a_job())).elements if re.fullmatch("h[1-6]", tag)]

    assert levels[0] == 1
    assert max(np.diff(levels)) <= 1


def test_every_drawing_has_a_text_alternative_or_is_beside_its_number() -> None:
    page = Page(render(a_job()))

    assert unlabelled(page) == []
    assert page.those("html") == [{"lang": "en"}]


def test_every_table_has_a_caption_and_its_headers_a_scope() -> None:
    page = Page(render(a_job()))

    assert len(page.those("table", lambda _: True)) == len(page.those("caption", lambda _: True))
    assert {header.get("scope") for header in page.those("th", lambda _: True)} == {"col", "row"}


def test_the_figures_are_those_of_the_metrics() -> None:
    job = a_job()
    text = Page(render(job)).text

    for name in ("average_precision", "roc_auc", "brier", "precision", "recall", "f1"):
        assert value_of(name, job.figures[name]) in text, name
    assert percent(job.figures["recall"]) in text


def test_the_slider_starts_at_the_threshold_and_its_counts_are_those_of_the_confusion_matrix() -> None:
    job = a_job()
    points = json.loads(re.search(r'id="points">(.*?)</script>', render(job), re.DOTALL)[1])  # type: ignore[index]
    chosen, confusion = points["chosen"], job.figures["confusion"]

    assert points["threshold"][chosen] == job.threshold
    assert points["caught"][chosen] == confusion["true_positives"]
    assert points["alarms"][chosen] == confusion["false_positives"]
    assert points["threshold"] == sorted(points["threshold"])


def test_without_a_script_the_thresholds_are_a_table() -> None:
    html = render(a_job())

    assert 'id="panel" hidden' in html
    assert html.count("\u25b8 ") == 1


def without_contributions() -> Job:
    return a_job(contribute=None)


def without_amounts_and_days() -> Job:
    return a_job(held_out_rows(amounts=None, days=None))


def with_constant_scores() -> Job:
    return a_job(held_out_rows(probabilities=np.full(400, 0.1)), contribute=lambda rows: np.zeros((len(rows), 5)))


def without_alerts() -> Job:
    return a_job(threshold=1.5)


def with_certain_scores() -> Job:
    return a_job(held_out_rows(probabilities=(np.arange(400) % 3 == 0).astype(np.float64)))


def without_intervals() -> Job:
    job = a_job(held_out_rows(part="validation"))
    figures = {name: value for name, value in job.figures.items() if name != "intervals"}
    resampling = {**a_resampling("none", "none"), "synthetic_frauds": 0, "with": None, "without": figures}
    metrics = {**job.metrics, "train": figures, "validation": figures, "resampling": resampling, "refitted": True}
    return replace(job, metrics=metrics)


def stopped() -> Job:
    job = a_job()
    resampling = {**job.metrics["resampling"], "without": None}
    return replace(job, metrics={**job.metrics, "resampling": resampling, "stopped": True})


def of_one_row_each() -> Job:
    rows = held_out_rows()
    few = held_out_rows(
        features=rows.features[:2], labels=rows.labels[:2], probabilities=rows.probabilities[:2], amounts=np.ones(2)
    )
    return without(a_job(few), days=1.0)


def with_a_column_of_gaps() -> Job:
    job = a_job()
    features = job.features.copy()
    features[:, 0] = np.nan
    return replace(job, features=features)


UNUSUAL = [
    without_contributions,
    without_amounts_and_days,
    with_constant_scores,
    without_alerts,
    with_certain_scores,
    without_intervals,
    stopped,
    of_one_row_each,
    with_a_column_of_gaps,
]


@pytest.mark.parametrize("made", UNUSUAL)
def test_an_unusual_job_has_a_whole_page_too(made: object) -> None:
    html = render(made())  # type: ignore[operator]
    page = Page(html)

    assert page.words["h2"] == SECTIONS
    assert unlabelled(page) == []
    assert not re.search(
        r"\bnan\b|\binf\b|None|Undefined", re.sub("<(script|style).*?</(script|style)>", "", html, flags=re.S)
    )


def test_a_model_without_contributions_is_explained_by_shuffling() -> None:
    text = Page(render(without_contributions())).text

    assert "shuffled" in text
    assert "no reasons for single rows" in text


def test_rows_without_days_are_counted_by_the_thousand() -> None:
    assert "Alerts per 1,000 rows" in Page(render(without_amounts_and_days())).text
    assert "Alerts per day" in Page(render(a_job())).text


def test_what_chose_the_threshold_is_said_to_flatter() -> None:
    assert "also chose rounds, calibration and threshold" in Page(render(without_intervals())).text


def test_days_are_drawn_beside_a_perfect_ranking() -> None:
    days = [
        {"day": f"2026-01-0{n}", "rows": 9, "frauds": n, "cards": 5, "average_precision": n / 5}
        | {"card_precision": n / 10, "oracle_card_precision": n / 9}
        for n in (3, 1, 2)
    ]
    fold = {
        "train": {"first_day": "2025-12-01", "last_day": "2025-12-07"},
        "average_precision": 0.4,
        "roc_auc": 0.7,
        "test": {"first_day": "2026-01-01", "last_day": "2026-01-03", "rows": 27, "frauds": 6},
        "days": days,
        "card_precision": 0.2,
        "oracle_card_precision": 0.3,
    }
    spread = dict.fromkeys(fold)
    folds = {"train_days": 7, "delay_days": 7, "test_days": 3, "top_k": 10, "folds": [fold], "mean": fold}
    page = Page(render(a_job(metrics={"prequential": {**folds, "standard_deviation": spread}})))

    assert "Over time" in page.words["h2"]
    assert "Card precision@k by day" in page.words["strong"]


def test_folds_of_a_cross_validation_are_summed_up() -> None:
    folds = [dict.fromkeys(METRICS, value) for value in (0.25, 0.75)]
    spread = {"mean": dict.fromkeys(METRICS, 0.5), "standard_deviation": dict.fromkeys(METRICS, 0.125)}
    page = Page(render(a_job(metrics={"cross_validation": {"cv_folds": 2, "cv_repeats": 1, "folds": folds, **spread}})))

    assert "Cross-validation" in page.words["h2"]
    assert {"0.500", "0.125", "0.250", "0.750"} <= set(page.words["td"])


def test_what_a_resampler_did_and_which_one_was_chosen_is_told() -> None:
    job = a_job()
    chosen = {**job.metrics["resampling"], **a_resampling("auto", "tomek_links"), "left_out_rows": 3}
    text = Page(render(replace(job, metrics={**job.metrics, "resampling": chosen}))).text

    assert "tomek_links added 7 frauds and left out 3 rows" in text
    assert "auto chose tomek_links" in text


def test_a_search_before_the_training_is_told() -> None:
    assert "the best of 12 trials" in Page(render(a_job(metrics={"tuning": {"done": 12}}))).text


def test_a_wide_table_of_long_names_is_a_small_page() -> None:
    columns = [
        Column(name=f"{HOSTILE * 50} {place}", kind=ColumnKind.CATEGORY, categories=("x" * 10_000, "y" * 10_000))
        for place in range(300)
    ]
    rng = np.random.default_rng(0)
    rows = held_out_rows(5_000, features=rng.integers(2, size=(5_000, 300)).astype(np.float32))
    job = a_job(
        rows, columns, features=rows.features, labels=rows.labels, contribute=lambda x: np.pad(x, ((0, 0), (0, 1)))
    )

    assert len(render(job).encode()) < MOST_BYTES
