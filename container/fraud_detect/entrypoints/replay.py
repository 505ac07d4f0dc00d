"""`fraud-detect replay`: send a file's transactions, or simulated ones, to a console's desk as if they happened now.

Knows DuckDB, HTTP, the command line. Never knows the console's parts.
"""

from __future__ import annotations

import logging
import math
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import orjson
import urllib3

from fraud_detect import log
from fraud_detect.entrypoints.faults import faults_shown
from fraud_detect.errors import SettingError, TableError, UserError

TRANSACTIONS = "/api/transactions"
TIME_COLUMNS = ("occurred_at", "TX_DATETIME")
TOLD_BY_SIMULATION = ("TX_FRAUD", "TX_FRAUD_SCENARIO")
"""What nobody would know at the time: never sent."""
MOST_AT_ONCE = 200
FETCHED_ROWS = 2_000
LONGEST_PAUSE_SECONDS, MOST_TRIES = 30.0, 12
SECONDS_BETWEEN_LINES = 10.0
OK, COME_AGAIN = range(200, 300), (429, 502, 503, 504)

logger = logging.getLogger(__name__)
Row = Mapping[str, Any]


@click.command("replay", short_help="Send transactions to a console's desk.")
@click.option(
    "--input",
    "source",
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help="A CSV or Parquet file, or a folder of files of one kind.",
)
@click.option("--simulate", is_flag=True, help="Simulate transactions with their features instead of reading a PATH.")
@click.option("--customers", type=click.IntRange(min=1), default=500, show_default=True, help="Of the simulation.")
@click.option("--days", type=click.IntRange(min=1), default=40, show_default=True, help="Of the simulation.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the simulation.")
@click.option("--console", "console_url", required=True, metavar="URL", help="Such as http://localhost:8080.")
@click.option("--token", required=True, envvar="FRAUD_DETECT_TOKEN", show_envvar=True, help="API token of a program.")
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), help="So many times faster than it happened.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="So many a second instead.  [default: 20]")
@click.option("--time-column", help=f"When each happened, for --speed.  [default: {' or '.join(TIME_COLUMNS)}]")
@click.option(
    "--drop",
    multiple=True,
    metavar="COLUMN",
    default=TOLD_BY_SIMULATION,
    show_default=True,
    help="Column not to send, such as a label; may be repeated.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many.")
@click.option("--name", help="Name of this replay: sent again under the same name, nothing is filed twice.")
def command(
    *,
    source: Path | None,
    simulate: bool,
    customers: int,
    days: int,
    seed: int,
    console_url: str,
    token: str,
    speed: float | None,
    rate: float | None,
    time_column: str | None,
    drop: tuple[str, ...],
    limit: int | None,
    name: str | None,
) -> None:
    """Send the transactions of PATH, or simulated ones, to the console at URL: at a rate, or by their own times."""
    log.configure()
    if (source is None) != simulate or (speed is not None and rate is not None):
        raise click.UsageError("Give either --input or --simulate, and --speed or --rate, not both.")
    with faults_shown(), ExitStack() as stack:
        if source is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            source = simulated(folder, customers=customers, days=days, seed=seed)
        table = Table(source, time_column, drop, limit, by_time=speed is not None)
        pace = by_time(speed, table) if speed is not None else at_rate(rate or 20.0)
        desk = Desk(console_url, token)
        _report(replayed(table.rows(), pace, desk, name or f"replay-{secrets.token_hex(4)}"))


def simulated(folder: Path, *, customers: int, days: int, seed: int) -> Path:
    """Simulate transactions into `folder`, add the handbook's features, and return where they are."""
    from fraud_detect.entrypoints import features, simulate

    raw, done = folder / "transactions", folder / "features"
    numbers = ["--customers", customers, "--terminals", 2 * customers, "--days", days, "--seed", seed]
    simulate.command.main([*map(str, numbers), "--output", str(raw)], standalone_mode=False)
    features.command.main(["--input", str(raw), "--output", str(done)], standalone_mode=False)
    return done


@dataclass
class Table:
    """A file or folder of transactions, read some at a time; ordered by time where that sets the pace."""

    source: Path
    time_column: str | None
    drop: Sequence[str]
    limit: int | None
    by_time: bool

    def rows(self) -> Iterator[Row]:
        """Yield each row as JSON's values."""
        import duckdb

        files = self._files()
        reader = "read_parquet" if files[0].suffix == ".parquet" else "read_csv"
        read = f"FROM {reader}(?, union_by_name = true, hive_partitioning = false)"
        with duckdb.connect() as connection:
            names = self._names(connection, read, files)
            order = f" ORDER BY {_quoted(str(self.time_column))}" if self.by_time else ""
            limit = "" if self.limit is None else f" LIMIT {self.limit}"
            query = f"SELECT {', '.join(map(_quoted, names))} {read}{order}{limit}"
            found = connection.execute(query, [[str(file) for file in files]])
            while some := found.fetchmany(FETCHED_ROWS):
                yield from ({name: plain(cell) for name, cell in zip(names, row, strict=True)} for row in some)

    def _names(self, connection: Any, read: str, files: Sequence[Path]) -> Sequence[str]:
        """Return the names of the columns that are sent; sets the time's column."""
        try:
            head = connection.execute(f"SELECT * {read} LIMIT 0", [[str(file) for file in files]])
        except Exception as error:
            raise TableError(
                f"{self.source} cannot be read ({type(error).__name__})",
                expected="CSV with a header, or Parquet",
                remedy="Correct --input.",
            ) from error
        columns = [column[0] for column in head.description]
        self.time_column = self._time(columns)
        return [name for name in columns if name not in self.drop]

    def _files(self) -> Sequence[Path]:
        if self.source.is_file():
            return [self.source]
        for suffix in (".parquet", ".csv"):
            found = sorted(self.source.rglob(f"*{suffix}"))
            if found:
                return found
        raise TableError(f"{self.source} has no files", expected="*.parquet or *.csv", remedy="Correct --input.")

    def _time(self, columns: Sequence[str]) -> str | None:
        wanted = TIME_COLUMNS if self.time_column is None else (self.time_column,)
        found = next((name for name in wanted if name in columns), None)
        if found is None and self.by_time:
            raise SettingError(
                f"{self.source} has no column {' or '.join(wanted)}",
                expected="a column of times for --speed",
                remedy="Name it by --time-column, or use --rate.",
            )
        return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def plain(cell: object) -> Any:
    """Return a cell as a value of JSON; times are in ISO 8601."""
    if isinstance(cell, (datetime, date)):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return float(cell)
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell if isinstance(cell, (bool, int, float, str, type(None))) else str(cell)


Pace = Callable[[int, Row], float]
"""Returns after how many seconds the row of a number, from 0, is due."""


def at_rate(a_second: float) -> Pace:
    """Return the pace of so many rows a second."""
    return lambda number, _: number / a_second


def by_time(speed: float, table: Table) -> Pace:
    """Return the pace of the rows' own times, `speed` times as fast."""
    first: list[datetime] = []

    def due(number: int, row: Row) -> float:
        try:
            moment = datetime.fromisoformat(str(row[str(table.time_column)]))
        except ValueError:
            raise TableError(
                f"Row {number + 1}, column '{table.time_column}': got {str(row[str(table.time_column)])[:60]!r}",
                expected="a time",
                remedy="Name another column by --time-column, or use --rate.",
            ) from None
        first[:] = first or [moment]
        return (moment - first[0]).total_seconds() / speed

    return due


@dataclass
class Tally:
    """What came of a replay so far."""

    sent: int = 0
    alerts: int = 0
    waits: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def a_second(self) -> float:
        """How many were sent a second."""
        return self.sent / max(1e-9, time.monotonic() - self.began)


class DeskFault(UserError):
    """The console does not take the transactions."""


class Desk:
    """A console's way in, which waits and comes again where the console says so."""

    def __init__(self, url: str, token: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._address = url.rstrip("/") + TRANSACTIONS
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5.0, read=60.0))
        self._sleep = sleep

    def send(self, rows: Sequence[Row], tally: Tally) -> None:
        """Send rows, which have ids of their own, until they are filed.

        Raises
        ------
        DeskFault
            If the console refuses them, or is not there for long.
        """
        body = orjson.dumps({"transactions": list(rows)})
        said = "nothing"
        for turn in range(MOST_TRIES):
            status, answer, after = self._post(body)
            if status in OK:
                cases = orjson.loads(answer)["transactions"]
                tally.sent += len(cases)
                tally.alerts += sum(case["alert"] for case in cases)
                return
            said = f"{status or 'no connection'}: {answer[:300].decode(errors='replace')}"
            if status not in (*COME_AGAIN, 0):
                break
            tally.waits += 1
            self._sleep(min(LONGEST_PAUSE_SECONDS, max(after, 0.25 * 2**turn)))
        raise DeskFault(
            f"The console at {self._address} answered {said}",
            expected="the transactions filed",
            remedy="Look at --console and --token, and whether the columns are the model's.",
        )

    def _post(self, body: bytes) -> tuple[int, bytes, float]:
        """Return status, body and seconds to wait; the status is 0 where none came."""
        try:
            answer = self._pool.request("POST", self._address, body=body, headers=self._headers)
        except urllib3.exceptions.HTTPError as error:
            return 0, type(error).__name__.encode(), 0.0
        after = answer.headers.get("Retry-After", "")
        return answer.status, answer.data, float(after) if after.isascii() and after.isdigit() else 0.0


def replayed(
    rows: Iterator[Row],
    pace: Pace,
    desk: Desk,
    name: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Tally:
    """Send each row when it is due, those that are due together in one request, and return what came of it."""
    tally, began, said = Tally(), clock(), clock()
    waiting: list[Row] = []
    for number, row in enumerate(rows):
        wait = began + pace(number, row) - clock()
        if waiting and (wait > 0 or len(waiting) >= MOST_AT_ONCE):
            desk.send(waiting, tally)
            waiting = []
            wait = began + pace(number, row) - clock()
        if wait > 0:
            sleep(wait)
        waiting.append({"id": f"{name}-{number}", **row})
        if clock() - said >= SECONDS_BETWEEN_LINES:
            said = clock()
            logger.info("%d sent, %d of them alerts, %.1f a second", tally.sent, tally.alerts, tally.a_second)
    if waiting:
        desk.send(waiting, tally)
    return tally


def _report(tally: Tally) -> None:
    click.echo(
        f"sent {tally.sent:,} transactions, {tally.alerts:,} of them alerts, {tally.a_second:.1f} a second"
        + (f"; the console asked {tally.waits} times to wait" if tally.waits else "")
    )
