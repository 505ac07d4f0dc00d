"""The desk's blueprint, which pages and API share.

Knows Flask. Never knows views.
"""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Flask

from fraud_detect.console.desk.part import set_up

blueprint = Blueprint("desk", __name__)
blueprint.record_once(lambda state: set_up(cast(Flask, state.app)))
