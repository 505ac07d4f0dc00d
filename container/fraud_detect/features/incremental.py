"""Which days have to be computed, given what was computed before.

A day depends on its own transactions and on those within the horizon before it. Whatever of them changed (a late
transaction, a label that came) changes the fingerprint of its day, and so the days that depend on that.

Knows days as numbers. Never knows files, engines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date

from fraud_detect.errors import TableError
from fraud_detect.features.checks import DAY_ZERO, DayRows, calendar_day

FORMAT = 1


@dataclass(frozen=True)
class Basis:
    """What days must have in common to lie beside each other: engine with version, features, columns with types."""

    engine: str
    features: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class State:
    """What a folder of features was made of."""

    basis: Basis
    days: Mapping[int, DayRows]
    sizes: Mapping[int, int]
    """The bytes of each day's file."""

    def as_json(self) -> str:
        """Return the state as text."""
        days = {
            calendar_day(day).isoformat(): {
                "rows": each.rows,
                "fingerprint": each.fingerprint,
                "until": calendar_day(each.until).isoformat(),
                "bytes": self.sizes[day],
            }
            for day, each in sorted(self.days.items())
        }
        return json.dumps({"format": FORMAT, "basis": asdict(self.basis), "days": days}, indent=1) + "\n"


def parse(text: str | None) -> State | None:
    """Return the state that `as_json` wrote, None where there is none of this format: everything is then computed."""
    try:
        document = json.loads(text or "")
        if document["format"] != FORMAT:
            return None
        days = [
            DayRows(_number(day), each["rows"], each["fingerprint"], _number(each["until"]))
            for day, each in document["days"].items()
        ]
        sizes = {_number(day): int(each["bytes"]) for day, each in document["days"].items()}
        return State(Basis(**document["basis"]), {each.day: each for each in days}, sizes)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _number(day: str) -> int:
    return (date.fromisoformat(day) - DAY_ZERO).days


@dataclass(frozen=True)
class Plan:
    """What to do: days to compute, days whose files go as their transactions are gone, days that stay as they are."""

    compute: Sequence[int]
    remove: Sequence[int]
    keep: Mapping[int, DayRows]


def plan(found: Sequence[DayRows], basis: Basis, before: State | None, sizes: Mapping[int, int]) -> Plan:
    """Return what makes a folder hold the features of the days `found`, in order; `sizes` are the bytes of those there.

    Days before the first of `found` stay: a folder may grow from an input that holds only the last weeks.

    Raises
    ------
    TableError
        If such a day is among the history that is needed.
    """
    days = {each.day: each for each in found}
    if before is None or before.basis != basis:
        return Plan(sorted(days), (), {})
    old = before.days
    gone = [day for day in old if day >= found[0].day and day not in days]
    changed = [day for day, each in days.items() if day not in old or old[day].fingerprint != each.fingerprint]
    ends = {
        day: max(each.until for each in (old.get(day), days.get(day)) if each is not None) for day in (*changed, *gone)
    }
    damaged = {day for day in days if sizes.get(day) != before.sizes.get(day)}
    compute = sorted(day for day in days if day in damaged or any(start <= day <= end for start, end in ends.items()))
    if compute:
        _check_history(old, found[0].day, compute[0])
    keep = {day: each for day, each in {**old, **days}.items() if day not in compute and day not in gone}
    return Plan(compute, gone, keep)


def _check_history(old: Mapping[int, DayRows], first: int, earliest: int) -> None:
    needed = [day for day, each in old.items() if day < first and each.until >= earliest]
    if needed:
        raise TableError(
            f"The features of {calendar_day(earliest)} need transactions since {calendar_day(min(needed))}, which the "
            f"output folder has and the input has not: it begins on {calendar_day(first)}",
            expected="transactions of the days that the windows reach back to",
            remedy="Give these days, too, or use --full with all days.",
        )
