"""Two values of a label column become fraud and not fraud."""

from __future__ import annotations

import numpy as np
import pytest

from fraud_detect.artifact.manifest import Labels
from fraud_detect.errors import TableError
from fraud_detect.tables.labels import LabelValue, classes, encode, normalise


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.0", 1),
        (" 0 ", 0),
        ("1e0", 1),
        ("-1", -1),
        ("True", True),
        (" FALSE ", False),
        ("yes", "yes"),
        ("0.5", "0.5"),
        ("inf", "inf"),
        ("1e400", "1e400"),
        ("NAN", "NAN"),
    ],
)
def test_a_text_says_a_whole_number_true_or_false_or_itself(text: str, value: LabelValue) -> None:
    got = normalise(text)

    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("values", "positive_label", "expected"),
    [
        ([0, 1], None, Labels(negative=0, positive=1)),
        ([1, 0], None, Labels(negative=0, positive=1)),
        ([1, 0, 1, 0], None, Labels(negative=0, positive=1)),
        ([True, False], None, Labels(negative=False, positive=True)),
        ([0, 1], "0", Labels(negative=1, positive=0)),
        ([1, 2], "2.0", Labels(negative=1, positive=2)),
        (["good", "bad"], "bad", Labels(negative="good", positive="bad")),
        ([False, True], "true", Labels(negative=False, positive=True)),
    ],
)
def test_the_positive_class_is_1_or_true_or_the_one_that_is_named(
    values: list[LabelValue], positive_label: str | None, expected: Labels
) -> None:
    found = classes(values, positive_label, "Class")

    assert repr(found) == repr(expected)  # 1 and True are equal, and not the same


@pytest.mark.parametrize(
    ("values", "positive_label", "words"),
    [
        ([0, 1, 2], None, r"has 3 values \(0, 1, 2\)"),
        (list(range(9)), None, r"has 9 values \(0, 1, 2, 3, 4, \.\.\.\)"),
        ([1], None, "only the value 1"),
        ([], None, "only the value missing"),
        ([1, 2], None, "`positive_label`"),
        (["a", "b"], None, "the values 'a', 'b'"),
        (["a", "b"], "c", "positive_label is 'c'"),
        ([0, 1], "true", "positive_label is 'true'"),
    ],
)
def test_anything_but_two_classes_is_refused(values: list[LabelValue], positive_label: str | None, words: str) -> None:
    with pytest.raises(TableError, match=words):
        classes(values, positive_label, "Class")


def test_labels_are_1_for_fraud_and_rows_of_neither_class_are_told() -> None:
    codes = np.array([0, 1, 2, 3, np.nan], dtype=np.float32)

    labels, unknown = encode(codes, ["good", "bad", "ugly", "bad"], Labels(negative="good", positive="bad"))

    assert labels[:2].tolist() == [0, 1]
    assert labels[3] == 1
    assert unknown.tolist() == [False, False, True, False, True]


def test_true_is_not_the_class_1() -> None:
    _, unknown = encode(np.array([0], dtype=np.float32), [True], Labels(negative=0, positive=1))

    assert unknown.tolist() == [True]
