"""The form to score a case, and the same for programs.

Knows Flask and the parts of scoring. Never knows how they work.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import UnsupportedMediaType

from fraud_detect.artifact.examples import Example
from fraud_detect.console.context import console
from fraud_detect.console.endpoint import EndpointError, RowsRefused, Unreachable
from fraud_detect.console.said import NO_ANSWER
from fraud_detect.console.score import form as forms
from fraud_detect.console.score.answer import answer_of, document_of, threshold_in_words
from fraud_detect.console.score.api import PATH
from fraud_detect.console.score.form import Typed
from fraud_detect.console.score.question import Question, question_of
from fraud_detect.console.score.rows import Faults, faults_of_row, faults_of_rows, row_of

REASONS_SHOWN = 8
MANY_FIELDS = 12
"""Above so many, the button is at the top, too."""
FILL_WITH: Mapping[str, str] = {"fraud": "a fraud", "legitimate": "a legitimate case"}

blueprint = Blueprint("score", __name__)
logger = logging.getLogger(__name__)


@blueprint.route("/score", methods=["GET", "POST"])
def form() -> ResponseReturnValue:
    """Show the form, blank or filled in with an example; or score what was typed, or say what is wrong with it."""
    return _answered() if request.method == "POST" else _to_fill_in()


def _to_fill_in() -> str:
    example = _examples().get(request.args.get("example", ""))
    if example is None:
        return _page(forms.blank(console().manifest.table_schema))
    return _page(forms.of_example(example), filled=_told(request.args["example"], example))


def _answered() -> ResponseReturnValue:
    here = console()
    schema = here.manifest.table_schema
    typed = {name: request.form.get(forms.field_id(place), "") for place, name in enumerate(schema.names)}
    if faults := faults_of_row(schema, typed):
        return _page(typed, faults=faults), 400
    try:
        (score,) = here.endpoint.score([row_of(schema, typed)], reasons=REASONS_SHOWN)
    except RowsRefused as error:
        return _page(typed, trouble=str(error)), 400
    except EndpointError as error:
        logger.error("%s", error)  # noqa: TRY400 - its text says all
        return _page(typed, trouble=NO_ANSWER), 503 if isinstance(error, Unreachable) else 502
    return _page(typed, answer=answer_of(score, here.manifest))


def _page(typed: Typed, *, faults: Faults | None = None, **more: Any) -> str:
    here = console()
    manifest = here.manifest
    return render_template(
        "score/form.html",
        fields=forms.fields(manifest.table_schema, here.examples, typed, faults or {}),
        examples=[(key, f"{words[0].upper()}{words[1:]}") for key, words in FILL_WITH.items() if key in _examples()],
        faults=faults,
        threshold=threshold_in_words(manifest.threshold),
        threshold_value=manifest.threshold.value,
        algorithm=manifest.algorithm,
        many=MANY_FIELDS,
        **more,
    )


def _examples() -> Mapping[str, Example]:
    """Return the examples that the model has, by what the address calls them."""
    found = console().examples
    both = {"fraud": found.fraud, "legitimate": found.legitimate}
    return {key: example for key, example in both.items() if example is not None}


def _told(key: str, example: Example) -> str:
    said = "flagged" if example.flagged else "passed"
    return f"Filled in with {FILL_WITH[key]}, known to be one, that was held out of the training. The model {said} it."


@blueprint.post(PATH)
def api() -> ResponseReturnValue:
    """Score the rows of a program."""
    if not request.is_json:
        raise UnsupportedMediaType("The body is no JSON; expected the header `Content-Type: application/json`.")
    question, schema = question_of(request.get_data()), console().manifest.table_schema
    faults = faults_of_rows(schema, question.rows)
    return _refused(question, faults) if faults else _scored(question)


def _refused(question: Question, faults: Mapping[int, Faults]) -> tuple[Response, int]:
    rows = [{"row": number, "fields": fields} for number, fields in faults.items()]
    where = {"fields": faults[1]} if question.is_single else {"rows": rows}
    return jsonify(error="That does not work", message=_UNFIT, **where), 400


_UNFIT = "Some values do not fit the model; expected what the description of the API says of each. Correct them."


def _scored(question: Question) -> Response:
    here = console()
    names, threshold = here.manifest.table_schema.names, here.manifest.threshold.value
    rows = [{name: row[name] for name in names} for row in question.rows]
    scores = here.endpoint.score(rows, reasons=question.reasons)
    documents = [document_of(score, here.manifest) for score in scores]
    if question.is_single:
        return jsonify({**documents[0], "threshold": threshold})
    return jsonify(rows=documents, threshold=threshold)
