"""Transactions that are not as they must be: an error that says what to do, or a rule that is told. Never silence."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feature_factories import (
    DAY,
    HEADER,
    LINE,
    MONDAY,
    SECOND,
    Row,
    a_csv,
    a_file,
    a_transaction,
    column,
    table,
    with_duckdb,
    with_spark,
)
from fraud_detect.errors import TableError
from fraud_detect.features.definitions import EXTENDED, LABEL_TIME
from fraud_detect.features.write import Written

DATED = f"{HEADER},{LABEL_TIME}"
LINE_2 = "2,2018-04-03 12:00:00,1,2,10.0,0"
UTC = UTC
TIMESTAMPTZ = "TIMESTAMP WITH TIME ZONE"

Make = Callable[[Path], object]


@dataclass(frozen=True)
class Fault:
    """How to make the input, and what of got, expected and remedy must be said."""

    make: Make
    words: Sequence[str]
    on_spark: bool = True


def rows(*rows: Row, **types: str) -> Make:
    return lambda folder: a_file(folder / "a.parquet", rows, **types)


def lines(*lines: str, header: str = HEADER) -> Make:
    return lambda folder: a_csv(folder / "a.csv", *lines, header=header)


def zones_in_files(folder: Path) -> None:
    a_file(folder / "a.parquet", [a_transaction()])
    later = a_transaction(datetime(2018, 4, 3, tzinfo=UTC), TRANSACTION_ID=1)
    a_file(folder / "b.parquet", [later], TX_DATETIME=TIMESTAMPTZ)


def a_truncated_file(folder: Path) -> None:
    path = a_file(folder / "a.parquet", [a_transaction()])
    path.write_bytes(path.read_bytes()[:-50])


def a_truncated_gzip(folder: Path) -> None:
    folder.mkdir()
    content = gzip.compress("\n".join((HEADER, *(f"{i},2018-04-02 12:00:00,1,2,{i},0" for i in range(999)))).encode())
    (folder / "a.csv.gz").write_bytes(content[:-100])


def a_file_of(name: str, content: bytes) -> Make:
    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / name).write_bytes(content)

    return make


def both_kinds(folder: Path) -> None:
    a_file(folder / "a.parquet", [a_transaction()])
    a_csv(folder / "b.csv", LINE_2)


AMOUNTS = ["TX_AMOUNT is infinite, not a number or too large in 1 transactions", "below 1,000,000,000,000", "Correct"]
UNREADABLE = ["a.", "complete files", "the message names"]
LABELS = ["TX_FRAUD is neither 0 nor 1 in 1 transactions", "1 for a fraud, 0 otherwise, or nothing", "Correct them"]
TIMES = ["TX_DATETIME is no time in 1 transactions", "times such as 2018-04-01 00:00:31", "Correct these times"]
ZONES = ["all times with an offset, or all without one", "Write all times in UTC"]
HUGE = {"TX_AMOUNT": 9e11}

FAULTS: Mapping[str, Fault] = {
    "repeated id": Fault(
        rows(a_transaction(TRANSACTION_ID=7), a_transaction(MONDAY + DAY, TRANSACTION_ID=7)),
        ["TRANSACTION_ID is that of an earlier one in 1 transactions", "each transaction once", "leave them out"],
    ),
    "no customer": Fault(
        rows(a_transaction(CUSTOMER_ID=None), a_transaction(TERMINAL_ID=None), a_transaction(CUSTOMER_ID=None)),
        ["Of the 3 transactions", "missing: CUSTOMER_ID in 2, TERMINAL_ID in 1", "a value for each", "Fill them in"],
    ),
    "a customer that is no number": Fault(
        rows(a_transaction(CUSTOMER_ID=float("nan")), CUSTOMER_ID="DOUBLE"), ["missing: CUSTOMER_ID in 1"]
    ),
    "no id": Fault(rows(a_transaction(TRANSACTION_ID=None)), ["missing: TRANSACTION_ID in 1"]),
    "no time": Fault(rows(a_transaction(TX_DATETIME=None)), ["missing: TX_DATETIME in 1"]),
    "an empty id in CSV": Fault(lines(LINE, '2,2018-04-02 12:00:00,"",2,10.0,0'), ["missing: CUSTOMER_ID in 1"]),
    "zones in one file": Fault(
        lines(LINE, "2,2018-04-03 12:00:00+02:00,1,2,10.0,0"),
        ["TX_DATETIME has an offset from UTC in 1 transactions and none in 1", *ZONES],
    ),
    "zones by file": Fault(
        zones_in_files, ["TX_DATETIME has a time zone in some files and none in others", *ZONES], on_spark=False
    ),
    "zones by column": Fault(
        rows(a_transaction(LABEL_TIME=datetime(2018, 5, 1, tzinfo=UTC)), LABEL_TIME=TIMESTAMPTZ),
        ["one of TX_DATETIME and LABEL_TIME has a time zone and the other has none", *ZONES],
    ),
    "zones by column of CSV": Fault(
        lines(f"{LINE},2018-04-09 12:00:00Z", header=DATED),
        ["one of TX_DATETIME and LABEL_TIME has a time zone and the other has none", *ZONES],
    ),
    "no number": Fault(rows(a_transaction(TX_AMOUNT="nan")), AMOUNTS),
    "infinity": Fault(rows(a_transaction(TX_AMOUNT="-infinity")), AMOUNTS),
    "too much": Fault(rows(a_transaction(TX_AMOUNT=1e12)), AMOUNTS),
    "sums of squares too large": Fault(
        rows(*(a_transaction(MONDAY + number * SECOND, **HUGE) for number in range(2_000))),
        ["The amounts are too large for exact sums", "38 digits", "in a larger unit"],
    ),
    "text for an amount": Fault(
        lines(LINE, "2,2018-04-02 12:00:00,1,2,ten,0"),
        ["TX_AMOUNT is no number in 1 transactions", "such as 'ten'", "numbers with a decimal point", "Correct"],
    ),
    "a decimal comma": Fault(
        lines('1,2018-04-02 12:00:00,1,2,"10,5",0'), ["TX_AMOUNT is no number in 1 transactions", "such as '10,5'"]
    ),
    "not a time": Fault(lines(LINE, "2,yesterday,1,2,10.0,0"), [*TIMES, "such as 'yesterday'"]),
    "no such day": Fault(lines(LINE, "2,2018-02-29 12:00:00,1,2,10.0,0"), [*TIMES, "such as '2018-02-29 12:00:00'"]),
    "a day of another order": Fault(
        lines(LINE, "2,03/04/2018 12:00,1,2,10.0,0"), [*TIMES, "such as '03/04/2018 12:00'"]
    ),
    "seconds since 1970": Fault(lines("1,1522670400,1,2,10.0,0"), [*TIMES, "such as '1522670400'"]),
    "numbers for times": Fault(
        rows(a_transaction(5), TX_DATETIME="BIGINT"), ["TX_DATETIME of", "holds whole numbers", "timestamps, such as"]
    ),
    "beyond the calendar": Fault(
        rows(a_transaction("infinity"), a_transaction("0044-03-15 (BC)")),
        ["TX_DATETIME is beyond the calendar in 2 transactions", "the years 1 to 9999", "Correct them"],
    ),
    "labels known in eternity": Fault(
        rows(a_transaction(LABEL_TIME="infinity")), ["LABEL_TIME is beyond the calendar in 1 transactions"]
    ),
    "a label before its transaction": Fault(
        rows(a_transaction(LABEL_TIME=MONDAY - SECOND), a_transaction(LABEL_TIME=MONDAY + SECOND)),
        ["LABEL_TIME is not after TX_DATETIME in 1 transactions", "labels that come after", "Correct them"],
    ),
    "a label at its transaction": Fault(
        rows(a_transaction(LABEL_TIME=MONDAY)), ["LABEL_TIME is not after TX_DATETIME in 1 transactions"]
    ),
    "numbers for label times": Fault(
        rows(a_transaction(LABEL_TIME=5), LABEL_TIME="INTEGER"), ["LABEL_TIME of", "holds whole numbers", "timestamps"]
    ),
    "a label time that is none": Fault(
        lines(f"{LINE},soon", header=DATED), ["LABEL_TIME is no time in 1 transactions", "such as 'soon'"]
    ),
    "a label of 2": Fault(rows(a_transaction(TX_FRAUD=2)), LABELS),
    "half a label": Fault(rows(a_transaction(TX_FRAUD=0.5), TX_FRAUD="DOUBLE"), LABELS),
    "a label that is no number": Fault(rows(a_transaction(TX_FRAUD="nan"), TX_FRAUD="DOUBLE"), LABELS),
    "text for a label": Fault(
        lines("1,2018-04-02 12:00:00,1,2,10.0,fraud"),
        ["TX_FRAUD is neither 0 nor 1 in 1 transactions", "such as 'fraud'", "1 for a fraud", "Correct"],
    ),
    "a column named like a feature": Fault(
        rows(a_transaction(tx_during_NIGHT=1)),
        ["already has the columns tx_during_NIGHT", "without features", "rename these columns"],
    ),
    "a column named like one of ours": Fault(
        rows(a_transaction(event_us=1, terminal_id_labels_known_us=1, LABEL_TIME=None)),
        ["already has the columns event_us, terminal_id_labels_known_us"],
    ),
    "columns absent": Fault(
        lines("1,2", header="TRANSACTION_ID,TX_DATETIME"),
        ["has no column CUSTOMER_ID, TERMINAL_ID, TX_AMOUNT, TX_FRAUD", "in a header if it is CSV", "Rename"],
    ),
    "no header": Fault(a_file_of("a.csv", b"1,2018-04-02,3,2,10.0,0\n"), ["has no column TRANSACTION_ID,", "header"]),
    "semicolons": Fault(
        a_file_of("a.csv", f"{HEADER}\n{LINE}\n".replace(",", ";").encode()), ["has no column TRANSACTION_ID,"]
    ),
    "a line with too few values": Fault(lines(LINE, "2,2018-04-02 12:00:00,1"), UNREADABLE),
    "a header alone": Fault(lines(), ["has no transactions", "at least one row", "Name files that have rows"]),
    "a column twice": Fault(
        lines(f"{LINE},1", header=f"{HEADER},tx_fraud"),
        ["has the column 'tx_fraud' twice, whatever its case", "Rename"],
    ),
    "no row": Fault(
        lambda folder: a_file(folder / "a.parquet", [a_transaction()]).write_bytes(_without_rows(folder)),
        ["has no transactions", "at least one row"],
    ),
    "no byte": Fault(a_file_of("a.csv", b""), ["only empty ones (a.csv)", "at least one CSV or Parquet file"]),
    "no file": Fault(lambda folder: folder.mkdir(), ["has no data files", "at least one"]),
    "a truncated file": Fault(a_truncated_file, UNREADABLE),
    "a truncated gzip file": Fault(a_truncated_gzip, ["cannot be read", "complete files"], on_spark=False),
    "not UTF-8": Fault(
        a_file_of("a.csv", f"{HEADER}\n{LINE}\n".encode() + b"2,2018-04-02 12:00:00,\xff\xfe,2,1.0,0\n"),
        ["cannot be read", "complete files"],
        on_spark=False,
    ),
    "two kinds of files": Fault(both_kinds, ["Parquet and CSV", "files of one kind"]),
    "a name that promises something else": Fault(
        a_file_of("a.parquet", f"{HEADER}\n{LINE}\n".encode()), ["a.parquet holds", "Rename the file"]
    ),
}


def _without_rows(folder: Path) -> bytes:
    path = folder / "none.parquet"
    table([a_transaction()]).filter("false").write_parquet(str(path))
    content = path.read_bytes()
    path.unlink()
    return content


def refused(make: Make, folder: Path, compute: Callable[..., Written]) -> str:
    make(folder / "in")
    with pytest.raises(TableError) as refusal:
        compute(folder / "in", folder / "out", EXTENDED)
    return str(refusal.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_would_make_features_wrong_is_refused(tmp_path: Path, fault: str) -> None:
    message = refused(FAULTS[fault].make, tmp_path, with_duckdb)
    assert [words for words in FAULTS[fault].words if words not in message] == [], message


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("fault", [name for name, fault in FAULTS.items() if fault.on_spark])
def test_spark_refuses_it_in_the_same_words(tmp_path: Path, fault: str) -> None:
    message = refused(FAULTS[fault].make, tmp_path, with_spark)
    assert [words for words in FAULTS[fault].words if words not in message] == [], message


@pytest.mark.usefixtures("spark")
def test_spark_refuses_zones_that_differ_by_file(tmp_path: Path) -> None:
    """It names no column: Spark's own error is of the files as a whole."""
    message = refused(zones_in_files, tmp_path, with_spark)
    assert "times have a time zone in some files and none in others" in message


@pytest.mark.parametrize("make", [lines(LINE, f"{LINE_2},9"), lines(LINE, f"{LINE_2},9", LINE.replace("1,", "3,", 1))])
def test_a_line_with_too_many_values_is_refused(tmp_path: Path, make: Make) -> None:
    assert "expected" in refused(make, tmp_path, with_duckdb)


STRANGE = (
    "2018-04-02 24:00:00",
    "2018-04-02 23:59:60",
    "2018-04-02 12:00:00 +02:00",
    "2018-04-02 12:00+02:00",
    "2018-04-02 12:00:00+02",
    "2018-04-02 12:00:00+0200",
    "2018-04-02 12:00:00+19:00",
    "2018-04-02 12:00:00+18:01",
    "2018-04-02 12:00:00+02:60",
    "2018-04-02 12:00:00 Europe/Berlin",
    "2018-04-02 12:00:00.1234567",
    "2018-04-02T12",
    "2018-04-02 1:00:00",
    "2018-4-2",
    "12:00:00",
    "20180402",
    "2018-W14-1",
    "infinity",
    "epoch",
    "now",
)


@pytest.mark.parametrize("text", STRANGE)
def test_a_spelling_that_engines_read_differently_is_refused(tmp_path: Path, text: str) -> None:
    assert f"such as '{text}'" in refused(lines(f"1,{text},1,2,10.0,0"), tmp_path, with_duckdb)


@pytest.mark.usefixtures("spark")
def test_spark_refuses_such_spellings_all(tmp_path: Path) -> None:
    texts = [f"{number},{text},1,2,10.0,0" for number, text in enumerate(STRANGE)]
    assert f"is no time in {len(STRANGE)} transactions" in refused(lines(*texts), tmp_path, with_spark)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2018-04-02", datetime(2018, 4, 2)),
        ("2018-04-02 12:00", datetime(2018, 4, 2, 12)),
        ("2018-04-02T12:00:31.5", datetime(2018, 4, 2, 12, 0, 31, 500_000)),
        ("2018-04-02T12:00:31.123456-11:30", datetime(2018, 4, 2, 23, 30, 31, 123_456)),
        ("2018-04-02 12:00:31Z", datetime(2018, 4, 2, 12, 0, 31)),
        ("2018-04-02 12:00:31+18:00", datetime(2018, 4, 1, 18, 0, 31)),
    ],
)
def test_usual_spellings_of_times_are_read(tmp_path: Path, text: str, moment: datetime) -> None:
    a_csv(tmp_path / "a.csv", f"1,{text},1,2,10.0,0")
    with_duckdb(tmp_path / "a.csv", tmp_path / "out")
    assert column(tmp_path / "out", "make_timestamp(epoch_us(TX_DATETIME))") == [moment]
