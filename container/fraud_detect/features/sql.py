"""Definitions become SQL text.

Every window is a RANGE over a BIGINT of microseconds, which engines agree on. They differ in how intervals of
several units, NULLs in an order and ties by several keys are taken, so none of these occurs. Amounts are summed as
integers: sums of floating-point numbers depend on their order, which threads and engines choose anew on each run.

Knows SQL. Never knows a connection, pandas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

from fraud_detect.features.aggregates import MEASURES, MILLIONTHS, PARTS, Measure, Terms, value
from fraud_detect.features.definitions import (
    AGAINST_THE_PAST,
    AMOUNT,
    LABEL,
    LABEL_TIME,
    TERMINAL,
    TIME,
    FeatureSet,
    PeriodFeature,
    WindowFeature,
)
from fraud_detect.features.dialect import Dialect

TRANSACTIONS = "transactions"
"""The table or view that a query reads."""
EVENT_US = "event_us"
"""The column that a query adds beside the features: the event's time in microseconds since 1970 (UTC)."""
EVENT_DAY = "event_day"
"""The column that a query adds beside the features: the event's day, counted from 1970-01-01 (UTC)."""

LARGEST_AMOUNT = 1e12  # in millionths still a BIGINT
LIST_BREAK = ",\n"
US_PER_HOUR = 3_600_000_000
US_PER_DAY = 24 * US_PER_HOUR
DAYS_BEFORE_1970 = 719_162  # from Monday, 0001-01-01: counted from there, times are positive and weeks begin on Monday
US_BEFORE_1970 = DAYS_BEFORE_1970 * US_PER_DAY


@dataclass(frozen=True)
class Input:
    """What the table `TRANSACTIONS` has: its columns in order; among them may be one of when labels became known."""

    columns: tuple[str, ...]

    @property
    def has_label_times(self) -> bool:
        """Whether labels count from `LABEL_TIME` on, instead of after a delay."""
        return LABEL_TIME in self.columns


@dataclass(frozen=True)
class Days:
    """The days that are asked for, as ranges `[first, end)` of days since 1970, in order."""

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, days: Sequence[int]) -> Days:
        """Return the ranges of single `days`, ascending."""
        runs = groupby(enumerate(days), key=lambda item: item[1] - item[0])
        grouped = [[day for _, day in run] for _, run in runs]
        return cls(tuple((run[0], run[-1] + 1) for run in grouped))


@dataclass(frozen=True)
class Step:
    """One named query of a chain; `{source}` in its body is the step before."""

    name: str
    body: str


def moment(dialect: Dialect, column: str = TIME) -> str:
    """Return the microseconds since 1970 of a column of timestamps."""
    return dialect.microseconds.format(dialect.name(column))


def day_of(dialect: Dialect, event_us: str) -> str:
    """Return the day since 1970 of an expression of microseconds."""
    return f"{dialect.divided.format(f'({event_us} + {US_BEFORE_1970})', US_PER_DAY)} - {DAYS_BEFORE_1970}"


def features_query(features: FeatureSet, given: Input, dialect: Dialect, days: Days | None = None) -> str:
    """Return the query of `features`: the columns `given`, then the features, then `EVENT_US` and `EVENT_DAY`.

    With `days`, only their rows are returned, and only the history that they need is read. The rows have no order.
    """
    histories = _histories(features, given)
    steps = [_events(features, given, dialect, days), *(step for each in histories for step in each.steps(dialect))]
    of_windows = {window: text for each in histories for window, text in _values(each, dialect).items()}
    selected = [
        *map(dialect.name, given.columns),
        *(f"{_period(period)} AS {dialect.name(period.name)}" for period in features.periods),
        *(f"{of_windows[window]} AS {dialect.name(window.name)}" for window in features.windows),
        EVENT_US,
        f"{day_of(dialect, EVENT_US)} AS {EVENT_DAY}",
    ]
    chain = LIST_BREAK.join(_chain(steps))
    wanted = f"\nWHERE {_within(days)}" if days else ""
    return f"WITH {chain}\nSELECT{_indented(*selected)}\nFROM {steps[-1].name}{wanted}"


def internal_names(features: FeatureSet, given: Input) -> Sequence[str]:
    """Return the names of columns that the query of `features` makes for itself."""
    histories = _histories(features, given)
    measures = [
        each.column(window, measure)
        for each in histories
        for window in each.windows
        for measure in MEASURES[window.aggregate]
    ]
    moments = [name for each in histories for name in each.moments]
    return [EVENT_US, EVENT_DAY, "label_us", *_UNITS, *moments, *dict.fromkeys(measures)]


def _chain(steps: Sequence[Step]) -> Iterator[str]:
    source = TRANSACTIONS
    for step in steps:
        yield f"{step.name} AS (\n{step.body.replace('{source}', source)}\n)"
        source = step.name


def _indented(*items: str) -> str:
    return "\n    " + f"{LIST_BREAK}    ".join(items)


def _within(days: Days) -> str:
    ranges = (f"({EVENT_US} >= {first * US_PER_DAY} AND {EVENT_US} < {end * US_PER_DAY})" for first, end in days.ranges)
    return " OR ".join(ranges)


def _events(features: FeatureSet, given: Input, dialect: Dialect, days: Days | None) -> Step:
    amount = f"CAST({dialect.name(AMOUNT)} AS DOUBLE)"
    columns = [
        f"{moment(dialect)} AS {EVENT_US}",
        *([f"{moment(dialect, LABEL_TIME)} AS label_us"] if given.has_label_times else []),
        *(f"CAST(FLOOR({amount} * {unit}e0 + 5e-1) AS BIGINT) AS {name}" for name, unit in _UNITS.items()),
    ]
    body = f"  SELECT *,{_indented(*columns)}\n  FROM {{source}}"
    if days is None:
        return Step("events", body)
    oldest = (days.ranges[0][0] - features.horizon_days) * US_PER_DAY
    needed = f"{EVENT_US} >= {oldest}" + (f" OR label_us >= {oldest}" if given.has_label_times else "")
    inner = body.replace("\n", "\n  ")
    return Step("events", f"  SELECT * FROM (\n  {inner}\n  ) AS timed\n  WHERE {needed}")


_UNITS: Mapping[str, int] = {"amount_millionths": MILLIONTHS, "amount_parts": PARTS}


def _period(period: PeriodFeature) -> str:
    clock = f"({EVENT_US} + {US_BEFORE_1970}) % {period.cycle_hours * US_PER_HOUR}"
    first, end = period.from_hour * US_PER_HOUR, period.to_hour * US_PER_HOUR
    return f"CAST(CASE WHEN {clock} >= {first} AND {clock} < {end} THEN 1 ELSE 0 END AS TINYINT)"


@dataclass(frozen=True)
class _History:
    """The windows of one entity, and whether they are of labels, which come later.

    Where the time is known at which each label came, the windows of labels run over those times: a second row for each
    labelled transaction stands at that time, and is all that counts.
    """

    entity: tuple[str, ...]
    windows: tuple[WindowFeature, ...]
    of_labels: bool
    by_label_time: bool

    @property
    def name(self) -> str:
        return f"{'_'.join(self.entity).lower()}_{'labels' if self.of_labels else 'history'}"

    def steps(self, dialect: Dialect) -> Iterator[Step]:
        """Give the steps that add the measures of the windows as columns."""
        if self.by_label_time:
            yield self._with_known_labels(dialect)
        measures = {
            self.column(window, measure): (window, measure)
            for window in self.windows
            for measure in MEASURES[window.aggregate]
        }
        columns = [f"{self._measured(*of, dialect)} AS {column}" for column, of in measures.items()]
        clock = self._own("moment_us") if self.by_label_time else EVENT_US
        partition = f"PARTITION BY {dialect.names(self.entity)} ORDER BY {clock}"
        frames = {self._frame(window): f"({partition} RANGE BETWEEN {self._bounds(window)})" for window in self.windows}
        windows = [f"{name} AS {frame}" for name, frame in frames.items()]
        yield Step(self.name, f"  SELECT *,{_indented(*columns)}\n  FROM {{source}}\n  WINDOW{_indented(*windows)}")
        if self.by_label_time:
            yield Step(
                f"{self.name}_at_events", f"  SELECT *\n  FROM {{source}}\n  WHERE {self._own('known_us')} IS NULL"
            )

    def column(self, window: WindowFeature, measure: Measure) -> str:
        """Return the column that holds a measure of a window."""
        return f"{self.name}_{measure.name.lower()}_{self._frame(window)}"

    @property
    def moments(self) -> tuple[str, str, str]:
        """The columns of the second rows: where a row stands, when its transaction was, and its label."""
        return self._own("moment_us"), self._own("known_us"), self._own("known_label")

    def _own(self, name: str) -> str:
        return f"{self.name}_{name}"

    def _with_known_labels(self, dialect: Dialect) -> Step:
        moment_us, known_us, known_label = self.moments
        events = [
            f"{EVENT_US} AS {moment_us}",
            f"CAST(NULL AS BIGINT) AS {known_us}",
            f"CAST(NULL AS INTEGER) AS {known_label}",
        ]
        labels = [f"label_us AS {moment_us}", f"{EVENT_US} AS {known_us}", f"{_label(dialect)} AS {known_label}"]
        return Step(
            f"{self.name}_moments",
            f"  SELECT *,{_indented(*events)}\n  FROM {{source}}\n  UNION ALL\n"
            f"  SELECT *,{_indented(*labels)}\n  FROM {{source}}\n  WHERE label_us IS NOT NULL",
        )

    def _frame(self, window: WindowFeature) -> str:
        before = "before_" if window.aggregate in AGAINST_THE_PAST else ""
        return f"{before}days_{window.delay_days}_to_{window.horizon_days}"

    def _bounds(self, window: WindowFeature) -> str:
        # RANGE includes both its ends; the window does not include its oldest moment.
        delay_days = 0 if self.by_label_time else window.delay_days
        oldest = f"{(delay_days + window.window_days) * US_PER_DAY - 1} PRECEDING"
        if window.aggregate in AGAINST_THE_PAST:
            return f"{oldest} AND 1 PRECEDING"
        return f"{oldest} AND {f'{delay_days * US_PER_DAY} PRECEDING' if delay_days else 'CURRENT ROW'}"

    def _measured(self, window: WindowFeature, measure: Measure, dialect: Dialect) -> str:
        terms = self._terms(dialect)
        frame = self._frame(window)
        terminals = dialect.distinct.format(terms.terminal, frame)
        return measure.value.format(**asdict(terms), frame=frame, wide=dialect.wide, terminals=terminals)

    def _terms(self, dialect: Dialect) -> Terms:
        if not self.by_label_time:
            return _terms(dialect)
        known_us = self._own("known_us")
        seen = {
            name: f"CASE WHEN {known_us} IS NOT NULL THEN {term} END" for name, term in asdict(_terms(dialect)).items()
        }
        return Terms(**{**seen, "counted": known_us, "event_us": known_us, "label": self._own("known_label")})


def _histories(features: FeatureSet, given: Input) -> Sequence[_History]:
    groups = dict.fromkeys((window.entity, window.waits_for_labels) for window in features.windows)
    return [
        _History(
            entity,
            tuple(
                window for window in features.windows if (window.entity, window.waits_for_labels) == (entity, of_labels)
            ),
            of_labels,
            of_labels and given.has_label_times,
        )
        for entity, of_labels in groups
    ]


def _terms(dialect: Dialect) -> Terms:
    return Terms(
        counted="*",
        millionths="amount_millionths",
        parts="amount_parts",
        amount=f"CAST({dialect.name(AMOUNT)} AS DOUBLE)",
        label=_label(dialect),
        event_us=EVENT_US,
        terminal=dialect.name(TERMINAL),
    )


def _label(dialect: Dialect) -> str:
    return f"CAST({dialect.name(LABEL)} AS INTEGER)"


def _values(history: _History, dialect: Dialect) -> Mapping[WindowFeature, str]:
    return {
        window: value(
            window,
            {measure: history.column(window, measure) for measure in MEASURES[window.aggregate]},
            _terms(dialect),
            dialect.wide,
        )
        for window in history.windows
    }
