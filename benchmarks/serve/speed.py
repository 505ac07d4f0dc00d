"""Requests and rows a second, and how long one request takes.

Knows what is asked of them. Never knows how servers are started or driven.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import bare
from bodies import JSON, Table, csv, json_records
from comparison import Comparison, compare
from setting import Setting
from sides import BENTOML, BENTOML_ARRAY, BENTOML_MOUNTED, CONSTANT, LITSERVE, OURS, Side
from tables import Figure, at_least, at_most, missing, spread
from tables import table as markdown
from wrk import Load

NAME = OURS.name
MANY, FEW = 8, 2
ROWS_AT_ONCE = 1000
BARE = "bare inplace_predict, one thread"
REASONS = 5
SAME_SCORE = 1e-6


def one_row(setting: Setting) -> Sequence[Figure]:
    """One CSV row, 8 connections."""
    sides = [OURS, CONSTANT, LITSERVE, BENTOML, BENTOML_ARRAY, BENTOML_MOUNTED]
    found = compare(setting, sides, Load(csv(setting.workload.table, 1), MANY))
    print(found.markdown(NAME))
    _check_scores(found, bare.load(setting.workload.booster, setting.workload.table, 1))
    return [
        _ratio("one CSV row, 8 connections: ours / constant view", found, CONSTANT, 0.8),
        _tail("one CSV row, 8 connections: p99 / p50", found),
        _ratio("one CSV row, 8 connections: ours / LitServe", found, LITSERVE, 4),
        _ratio("one CSV row, 8 connections: ours / BentoML", found, BENTOML, 7),
    ]


def one_record(setting: Setting) -> Sequence[Figure]:
    """One JSON record, 8 connections."""
    found = compare(setting, [OURS, CONSTANT], Load(json_records(setting.workload.table, 1), MANY))
    print(found.markdown(NAME))
    return [_ratio("one JSON record, 8 connections: ours / constant view", found, CONSTANT, 0.7)]


def one_connection(setting: Setting) -> Sequence[Figure]:
    """One CSV row, one connection."""
    found = compare(setting, [OURS, CONSTANT], Load(csv(setting.workload.table, 1), 1))
    print(found.markdown(NAME))
    return [_median("one CSV row, one connection: p50", found, 0.5)]


def explanation(setting: Setting) -> Sequence[Figure]:
    """One CSV row with the five features that weigh most, one connection."""
    body = dataclasses.replace(csv(setting.workload.table, 1), accept=f"{JSON};explain={REASONS}")
    found = compare(setting, [OURS], Load(body, 1))
    if NAME in found.answers and not _explains(found.answers[NAME], setting.workload.table):
        del found.rounds[NAME]
        found.absences[NAME] = "the answer names no features: the server does not explain yet"
    print(found.markdown(NAME))
    return [_median("explanation of one row, one connection: p50", found, 2)]


def thousand_rows(setting: Setting) -> Sequence[Figure]:
    """1,000 CSV rows, 2 connections, beside the booster alone."""
    what = "1,000 CSV rows, 2 connections: rows/s, ours / bare"
    alone = bare.load(setting.workload.booster, setting.workload.table, ROWS_AT_ONCE)
    alone.rows_per_second(0.2)
    load = Load(csv(setting.workload.table, ROWS_AT_ONCE), FEW)
    found = compare(setting, [OURS], load, {BARE: lambda: alone.rows_per_second(setting.seconds)})
    print(found.markdown(NAME))
    if NAME not in found.rounds:
        return [missing(what, found.absences[NAME], "≥ 0.54")]
    ours = [each.requests_per_second * ROWS_AT_ONCE for each in found.rounds[NAME]]
    alone_rates = found.others[BARE]
    print(markdown(["", "rows/s"], [[NAME, spread(ours, 0)], [BARE, spread(alone_rates, 0)]]))
    return [at_least(what, [mine / other for mine, other in zip(ours, alone_rates, strict=True)], 0.54)]


def _ratio(what: str, found: Comparison, other: Side, asked: float) -> Figure:
    absent = _absence(found, OURS, other)
    return missing(what, absent, f"≥ {asked:g}") if absent else at_least(what, found.ratios(NAME, other.name), asked)


def _tail(what: str, found: Comparison) -> Figure:
    if absent := _absence(found, OURS):
        return missing(what, absent, "≤ 3")
    return at_most(what, [each.p99_milliseconds / each.p50_milliseconds for each in found.rounds[NAME]], 3)


def _median(what: str, found: Comparison, asked: float) -> Figure:
    if absent := _absence(found, OURS):
        return missing(what, absent, f"≤ {asked:g} ms")
    return at_most(what, [each.p50_milliseconds for each in found.rounds[NAME]], asked, " ms")


def _absence(found: Comparison, *sides: Side) -> str:
    return next((f"{side.name}: {found.absences[side.name]}" for side in sides if side.name in found.absences), "")


def _explains(answer: bytes, table: Table) -> bool:
    return sum(f'"{name}"'.encode() in answer for name in table.names) == REASONS


def _check_scores(found: Comparison, booster: bare.Bare) -> None:
    """Fail unless the peers' scores are the booster's; ours are calibrated."""
    expected = float(booster.booster.inplace_predict(booster.rows[:1])[0])
    for side in (LITSERVE, BENTOML, BENTOML_MOUNTED):
        if side.name in found.answers:
            score = float(found.answers[side.name].rsplit(b",")[-1])
            assert abs(score - expected) < SAME_SCORE, f"{side.name} answers {score}, the booster {expected}"
