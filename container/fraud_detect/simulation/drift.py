"""A world's changes as JSON: read as declared, and written with what they did, measured row by row.

Knows JSON and pydantic's faults. Never knows how a change comes about.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fraud_detect.errors import SettingError
from fraud_detect.simulation.changes import MOST_CHANGES, AnyChange, Change, NewFraudScenario
from fraud_detect.simulation.parameters import Parameters, wanted
from fraud_detect.simulation.simulate import DayTable, label_delay_days

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FORMAT_VERSION = 1
MOST_SHOWN = 200  # characters of a faulty value
REFERENCE = "docs/drift.md lists the changes"


def read(paths: Sequence[Path], parameters: Parameters) -> Sequence[Change]:
    """Return the changes that the files declare, in order.

    Raises
    ------
    SettingError
        If a file cannot be read or is no list of changes, naming the change and the field; if a date lies outside
        the simulated days, two new scenarios have one number, or there are more than `MOST_CHANGES`.
    """
    changes: list[Change] = []
    for path in paths:
        own = _declared(_content(path), path.name)
        for number, change in enumerate(own):
            _check_dates(change, parameters, f"{path.name}: `changes[{number}]")
        changes += own
    _check_together(changes)
    return changes


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise SettingError(
            f"Cannot read {path} ({error.strerror})",
            expected="a JSON file with a list of changes",
            remedy="Correct the path or its permissions.",
        ) from error


def _declared(content: bytes, name: str) -> Sequence[Change]:
    from pydantic import TypeAdapter, ValidationError

    try:
        json.loads(content, object_pairs_hook=lambda pairs: _refuse_repeated(pairs, name))
        return TypeAdapter(list[AnyChange]).validate_json(content)
    except (ValueError, RecursionError) as error:
        if not isinstance(error, ValidationError):
            raise _not_json(name, error) from error
        faults = [_fault(fault) for fault in error.errors()]
        raise SettingError(
            f"{name}: {'; '.join(got for got, _ in faults)}",
            expected="; ".join(expected for _, expected in faults),
            remedy=f"Correct the file; {REFERENCE}.",
        ) from None


def _not_json(name: str, error: Exception) -> SettingError:
    return SettingError(
        f"{name} is not JSON in UTF-8 ({error})",
        expected="a list of changes, such as [{...}, {...}]",
        remedy=f"Correct the file; {REFERENCE}.",
    )


def _refuse_repeated(pairs: Sequence[tuple[str, Any]], name: str) -> Mapping[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [key for key, _ in pairs]
        repeated = next(key for key in names if names.count(key) > 1)
        raise SettingError(
            f"{name}: `{repeated}` is given twice in one object", expected="each name once", remedy="Remove one."
        )
    return values


def _fault(fault: ErrorDetails) -> tuple[str, str]:
    """Return what was found and what was expected, as `changes[1].factor` and so on."""
    where, value = list(fault["loc"]), fault["input"]
    if not where:
        return f"the file holds {_shown(value)}", "a list of changes"
    if fault["type"].startswith("union_tag"):
        kind = value.get("kind") if isinstance(value, dict) else value
        return f"`changes[{where[0]}].kind` is {_shown(kind)}", f"one of {', '.join(models())}"
    if len(where) == 1:
        return f"`changes[{where[0]}]` is {_shown(value)}", "an object with `kind` and `start`"
    number, kind, *names = where  # pydantic puts the kind between the position and the field
    place = f"`{'.'.join([f'changes[{number}]', *map(str, names)])}`"
    if fault["type"] == "missing":
        return f"{place} is missing", "it to be given"
    if fault["type"] == "extra_forbidden":
        return f"{place} is unknown", f"only {', '.join(models()[str(kind)].model_fields)}"
    return f"{place} is {_shown(value)}", _expected(fault["msg"])


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "..."


def _expected(message: str) -> str:
    phrase = wanted(message.removeprefix("Value error, "))
    return f"a number {phrase}" if phrase.startswith(("greater", "less")) else phrase


def models() -> Mapping[str, type[Change]]:
    """Return the declared changes by the name of their kind."""
    from typing import get_args

    return {get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(get_args(AnyChange)[0])}


def _check_dates(change: Change, parameters: Parameters, place: str) -> None:
    after = parameters.start + timedelta(days=parameters.days)
    last = after - timedelta(days=1)
    if not parameters.start <= change.start <= last:
        raise SettingError(
            f"{place}.start` is {change.start}",
            expected=f"one of the simulated days, {parameters.start} to {last}",
            remedy="Correct the date, or simulate other days.",
        )
    if change.end is not None and change.end > after:
        raise SettingError(
            f"{place}.end` is {change.end}",
            expected=f"a day up to {after}, the first that is not simulated",
            remedy="Correct the date, leave it out, or simulate more days.",
        )


def _check_together(changes: Sequence[Change]) -> None:
    if len(changes) > MOST_CHANGES:
        raise SettingError(
            f"{len(changes)} changes are declared", expected=f"at most {MOST_CHANGES}", remedy="Leave some out."
        )
    numbers = [change.number for change in changes if isinstance(change, NewFraudScenario)]
    repeated = sorted({number for number in numbers if numbers.count(number) > 1})
    if repeated:
        raise SettingError(
            f"Two changes of the kind new_fraud_scenario have the `number` {repeated[0]}",
            expected="a number of its own for each",
            remedy="Give one of them another number from 4 to 127.",
        )


@dataclass
class _Tally:
    """What one change has touched so far."""

    rows: int = 0
    frauds: int = 0
    first_day: date | None = None
    last_day: date | None = None

    def add(self, table: DayTable, touched: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        if not touched.any():
            return
        self.rows += int(touched.sum())
        self.frauds += int(table.columns["TX_FRAUD"][touched].sum())
        self.first_day = self.first_day or table.date
        self.last_day = table.date


class Record:
    """What the changes did, counted table by table."""

    def __init__(self, parameters: Parameters, seed: int, changes: Sequence[Change]) -> None:
        self._parameters = parameters
        self._seed = seed
        self.changes = changes
        self._tallies = [_Tally() for _ in changes]
        self._whole = _Tally()

    @property
    def rows(self) -> int:
        """Number of rows so far."""
        return self._whole.rows

    @property
    def frauds(self) -> int:
        """Number of frauds so far."""
        return self._whole.frauds

    def add(self, table: DayTable) -> None:
        """Count the rows of `table`."""
        self._whole.add(table, np.ones(len(table), dtype=np.bool_))
        for number, tally in enumerate(self._tallies):
            tally.add(table, (table.touched >> np.uint64(number)) & np.uint64(1) == 1)

    def as_json(self) -> str:
        """Return the record: seed, parameters, all rows, and each change with what it touched."""
        record = {
            "format": FORMAT_VERSION,
            "seed": self._seed,
            "parameters": {
                **self._parameters.model_dump(mode="json"),
                "label_delay_days": label_delay_days(self._parameters, self.changes),
            },
            "rows": self._whole.rows,
            "frauds": self._whole.frauds,
            "changes": [_described(change, tally) for change, tally in zip(self.changes, self._tallies, strict=True)],
        }
        return json.dumps(record, indent=2) + "\n"


def _described(change: Change, tally: _Tally) -> Mapping[str, Any]:
    declared = change.model_dump(mode="json")
    kind, start, end = (declared.pop(name) for name in ("kind", "start", "end"))
    return {
        "kind": kind,
        "start": start,
        "end": end,
        "concepts": list(change.concepts),
        "columns": list(change.affected_columns),
        "numbers": declared,
        "touched": {
            "rows": tally.rows,
            "frauds": tally.frauds,
            "first_day": tally.first_day and tally.first_day.isoformat(),
            "last_day": tally.last_day and tally.last_day.isoformat(),
        },
    }
