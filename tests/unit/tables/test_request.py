"""Every column of a table has one part to play."""

from __future__ import annotations

import pytest

from fraud_detect.errors import TableError
from fraud_detect.tables.request import LABEL_NAMES, ColumnRequest, Roles, assign

NAMES = ("id", "Class", "amount", "bought")


def roles(names: tuple[str, ...] = NAMES, *, has_header: bool = True, **asked: object) -> Roles:
    return assign(names, has_header, ColumnRequest(**asked), "train/a.csv")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", LABEL_NAMES)
def test_a_usual_name_is_the_label(name: str) -> None:
    assert roles(("amount", name)) == Roles(name, ("amount",))


def test_the_label_that_is_named_wins_over_a_usual_name() -> None:
    assert roles(label="id").label == "id"


def test_a_usual_name_beside_the_named_label_is_a_feature() -> None:
    assert roles(label="id").features == ("Class", "amount", "bought")


def test_without_a_header_the_first_column_is_the_label() -> None:
    assert roles(("label", "f0", "f1"), has_header=False) == Roles("label", ("f0", "f1"))


def test_dropped_columns_and_the_time_are_no_features() -> None:
    assert roles(drop=("id",), time="bought") == Roles("Class", ("amount",), "bought", ("id",))


def test_the_label_may_be_among_the_dropped_columns() -> None:
    """Some write the label there too; it is the label all the same."""
    assert roles(drop=("Class", "id")).label == "Class"


@pytest.mark.parametrize(
    ("names", "asked", "words"),
    [
        (("amount", "hour"), {}, "no label column among 'amount', 'hour'"),
        (("Class", "fraud", "x"), {}, "'Class', 'fraud'"),
        (NAMES, {"label": "outcome"}, "no column 'outcome'"),
        (NAMES, {"drop": ("x", "y")}, "no column 'x' for `drop_columns`; no column 'y'"),
        (NAMES, {"categories": ("shop",)}, "no column 'shop'"),
        (NAMES, {"time": "when"}, "no column 'when'"),
        (NAMES, {"drop": ("id", "amount", "bought")}, "no feature left"),
        (("Class", "x", "x", "y", "y"), {}, "'x', 'y' twice"),
        (("", "Class", "x"), {}, "no name for column 1"),
    ],
)
def test_what_cannot_be_is_refused(names: tuple[str, ...], asked: dict[str, object], words: str) -> None:
    with pytest.raises(TableError, match=words):
        roles(names, **asked)


def test_a_label_cannot_be_named_without_a_header() -> None:
    with pytest.raises(TableError, match="no header, so no column 'Class'"):
        roles(("label", "f0"), has_header=False, label="Class")


def test_many_names_are_cut_in_the_message() -> None:
    with pytest.raises(TableError, match="'c11' and 88 more"):
        roles(tuple(f"c{place}" for place in range(100)))
