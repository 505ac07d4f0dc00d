"""Columns that are probably not what they seem."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from fraud_detect.errors import TableError
from fraud_detect.schema import Column, ColumnKind
from fraud_detect.tables.suspicion import check_category, warn


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([f"2024-01-01 00:{minute:02d}:34" for minute in range(60)], "holds dates .*`time_column`"),
        ([f"{euros},{cents:02d}" for euros in range(6) for cents in range(10)], "decimal comma"),
        ([f"C{number}" for number in range(60)], "looks like an identifier.*`drop_columns`"),
    ],
)
def test_a_text_column_that_is_no_category_is_refused_with_its_remedy(texts: list[str], words: str) -> None:
    with pytest.raises(TableError, match=words):
        check_category("odd", texts, rows=60)


def test_a_second_column_of_dates_is_not_offered_as_the_time() -> None:
    with pytest.raises(TableError) as caught:
        check_category("LABEL_TIME", ["2024-01-01", "2024-01-02"], rows=60, time="TX_DATETIME")

    assert caught.value.remedy == "Leave it out (`drop_columns`: 'LABEL_TIME')."


def test_few_texts_that_repeat_are_a_category() -> None:
    check_category("shop", ["online", "street"], rows=60)


def test_a_second_label_among_the_features_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        warn([Column(name="label"), Column(name="amount")], np.zeros((30, 2), dtype=np.float32))

    assert "feature 'label' is called like a label" in caplog.text
    assert "amount" not in caplog.text


def test_a_number_that_counts_the_rows_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    features = np.stack([np.arange(30), np.arange(30) / 7, np.arange(30) % 29], axis=1).astype(np.float32)

    with caplog.at_level(logging.WARNING):
        warn([Column(name="id"), Column(name="ratio"), Column(name="hour")], features)

    assert [record.args[0] for record in caplog.records if record.args] == ["id"]


def test_codes_of_categories_are_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    codes = np.arange(30, dtype=np.float32).reshape(-1, 1)
    warn([Column(name="shop", kind=ColumnKind.CATEGORY, categories=tuple("abc"))], codes)

    assert caplog.text == ""
