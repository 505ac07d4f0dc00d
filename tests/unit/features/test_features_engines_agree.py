"""DuckDB and Spark give the same rows, columns and types: whole numbers exactly, others to one part in 10^9."""

from __future__ import annotations

import os
import random
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from feature_factories import (
    DAY,
    HEADER,
    MICROSECOND,
    MONDAY,
    SECOND,
    Row,
    a_csv,
    a_file,
    a_transaction,
    numbered,
    with_duckdb,
    with_spark,
)
from fraud_detect.features.definitions import EXTENDED, HANDBOOK, LABEL_TIME, REQUIRED, FeatureSet

TOLERANCE = 1e-9
DATA = Path(os.environ.get("FRAUD_DETECT_DATA", Path(__file__).parents[4] / "shared" / "data")) / "handbook"
UTC = UTC
BERLIN = ZoneInfo("Europe/Berlin")
INSTANTS = {"TX_DATETIME": "TIMESTAMP WITH TIME ZONE", LABEL_TIME: "TIMESTAMP WITH TIME ZONE"}
DAYLIGHT_SAVING_NIGHTS = (datetime(2018, 3, 25), datetime(2018, 10, 28))

pytestmark = pytest.mark.usefixtures("spark", "_in_berlin")


@pytest.fixture
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine be in a zone with daylight saving, which must not matter."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", BERLIN.key)
        time.tzset()
        yield
    time.tzset()


def disagreements(source: Path, folder: Path, features: FeatureSet = EXTENDED) -> Mapping[str, int]:
    """Return the columns in which the engines' day files differ, and in how many rows."""
    with_duckdb(source, folder / "duckdb", features)
    with_spark(source, folder / "spark", features)
    with duckdb.connect() as connection:
        for name in ("duckdb", "spark"):
            files = f"read_parquet('{folder}/{name}/*.parquet', filename = true)"
            connection.execute(f"CREATE VIEW by_{name} AS FROM {files}")
        described = [connection.execute(f"DESCRIBE by_{name}").fetchall() for name in ("duckdb", "spark")]
        kinds, others = ({name: kind for name, kind, *_ in columns} for columns in described)
        if source.suffix == ".csv":  # engines guess whole numbers' widths
            others |= {name: kind for name, kind in kinds.items() if name in REQUIRED and kind == "BIGINT"}
        assert list(kinds.items()) == list(others.items())
        compared = {name: _differs(name, kind) for name, kind in kinds.items() if name != "filename"}
        compared["file"] = "parse_filename(d.filename) <> parse_filename(s.filename)"
        counts = ", ".join(f"COUNT(*) FILTER ({differs})" for differs in compared.values())
        (rows, *counted) = connection.execute(
            f"SELECT COUNT(*) FILTER (d.TRANSACTION_ID IS NULL OR s.TRANSACTION_ID IS NULL), {counts} "
            "FROM by_duckdb AS d FULL JOIN by_spark AS s ON d.TRANSACTION_ID = s.TRANSACTION_ID"
        ).fetchall()[0]
    found = {"rows": rows, **dict(zip(compared, counted, strict=True))}
    return {name: count for name, count in found.items() if count}


def _differs(name: str, kind: str) -> str:
    one, other = f'd."{name}"', f's."{name}"'
    if kind == "DOUBLE":
        near = f"ABS({one} - {other}) <= {TOLERANCE} * GREATEST(1, ABS({one}))"
        return f"NOT COALESCE({near}, {one} IS NULL AND {other} IS NULL)"
    return f"{one} IS DISTINCT FROM {other}"


def edges() -> Sequence[Row]:
    """Return, for a customer and a terminal each, two transactions as far apart as a window reaches, or nearly so."""
    days = (1, 7, 8, 14, 28, 30, 37, 60, 67)
    offsets = (-SECOND, -MICROSECOND, timedelta(0), MICROSECOND)
    pairs = [day * DAY + offset for day in days for offset in offsets]
    return [
        a_transaction(MONDAY + apart, CUSTOMER_ID=number, TERMINAL_ID=number, TX_AMOUNT=amount, TX_FRAUD=fraud)
        for number, far in enumerate(pairs)
        for apart, amount, fraud in ((timedelta(0), 3.5, 1), (far, 7.25, 0))
    ]


def ties() -> Sequence[Row]:
    """Return many transactions of the same moments by the same customer and terminals."""
    moments = (MONDAY, MONDAY + SECOND, MONDAY + 7 * DAY, MONDAY + 7 * DAY + SECOND, MONDAY + 8 * DAY)
    return [
        a_transaction(
            moment, CUSTOMER_ID=1_000, TERMINAL_ID=1_000 + number % 3, TX_AMOUNT=number / 7, TX_FRAUD=number % 2
        )
        for moment in moments
        for number in range(30)
    ]


def amounts() -> Sequence[Row]:
    """Return amounts that are hard to sum, a customer for each kind."""
    kinds = (
        [0.1, 0.2, 0.3, 0.123456789, 1e-7, 0.0000005, 2.675],
        [-5.0, -0.01, 5.0, 0.0, -99.5],
        [999_999_999.99, 1e9 + 0.1, 123_456_789.123456, 0.01],
        [10.0, 10.0, 10.0, 10.0001],
        [0.0, 0.0, -0.0],
        [None, 4.0, None, 8.0],
        [None, None],
    )
    return [
        a_transaction(MONDAY + place * SECOND, CUSTOMER_ID=2_000 + kind, TX_AMOUNT=amount)
        for kind, those in enumerate(kinds)
        for place, amount in enumerate(those)
    ]


def others() -> Sequence[Row]:
    """Return customers with one transaction, old times, weekends' and nights' edges, and labels that are missing."""
    week = datetime(2018, 4, 6)
    edges = [week + day * DAY + off for day in range(4) for off in (timedelta(0), -MICROSECOND, timedelta(hours=7))]
    old = [datetime(1, 1, 1), datetime(1899, 12, 31), datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime(1970, 1, 1)]
    return [
        *(a_transaction(at, CUSTOMER_ID=3_000 + place) for place, at in enumerate((*edges, *old))),
        *(a_transaction(MONDAY + day * DAY, TERMINAL_ID=4_000, TX_FRAUD=(1, 0, None)[day % 3]) for day in range(30)),
    ]


def random_rows(count: int, *, dated: bool) -> Sequence[Row]:
    """Return transactions of 80 days in no order; half of them stand on whole hours."""
    rng = random.Random(11)  # noqa: S311 - a table of tests
    waits = [None, 1, 3_600, 86_400 * 7, 86_400 * 30]
    rows = []
    for _ in range(count):
        offset = rng.choice([0, rng.randrange(3_600_000_000)]) * MICROSECOND
        at, wait = MONDAY + rng.randrange(80 * 24) * timedelta(hours=1) + offset, rng.choice(waits)
        values: dict[str, Any] = {
            "CUSTOMER_ID": int(rng.expovariate(0.05)),
            "TERMINAL_ID": int(rng.expovariate(0.1)),
            "TX_AMOUNT": rng.choice([round(rng.lognormvariate(3, 2), 2), round(rng.uniform(-10, 100), 4)]),
            "TX_FRAUD": rng.choice([0, 0, 0, 1, None]),
        }
        if dated:
            values[LABEL_TIME] = None if wait is None else at + wait * SECOND
        rows.append(a_transaction(at, **values))
    return numbered(rows)


@pytest.mark.parametrize("features", [HANDBOOK, EXTENDED], ids=["handbook", "extended"])
def test_edges_ties_amounts_and_old_times(tmp_path: Path, features: FeatureSet) -> None:
    rows = [*edges(), *ties(), *amounts(), *others()]
    assert disagreements(a_file(tmp_path / "a.parquet", rows), tmp_path, features) == {}


def test_label_times_at_before_and_after_transactions_and_missing(tmp_path: Path) -> None:
    waits = (MICROSECOND, SECOND, DAY - MICROSECOND, DAY, 7 * DAY, 30 * DAY, 100 * DAY)
    rows = [
        {**row, LABEL_TIME: None if place % 5 == 0 else row["TX_DATETIME"] + waits[place % len(waits)]}
        for place, row in enumerate((*edges(), *ties()))
    ]
    assert disagreements(a_file(tmp_path / "a.parquet", rows), tmp_path) == {}


@pytest.mark.parametrize(
    "types",
    [
        {"TX_FRAUD": "BOOLEAN", "TX_AMOUNT": "DECIMAL(18, 4)", "CUSTOMER_ID": "INTEGER"},
        {"TX_FRAUD": "DOUBLE", "TX_AMOUNT": "FLOAT", "CUSTOMER_ID": "DOUBLE", "TX_DATETIME": "TIMESTAMP_MS"},
    ],
    ids=["flags and decimals", "floating point"],
)
def test_types_of_columns(tmp_path: Path, types: Mapping[str, str]) -> None:
    rows = [*ties(), *(row for row in others() if row["TX_FRAUD"] is None), *amounts()]
    assert disagreements(a_file(tmp_path / "a.parquet", rows, **types), tmp_path) == {}


def test_ids_of_text_are_told_apart_as_they_are_written(tmp_path: Path) -> None:
    composed, combining = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    plain = ["7", "07", "7.0", " 7", "7 ", "a", "A", "ß", "ss", "i", "\u0130", "\u0131", "null", "nan"]
    invisible = ["", " ", "\t", "\u200b", "\ufeff"]
    odd = [composed, combining, "🦊", "🦊\ufe0f", "👩\u200d👧", "قطة", "ك\u200fك", *invisible]
    rows = [
        a_transaction(MONDAY + hour * timedelta(hours=1), CUSTOMER_ID=text, TERMINAL_ID=odd[place % 7], TX_AMOUNT=place)
        for hour in range(3)
        for place, text in enumerate([*plain, *odd])
    ]
    source = a_file(tmp_path / "a.parquet", rows, CUSTOMER_ID="VARCHAR", TERMINAL_ID="VARCHAR")
    assert disagreements(source, tmp_path) == {}
    counted = f"SELECT DISTINCT CUSTOMER_ID FROM '{tmp_path}/spark/*.parquet' WHERE CUSTOMER_ID_NB_TX_1DAY_WINDOW = 3"
    assert len(duckdb.sql(counted).fetchall()) == len({*plain, *odd})


def night_hours(zone: ZoneInfo | None) -> Sequence[Row]:
    """Return a transaction every quarter of an hour of the nights in which clocks are put forward and back."""
    quarters = [night + quarter * timedelta(minutes=15) for night in DAYLIGHT_SAVING_NIGHTS for quarter in range(40)]
    times = [time.replace(tzinfo=UTC).astimezone(zone) if zone else time for time in quarters]
    return [a_transaction(time + shift, TX_AMOUNT=1.0) for time in times for shift in (timedelta(0), DAY, 7 * DAY)]


@pytest.mark.parametrize("zone", [BERLIN, None], ids=["instants", "local times"])
def test_daylight_saving_nights(tmp_path: Path, zone: ZoneInfo | None) -> None:
    source = a_file(tmp_path / "a.parquet", night_hours(zone), **(INSTANTS if zone else {}))
    assert disagreements(source, tmp_path) == {}


@pytest.mark.parametrize("zone", [BERLIN, None], ids=["offsets", "local times"])
def test_csv_with_times_of_daylight_saving_nights(tmp_path: Path, zone: ZoneInfo | None) -> None:
    lines = [
        f"{number},{row['TX_DATETIME'].isoformat()},{number % 3},2,{row['TX_AMOUNT']},{number % 2},"
        f"{(row['TX_DATETIME'] + 3 * DAY).isoformat() if number % 4 else ''}"
        for number, row in enumerate(night_hours(zone))
    ]
    assert disagreements(a_csv(tmp_path / "a.csv", *lines, header=f"{HEADER},{LABEL_TIME}"), tmp_path) == {}


@pytest.mark.parametrize("dated", [False, True], ids=["by delay", "by label time"])
def test_a_random_table_in_several_files_in_no_order(tmp_path: Path, *, dated: bool) -> None:
    rows = random_rows(3_000, dated=dated)
    for part in range(4):
        a_file(tmp_path / "in" / f"{part}.parquet", rows[part::4])
    assert disagreements(tmp_path / "in", tmp_path) == {}


def test_spark_reads_and_writes_folders_and_files_of_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "a b=ü%20[1]{x}"
    source = a_file(folder / "in" / "day=1 [2].parquet", [a_transaction()])
    with_spark(source, folder / "out")
    assert sorted(path.name for path in (folder / "out").iterdir()) == [".features.json", "2018-04-02.parquet"]


@pytest.mark.skipif(not DATA.exists(), reason="the published transactions are not on this machine")
def test_the_published_transactions_of_45_days(tmp_path: Path) -> None:
    selected = f"SELECT {', '.join(REQUIRED)} FROM '{DATA}/transactions.parquet' WHERE TX_DATETIME < '2018-05-16'"
    duckdb.sql(selected).write_parquet(str(tmp_path / "in.parquet"))
    assert disagreements(tmp_path / "in.parquet", tmp_path) == {}
