"""The description of the API for whoever uses it.

Knows Flask and the document. Never knows the parts.
"""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from fraud_detect.console.api.document import DESCRIPTION_PATH, document
from fraud_detect.console.context import console

blueprint = Blueprint("api", __name__)


@blueprint.get(DESCRIPTION_PATH)
def openapi() -> ResponseReturnValue:
    """Describe the API, with the columns of this console's model."""
    return jsonify(document(console().manifest.table_schema))
