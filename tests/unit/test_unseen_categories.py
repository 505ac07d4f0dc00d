"""What becomes of a category that training did not see, and of one that a client sends as a number."""

from __future__ import annotations

import numpy as np
import pytest

from fraud_detect.errors import BadRequest
from fraud_detect.schema import Column, ColumnKind, Schema

CODE = {"name": "code", "kind": ColumnKind.CATEGORY, "categories": ("5411", "5999")}
STRICT = Schema(columns=(Column(**CODE),))
LENIENT = Schema(columns=(Column(**CODE, missing_allowed=True, unseen_as_missing=True),))


def test_an_unseen_category_is_refused_unless_asked_otherwise() -> None:
    with pytest.raises(BadRequest, match="got '7995'"):
        STRICT.encode([["7995"]], [0])


def test_an_unseen_category_counts_as_missing_where_asked() -> None:
    assert np.isnan(LENIENT.encode([["7995"]], [0])).all()


def test_a_code_sent_as_a_number_is_the_category_of_that_text() -> None:
    assert STRICT.encode([[5999]], [0]).tolist() == [[1.0]]


@pytest.mark.parametrize("cell", [5411.0, True, 1])
def test_no_other_value_stands_for_a_category(cell: object) -> None:
    with pytest.raises(BadRequest):
        STRICT.encode([[cell]], [0])
