"""Columns that are probably not what they seem: identifiers, dates, a second label.

Knows names, texts and numbers of columns. Never knows files, models.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

import numpy as np

from fraud_detect.errors import TableError
from fraud_detect.schema import Column, ColumnKind, Float32Matrix
from fraud_detect.tables.request import LABEL_NAMES

DISTINCT_SHARE = 0.9  # a text column with a larger share of distinct values is an identifier
FEWEST_FOR_SHARE = 20  # below that many rows a share says nothing
MOST_CATEGORIES = 1_000
HEAD_ROWS = 10_000
DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}([ T].*)?")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")

logger = logging.getLogger(__name__)


def check_category(name: str, texts: Sequence[str], rows: int, *, time: str | None = None) -> None:
    """Raise `TableError` if the distinct `texts` of a column of `rows` rows are dates, numbers or identifiers.

    `time` is the column that orders the rows, if there is one.
    """
    if texts and _share(DATE, texts) > DISTINCT_SHARE:
        raise not_a_feature(name, f"holds dates ({texts[0]!r}, ...)", time=time)
    too_many = rows >= FEWEST_FOR_SHARE and len(texts) > DISTINCT_SHARE * rows
    if too_many or len(texts) > MOST_CATEGORIES:
        raise too_distinct(name, texts, time=time)


def _share(pattern: re.Pattern[str], texts: Sequence[str]) -> float:
    return sum(pattern.fullmatch(text) is not None for text in texts) / len(texts)


def too_distinct(name: str, texts: Sequence[str], *, time: str | None = None) -> TableError:
    """Return the error for a text column that has too many distinct values to be a category."""
    if _share(DATE, texts) > DISTINCT_SHARE:
        return not_a_feature(name, f"holds dates ({texts[0]!r}, ...)", time=time)
    shown = ", ".join(repr(text[:30]) for text in texts[:3])
    if _share(DECIMAL_COMMA, texts) > DISTINCT_SHARE / 2:
        return TableError(
            f"Column '{name}' holds numbers with a decimal comma ({shown}, ...)",
            expected="a decimal point",
            remedy="Write the file with decimal points (in pandas: to_csv(decimal='.')).",
        )
    return TableError(
        f"Column '{name}' has {len(texts)} distinct texts ({shown}, ...): it looks like an identifier",
        expected="numbers, flags or categories that repeat",
        remedy=f"Leave it out: add '{name}' to the hyperparameter `drop_columns`.",
    )


def not_a_feature(name: str, what: str, *, time: str | None) -> TableError:
    """Return the error for a column that can only be left out, or order the rows if no column `time` does."""
    otherwise = "" if time else f", or order the rows by it (`time_column`: '{name}')"
    return TableError(
        f"Column '{name}' {what}",
        expected="numbers, flags or categories that repeat",
        remedy=f"Leave it out (`drop_columns`: '{name}'){otherwise}.",
    )


def warn(columns: Sequence[Column], features: Float32Matrix) -> None:
    """Log a warning for each feature that may give the answer away: another label, a number that counts the rows."""
    for place, column in enumerate(columns):
        if column.name in LABEL_NAMES:
            what = "is called like a label"
        elif column.kind is ColumnKind.NUMBER and _counts_rows(features[:, place]):
            what = "has another whole number in every row, like an identifier"
        else:
            continue
        logger.warning("feature '%s' %s; if it is one, add it to `drop_columns`", column.name, what)


def _counts_rows(values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bool:
    head = values[:HEAD_ROWS]
    if len(values) < FEWEST_FOR_SHARE or not (head == np.floor(head)).all() or len(np.unique(head)) < len(head):
        return False
    return len(np.unique(values)) == len(values)
