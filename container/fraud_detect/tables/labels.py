"""Which of two label values means fraud.

Knows label texts. Never knows files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.manifest import Labels
from fraud_detect.errors import TableError
from fraud_detect.schema import parse_number

LEAST_INEXACT = 2**53  # from here on float64 skips integers
TRUTHS = {"true": True, "false": False}
LabelValue = int | bool | str


def normalise(text: str) -> LabelValue:
    """Return what a label text says: 1 for '1' and '1.0', True for 'True', else the text itself."""
    if text.strip().lower() in TRUTHS:
        return TRUTHS[text.strip().lower()]
    number = parse_number(text)
    exact = number.is_integer() and abs(number) < LEAST_INEXACT and "_" not in text
    return int(number) if exact else text


def classes(values: Sequence[LabelValue], positive_label: str | None, column: str) -> Labels:
    """Return the two classes of a training table whose label column holds `values`.

    Raises
    ------
    TableError
        If there are not exactly two values, or nothing says which one is fraud.
    """
    distinct = list(dict.fromkeys(values))
    if len(distinct) > 2:
        raise too_many_values(column, distinct)
    if len(distinct) < 2:
        raise TableError(
            f"The label column '{column}' has only the value {_shown(distinct) or 'missing'}",
            expected="both frauds and legitimate rows",
            remedy="Add rows of the other class; a model cannot be learned from one.",
        )
    positive = _positive(distinct, positive_label, column)
    return Labels(negative=next(value for value in distinct if value is not positive), positive=positive)


def too_many_values(column: str, values: Sequence[LabelValue]) -> TableError:
    """Return the error for a label column with more than two values."""
    return TableError(
        f"The label column '{column}' has {len(values)} values ({_shown(values)})",
        expected="two values, such as 0 and 1",
        remedy="Check that the label column is the right one (`label_column`; without a header it is the first).",
    )


def _positive(values: Sequence[LabelValue], positive_label: str | None, column: str) -> LabelValue:
    if positive_label is not None:
        wanted = normalise(positive_label)
        found = [value for value in values if type(value) is type(wanted) and value == wanted]
    else:
        found = [value for value in values if value == 1] if all(value in (0, 1) for value in values) else []
    if found:
        return found[0]
    raise TableError(
        f"The label column '{column}' has the values {_shown(values)}"
        + ("" if positive_label is None else f" and positive_label is '{positive_label}'"),
        expected="0 and 1, true and false, or one of the values named as fraud",
        remedy="Set the hyperparameter `positive_label` to the value that means fraud.",
    )


def encode(
    codes: NDArray[np.float32], values: Sequence[LabelValue], labels: Labels
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return labels, uint8, shape (n,), 1 = fraud; and where a label is neither class, bool, shape (n,)."""
    truth = np.full(len(values) + 1, 2, dtype=np.uint8)
    for code, value in enumerate(values):
        if type(value) is type(labels.positive) and value == labels.positive:
            truth[code] = 1
        elif type(value) is type(labels.negative) and value == labels.negative:
            truth[code] = 0
    places = np.where(np.isnan(codes), len(values), codes).astype(np.intp)
    encoded = truth[places]
    return encoded, encoded == 2


def _shown(values: Sequence[LabelValue]) -> str:
    shown = ", ".join(repr(value) for value in values[:5])
    return shown if len(values) <= 5 else f"{shown}, ..."
