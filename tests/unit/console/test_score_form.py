"""The form to score a case: fields, hints, examples, errors, the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from console_factories import SigmoidEndpoint, a_console, form_token, logged_in
from factories import a_category, a_flag, a_number, a_schema
from fraud_detect.artifact.examples import EXAMPLES, Example, Examples, Range, write
from fraud_detect.artifact.manifest import Threshold
from fraud_detect.console.endpoint import EndpointError, RowsRefused, Score, Unreachable
from fraud_detect.console.score import form as forms
from fraud_detect.console.score.answer import percent, threshold_in_words
from fraud_detect.console.storage.tables import Role

MIXED = a_schema(
    a_number("amount"),
    a_number("hour", missing_allowed=True),
    a_flag("online"),
    a_category("kind", ("food", "<b>toys")),
)
WHOLE = {"f0": "2", "f1": "", "f2": "true", "f3": "food"}
ROW = {"amount": 2.5, "hour": None, "online": True, "kind": "<b>toys"}
TOLD = Examples(
    ranges={"amount": Range(minimum=-10, low=1, median=2, high=90, maximum=100)},
    fraud=Example(features=ROW, flagged=False),
)


def a_form(root: Path, *, endpoint: Any = None, told: Examples | None = TOLD, **artifact: Any) -> FlaskClient:
    """Return a browser that is logged in to a console of `MIXED`."""
    files = {} if told is None else {EXAMPLES: write(told)}
    return logged_in(a_console(root, endpoint=endpoint, artifact={"schema": MIXED, "files": files, **artifact}))


def sent(client: FlaskClient, **typed: str) -> Any:
    return client.post("/score", data={"csrf_token": form_token(client, "/score"), **WHOLE, **typed})


def test_each_feature_has_a_labelled_field(tmp_path: Path) -> None:
    page = a_form(tmp_path).get("/score").text
    assert [f'<label for="f{place}">{name}</label>' in page for place, name in enumerate(MIXED.names)] == [True] * 4
    assert "&lt;b&gt;toys" in page
    assert "<b>toys" not in page


def test_ranges_of_training_are_hints(tmp_path: Path) -> None:
    assert "Usually 1 to 90; seen -10 to 100." in a_form(tmp_path).get("/score").text


def test_an_example_fills_the_form_without_a_script(tmp_path: Path) -> None:
    page = a_form(tmp_path).get("/score?example=fraud").text
    assert 'value="2.5"' in page
    assert '<option value="&lt;b&gt;toys" selected>' in page
    assert "The model passed it." in page


def test_examples_that_the_model_lacks_are_not_offered(tmp_path: Path) -> None:
    client = a_form(tmp_path)
    assert "example=legitimate" not in client.get("/score").text
    assert 'value="2.5"' not in client.get("/score?example=legitimate").text


def test_a_model_without_examples_has_a_form_too(tmp_path: Path) -> None:
    page = a_form(tmp_path, told=None).get("/score").text
    assert ("Fill in:" in page, "Usually" in page, 'id="f3"' in page) == (False, False, True)


def test_what_is_typed_is_scored_as_json_has_it(tmp_path: Path) -> None:
    endpoint = SigmoidEndpoint()
    assert sent(a_form(tmp_path, endpoint=endpoint), f0=" 2.5 ", f2="FALSE", f3="<b>toys").status_code == 200
    assert endpoint.seen == [{"amount": 2.5, "hour": None, "online": False, "kind": "<b>toys"}]


def test_the_answer_has_probability_verdict_threshold_and_reasons(tmp_path: Path) -> None:
    page = sent(a_form(tmp_path), f0="2").text
    for words in (
        "88.1 %",
        '<span class="badge fraud">Fraud</span>',
        "Fraud from 50 % on",
        "towards fraud",
        "How they",
    ):
        assert words in page


def test_what_was_typed_stays_beside_the_answer(tmp_path: Path) -> None:
    page = sent(a_form(tmp_path), f0="2.25").text
    assert 'value="2.25"' in page
    assert '<option value="true" selected>' in page


def test_every_wrong_field_has_its_error_and_keeps_what_was_typed(tmp_path: Path) -> None:
    endpoint = SigmoidEndpoint()
    answer = sent(a_form(tmp_path, endpoint=endpoint), f0="12,5", f2="maybe", f3="")
    assert (answer.status_code, answer.text.count('aria-invalid="true"'), endpoint.seen) == (400, 3, [])
    assert "3 of 4 values have to be corrected" in answer.text
    assert ('value="12,5"' in answer.text, '<option value="maybe" selected>' in answer.text) == (True, True)


def test_hostile_text_comes_back_as_text(tmp_path: Path) -> None:
    answer = sent(a_form(tmp_path), f0='"><script>alert(1)</script>', f3="'><img src=x onerror=alert(1)>")
    assert (answer.status_code, "<script>alert" in answer.text, "<img" in answer.text) == (400, False, False)


def test_a_field_that_was_not_sent_is_an_empty_one(tmp_path: Path) -> None:
    client = a_form(tmp_path)
    answer = client.post("/score", data={"csrf_token": form_token(client, "/score")})
    assert (answer.status_code, "3 of 4 values" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Unreachable("No http://10.0.0.1", expected="x", remedy="y."), 503),
        (EndpointError("Bad http://10.0.0.1", expected="x", remedy="y."), 502),
        (RowsRefused("Row 1", expected="x", remedy="y."), 400),
    ],
    ids=["silent", "useless", "refused"],
)
def test_trouble_leaves_what_was_typed(fault: Exception, status: int, tmp_path: Path) -> None:
    answer = sent(a_form(tmp_path, endpoint=SigmoidEndpoint(fault=fault)), f0="2.25")
    assert (answer.status_code, 'value="2.25"' in answer.text, "10.0.0.1" in answer.text) == (status, True, False)
    assert "No score" in answer.text


def test_a_family_that_cannot_explain_says_so(tmp_path: Path) -> None:
    class Silent(SigmoidEndpoint):
        def _score(self, value: float, reasons: int) -> Score:  # noqa: ARG002 - as the other one has it
            return Score(0.5, 1)

    page = sent(a_form(tmp_path, endpoint=Silent(), algorithm="knn")).text
    assert "family knn cannot give reasons" in page


def test_an_endpoint_of_another_model_is_noticed(tmp_path: Path) -> None:
    page = sent(a_form(tmp_path, threshold={"value": 0.99, "policy": "f1"}), f0="2").text
    assert "it serves another model" in page


@pytest.mark.parametrize("role", Role)
def test_staff_sees_the_form_and_customers_do_not(role: Role, tmp_path: Path) -> None:
    client = logged_in(a_console(tmp_path), role)
    assert client.get("/score").status_code == (403 if role is Role.CUSTOMER else 200)


def test_the_form_needs_its_token(tmp_path: Path) -> None:
    assert a_form(tmp_path).post("/score", data=WHOLE).status_code == 400


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("50", ""),
        ("-10", ""),
        ("100.5", "Beyond all"),
        ("-11", "Beyond all"),
        ("", ""),
        ("nan", ""),
        ("x", ""),
    ],
    ids=str,
)
def test_numbers_beyond_what_training_saw_are_noticed(value: str, words: str) -> None:
    assert forms.notice(value, TOLD.ranges["amount"])[:10] == words


def test_without_ends_the_usual_range_is_the_measure() -> None:
    seen = Range(low=1, median=2, high=90)
    assert forms.notice("0.5", seen).startswith("Beyond what is usual")
    assert (
        forms.fields(a_schema(a_number("a")), Examples(ranges={"a": seen}), {"a": ""}, {})[0].hint == "Usually 1 to 90."
    )


def test_many_categories_are_suggested_and_not_listed() -> None:
    schema = a_schema(a_category("shop", tuple(f"s{n:04}" for n in range(1000)), unseen_as_missing=True))
    (field,) = forms.fields(schema, Examples(), {"shop": "s0001"}, {})
    assert (field.options, len(field.suggestions)) == ((), forms.MOST_SUGGESTIONS)
    assert field.hint == "One of 1000 categories; others count as missing."


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (172786, "172786"),
        (-35.27401, "-35.27"),
        (0.02, "0.02"),
        (1234.5, "1234"),
        (1e20, "1e+20"),
        (3e-7, "3e-07"),
    ],
    ids=str,
)
def test_hints_have_the_digits_that_tell(number: float, text: str) -> None:
    assert forms.short(number) == text


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        *((0, "less than 0.1 %"), (0.0009, "less than 0.1 %"), (0.001, "0.1 %"), (0.1234, "12.3 %"), (0.999, "99.9 %")),
        *((0.9995, "more than 99.9 %"), (1, "more than 99.9 %")),
    ],
    ids=str,
)
def test_probabilities_are_told_in_percent(probability: float, words: str) -> None:
    assert percent(probability) == words


@pytest.mark.parametrize(
    ("policy", "target", "words"),
    [
        ("f1", None, "best balance"),
        ("precision", 0.9, "90 % or more of the alerts"),
        ("recall", 0.75, "75 % or more of the frauds"),
        ("cost", 20, "as much as 20 false alarms"),
        ("alert_rate", 0.01, "1 % of the held-out rows"),
        ("new", None, "new"),
    ],
)
def test_the_threshold_is_told_with_its_reason(policy: str, target: float | None, words: str) -> None:
    told = threshold_in_words(Threshold(value=0.0312, policy=policy, target=target))
    assert told.startswith("Fraud from 3.12 % on: ")
    assert words in told


def test_a_threshold_that_nothing_reaches_is_told() -> None:
    assert "No probability" in threshold_in_words(Threshold(value=1.5, policy="precision", target=0.9))


def test_a_model_may_have_thousands_of_columns(tmp_path: Path) -> None:
    names = ("amount", *(f"v{number}" for number in range(2_000)))
    client = logged_in(a_console(tmp_path, artifact={"schema": a_schema(*map(a_number, names))}))
    typed = {forms.field_id(place): "0.123456789" for place in range(len(names))}
    answer = client.post("/score", data={"csrf_token": form_token(client, "/score"), **typed})
    assert (answer.status_code, "probability of fraud" in answer.text) == (200, True)
