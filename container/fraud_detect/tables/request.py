"""What the user said about the columns.

Knows names only. Never knows files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from fraud_detect.errors import TableError

LABEL_NAMES = ("Class", "class", "label", "target", "is_fraud", "isFraud", "TX_FRAUD", "fraud")

PANDAS_INDEX = re.compile(r"Unnamed: \d+")


@dataclass(frozen=True)
class ColumnRequest:
    """Names of the columns with a part of their own; None or empty where the user said nothing."""

    label: str | None = None
    positive_label: str | None = None
    drop: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    time: str | None = None
    unseen_as_missing: bool = False
    card: str | None = None
    unlabelled_left_out: bool = False


@dataclass(frozen=True)
class Roles:
    """The part that each column of a table plays, by name."""

    label: str
    features: tuple[str, ...]
    time: str | None = None
    dropped: tuple[str, ...] = ()
    card: str | None = None


def assign(names: Sequence[str], has_header: bool, request: ColumnRequest, where: str) -> Roles:
    """Return the part of each of `names`, the columns of the table that `where` names in messages.

    Raises
    ------
    TableError
        If the label is absent or ambiguous, a requested column does not exist, or no feature is left.
    """
    _check_names(names, where)
    label = _label(names, request, where) if has_header else _first(names, request, where)
    asked = {
        "drop_columns": request.drop,
        "category_columns": request.categories,
        "time_column": (request.time,),
        "card_column": (request.card,),
    }
    absent = [
        f"no column '{name}'{_meant(name, names)} for `{hyperparameter}`"
        for hyperparameter, wanted in asked.items()
        for name in wanted
        if name is not None and name not in names
    ]
    if absent:
        raise TableError(
            f"{where} has {'; '.join(absent)}",
            expected=f"names among {_quoted(names)}",
            remedy="Correct the hyperparameter.",
        )
    _check_parts(where, {"label_column": label, "time_column": request.time, "card_column": request.card})
    aside = {label, request.time, request.card, *request.drop}
    features = tuple(name for name in names if name not in aside)
    if not features:
        raise TableError(
            f"{where} has no feature left", expected="at least one column beside the label", remedy="Drop fewer."
        )
    return Roles(label, features, request.time, request.drop, request.card)


def _check_parts(where: str, parts: Mapping[str, str | None]) -> None:
    for name in parts.values():
        played = [part for part, column in parts.items() if column == name]
        if name is not None and len(played) > 1:
            raise TableError(
                f"{where}: column '{name}' is {' and '.join(f'`{part}`' for part in played)}",
                expected="another column for each",
                remedy="Correct the hyperparameter.",
            )


def _meant(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _check_names(names: Sequence[str], where: str) -> None:
    index = next((name for name in names if PANDAS_INDEX.fullmatch(name)), None)
    if index is not None:
        raise TableError(
            f"{where} has a column '{index}', which pandas makes of an index",
            expected="columns that mean something",
            remedy="Write the file without the index: to_csv(index=False).",
        )
    if "" in names:
        raise TableError(
            f"{where} has no name for column {names.index('') + 1}",
            expected="a name for every column of the header",
            remedy="If it is an index, leave it out (in pandas: to_csv(index=False)).",
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise TableError(
            f"{where} has {_quoted(twice)} twice",
            expected="each column name once",
            remedy="Rename or remove one of them.",
        )


def _label(names: Sequence[str], request: ColumnRequest, where: str) -> str:
    if request.label is not None:
        if request.label in names:
            return request.label
        raise TableError(
            f"{where} has no column '{request.label}'",
            expected=f"label_column to be one of {_quoted(names)}",
            remedy="Correct the hyperparameter `label_column`.",
        )
    found = [name for name in names if name in LABEL_NAMES]
    if len(found) == 1:
        return found[0]
    got = (
        f"several columns that could be the label: {_quoted(found)}"
        if found
        else f"no label column among {_quoted(names)}"
    )
    raise TableError(
        f"{where} has {got}",
        expected=f"exactly one of {_quoted(LABEL_NAMES)}",
        remedy="Set the hyperparameter `label_column`; put other labels into `drop_columns`.",
    )


def _first(names: Sequence[str], request: ColumnRequest, where: str) -> str:
    if request.label is None:
        return names[0]
    raise TableError(
        f"{where} has no header, so no column '{request.label}'",
        expected="a header, or the label in the first column",
        remedy="Add a header, or leave `label_column` out.",
    )


def _quoted(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
