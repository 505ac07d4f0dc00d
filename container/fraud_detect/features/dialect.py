"""What differs between engines' SQL, and nothing else.

Knows SQL. Never knows features, connections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an engine's column holds, as far as features care."""

    TIME = "times"
    TIME_IN_NANOSECONDS = "times in nanoseconds"
    DATE = "dates"
    TIME_WITH_ZONE = "times with a time zone"
    WHOLE = "whole numbers"
    NUMBER = "numbers"
    FLAG = "flags"
    TEXT = "text"
    NOTHING = "nothing"
    OTHER = "something else"


@dataclass(frozen=True)
class Dialect:
    """Templates of what engines write differently; `{}` is an expression."""

    quote: str
    microseconds: str
    """The microseconds since 1970 of a timestamp."""
    divided: str
    """The whole quotient of two integers, none of them negative."""
    wide: str
    """The type of exact integers of 38 digits."""
    distinct: str
    """How many distinct values an expression has in the window that is called by the second argument."""
    matches: str
    """Whether a text matches the regular expression, given as a literal."""
    local_time: str
    """A text as a timestamp without time zone, NULL if it is none."""
    instant: str
    """A text with an offset from UTC as a timestamp with time zone, NULL if it is none."""
    whole_microseconds: str
    """A timestamp in nanoseconds as one in microseconds, the rest cut off."""
    fingerprint: str
    """A number for a group of rows, whatever their order, from a list of columns."""
    text: str
    """The type of texts."""
    kinds: Mapping[str, Kind]
    """What the engine's types are, by their names without what stands in brackets."""

    def name(self, name: str) -> str:
        """Return `name` as a quoted identifier."""
        return f"{self.quote}{name.replace(self.quote, 2 * self.quote)}{self.quote}"

    def names(self, names: Sequence[str]) -> str:
        """Return `names` as a list of quoted identifiers."""
        return ", ".join(map(self.name, names))

    def kind(self, type_name: str) -> Kind:
        """Return what a column of the engine's type `type_name` holds."""
        return self.kinds.get(type_name.partition("(")[0], Kind.OTHER)


_DUCKDB_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_DUCKDB_TIMES = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS")

DUCKDB = Dialect(
    quote='"',
    microseconds="epoch_us({})",
    divided="{} // {}",
    wide="HUGEINT",
    distinct="COUNT(DISTINCT {}) OVER {}",
    matches="regexp_matches({}, {})",
    local_time="TRY_CAST({} AS TIMESTAMP)",
    instant="TRY_CAST({} AS TIMESTAMPTZ)",
    whole_microseconds="make_timestamp(epoch_ns({}) // 1000)",
    fingerprint="SUM(CAST(hash({}) AS HUGEINT))",
    text="VARCHAR",
    kinds={
        **dict.fromkeys(_DUCKDB_TIMES, Kind.TIME),
        "TIMESTAMP_NS": Kind.TIME_IN_NANOSECONDS,
        "DATE": Kind.DATE,
        "TIMESTAMP WITH TIME ZONE": Kind.TIME_WITH_ZONE,
        **dict.fromkeys((*_DUCKDB_WHOLE, *(f"U{kind}" for kind in _DUCKDB_WHOLE)), Kind.WHOLE),
        **dict.fromkeys(("FLOAT", "DOUBLE", "DECIMAL"), Kind.NUMBER),
        "BOOLEAN": Kind.FLAG,
        "VARCHAR": Kind.TEXT,
        '"NULL"': Kind.NOTHING,
    },
)

SPARK = Dialect(
    quote="`",
    microseconds="unix_micros(CAST({} AS TIMESTAMP_LTZ))",  # the session's time zone is UTC
    divided="{} DIV {}",
    wide="DECIMAL(38, 0)",
    distinct="size(collect_set({}) OVER {})",  # COUNT(DISTINCT ...) is refused in a window
    matches="{} RLIKE {}",
    local_time="TRY_CAST({} AS TIMESTAMP_NTZ)",
    instant="TRY_CAST({} AS TIMESTAMP_LTZ)",  # TIMESTAMP is without zone in our sessions: it would drop the offset
    whole_microseconds="CAST({} AS TIMESTAMP_NTZ)",
    fingerprint="SUM(CAST(xxhash64({}) AS DECIMAL(38, 0)))",
    text="STRING",
    kinds={
        "timestamp_ntz": Kind.TIME,
        "date": Kind.DATE,
        "timestamp": Kind.TIME_WITH_ZONE,
        **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), Kind.WHOLE),
        **dict.fromkeys(("float", "double", "decimal"), Kind.NUMBER),
        "boolean": Kind.FLAG,
        "string": Kind.TEXT,
        "void": Kind.NOTHING,
    },
)
