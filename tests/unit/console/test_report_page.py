"""The page about the model: what training left, and what the live scores say."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from console_factories import NOON, a_console, logged_in, parts_of
from fraud_detect.console.storage.tables import Case, CaseState

MODEL = "0" * 64
EDGES = [-4.0, -2.0, 0.0, 2.0, 4.0]
FIGURES = {
    "rows": 1000,
    "frauds": 10,
    "average_precision": 0.75,
    "roc_auc": 0.9,
    "precision": 0.5,
    "recall": None,
    "confusion": {"true_positives": 10, "false_positives": 10, "false_negatives": 0, "true_negatives": 980},
    "intervals": {"average_precision": [0.7, 0.8], "recall": None},
}


def a_document(**overrides: Any) -> dict[str, Any]:
    features = [
        {"name": "amount", "value": 1.5, "direction": 0.9},
        {"name": "<b>hour</b>", "value": 0.5, "direction": None},
    ]
    scores = {"edges": EDGES, "frauds": [0, 0, 0, 10], "legitimate": [600, 300, 80, 10]}
    return {
        "training_data": MODEL,
        "part": "test",
        "threshold": 0.5,
        "scores": scores,
        "importance": {"by": "contributions", "rows": 500, "features": features},
        **overrides,
    }


def a_report_console(root: Path, *, page: str | None = None, document: Any = None, **overrides: Any) -> Flask:
    folder = root / "output/data"
    folder.mkdir(parents=True)
    if page is not None:
        (folder / "report.html").write_text(page)
    if document is not None:
        (folder / "report.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return a_console(root, artifact={"metrics": {"test": FIGURES, "validation": FIGURES}}, **overrides)


def add_cases(app: Flask, log_odds: Sequence[float], *, state: str = CaseState.PASSED, **overrides: Any) -> None:
    probabilities = [1 / (1 + math.exp(-value)) for value in log_odds]
    given: dict[str, Any] = {"received_at": NOON, "model": MODEL, "threshold": 0.5, "expected_loss": 0.0, **overrides}
    given |= {"features": {}, "context": {}, "reasons": [], "state": state}
    with parts_of(app).database.writing() as rows:
        rows.add_all(Case(probability=each, alert=each >= 0.5, **given) for each in probabilities)


def shown(app: Flask, period: str = "week") -> str:
    answer = logged_in(app).get(f"/report?period={period}")
    assert answer.status_code == 200
    return answer.text


def test_figures_come_with_their_intervals(tmp_path: Path) -> None:
    page = shown(a_report_console(tmp_path))
    assert ("0.750" in page, "95 %: 0.700 to 0.800" in page, "Of the test rows" in page) == (True, True, True)


def test_nothing_that_is_missing_is_made_up(tmp_path: Path) -> None:
    page = shown(a_report_console(tmp_path))
    assert "There is no report in the console's folder." in page
    assert "There is no report.json of this model." in page
    assert "No transaction was scored by this model in that time." in page


def test_features_are_listed_and_their_names_are_text(tmp_path: Path) -> None:
    page = shown(a_report_console(tmp_path, document=a_document()))
    assert ("&lt;b&gt;hour&lt;/b&gt;" in page, "raise the score" in page) == (True, True)


@pytest.mark.parametrize(
    "document",
    ["{", "[]", json.dumps(a_document(training_data="f" * 64)), json.dumps(a_document(scores={}))],
    ids=["cut off", "something else", "of another model", "without scores"],
)
def test_a_document_that_is_not_of_this_model_is_not_shown(tmp_path: Path, document: str) -> None:
    assert "There is no report.json of this model." in shown(a_report_console(tmp_path, document=document))


def test_live_alerts_stand_beside_training_s(tmp_path: Path) -> None:
    app = a_report_console(tmp_path, document=a_document())
    add_cases(app, [-3] * 9 + [3])
    assert "1; 2.0\N{NO-BREAK SPACE}% in training's test rows" in shown(app)


def test_scores_as_in_training_have_hardly_an_index(tmp_path: Path) -> None:
    app = a_report_console(tmp_path, document=a_document())
    add_cases(app, [-3] * 60 + [-1] * 30 + [1] * 8 + [3] * 2)
    assert "little has changed" in shown(app)


def test_scores_that_moved_far_are_told_so(tmp_path: Path) -> None:
    app = a_report_console(tmp_path, document=a_document())
    add_cases(app, [3] * 100)
    assert "the scores have moved far" in shown(app)


def test_few_scores_have_no_index(tmp_path: Path) -> None:
    app = a_report_console(tmp_path, document=a_document())
    add_cases(app, [3] * 99)
    assert "from 100 transactions on" in shown(app)


@pytest.mark.parametrize(("period", "cases"), [("day", 1), ("week", 2), ("all", 3), ("nonsense", 2)])
def test_a_period_has_its_own_cases(tmp_path: Path, period: str, cases: int) -> None:
    app = a_report_console(tmp_path)
    for days in (0.5, 3, 30):
        add_cases(app, [0], received_at=NOON - timedelta(days=days))
    assert f"<dt>Transactions</dt><dd>{cases}</dd>" in shown(app, period)


def test_cases_of_another_model_are_left_out_and_told(tmp_path: Path) -> None:
    app = a_report_console(tmp_path)
    add_cases(app, [0, 0], model="f" * 64)
    add_cases(app, [0])
    page = shown(app)
    assert ("<dd>1</dd>" in page, "2 transactions of that time were scored by another model" in page) == (True, True)


def test_decisions_say_how_many_alerts_were_right(tmp_path: Path) -> None:
    app = a_report_console(tmp_path)
    add_cases(app, [1] * 3, state=CaseState.CONFIRMED)
    add_cases(app, [1], state=CaseState.CLEARED)
    add_cases(app, [1] * 5, state=CaseState.OPEN)
    assert '<dd>75.0\N{NO-BREAK SPACE}%</dd><dd class="interval">3 of 4 decided</dd>' in shown(app)


def test_the_report_is_answered_with_its_own_parts_allowed_and_nothing_else(tmp_path: Path) -> None:
    app = a_report_console(tmp_path, page="<style>a{}</style><script>'use strict'</script><script src='/x'></script>")
    policy = logged_in(app).get("/report/page").headers["Content-Security-Policy"]
    style, script = (base64.b64encode(hashlib.sha256(text).digest()).decode() for text in (b"a{}", b"'use strict'"))
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts"
    )


def test_a_report_without_script_allows_none(tmp_path: Path) -> None:
    app = a_report_console(tmp_path, page='<p onclick="x()">only text</p><script type="application/json">{}</script>')
    assert "script-src 'none'" in logged_in(app).get("/report/page").headers["Content-Security-Policy"]


def test_the_frame_of_the_report_is_locked_in(tmp_path: Path) -> None:
    page = shown(a_report_console(tmp_path, page="<p>report</p>", document=a_document()))
    assert 'sandbox="allow-scripts"' in page
    assert "may be of another model" not in page


def test_there_is_no_page_where_training_wrote_none(tmp_path: Path) -> None:
    assert logged_in(a_report_console(tmp_path)).get("/report/page").status_code == 404
