"""Our features beside the handbook's published ones, all rows and columns of the first 45 days.

Where a customer has several transactions in one second, the handbook counts them in the order of its rows and we
count them together: these ties are the only rows that may differ.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from fraud_detect.features.definitions import CUSTOMER, HANDBOOK
from fraud_detect.features.duckdb_engine import DuckDB
from fraud_detect.features.write import write_features

DATA = Path(os.environ.get("FRAUD_DETECT_DATA", Path(__file__).parents[4] / "shared" / "data")) / "handbook"
TRANSACTIONS, PUBLISHED = DATA / "transactions.parquet", DATA / "features_first_45_days.parquet"
TOLERANCE = 1e-9
TIES = {CUSTOMER: 7}  # rows that differ in each feature of the entity

pytestmark = pytest.mark.skipif(not PUBLISHED.exists(), reason="the published features are not on this machine")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Tables `ours` and `published`, and `ties`: the ids of transactions that share customer and second."""
    folder = tmp_path_factory.mktemp("features")
    with DuckDB.running(folder) as engine:
        write_features(str(TRANSACTIONS), HANDBOOK, engine)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW ours AS FROM '{folder}/*.parquet'")
        connection.execute(f"CREATE VIEW published AS FROM '{PUBLISHED}'")
        connection.execute(
            "CREATE TABLE ties AS SELECT TRANSACTION_ID FROM published "
            "QUALIFY COUNT(*) OVER (PARTITION BY CUSTOMER_ID, TX_DATETIME) > 1"
        )
        yield connection


def differing(both: duckdb.DuckDBPyConnection, name: str, where: str) -> int:
    """Return in how many published rows `name` is absent or further than `TOLERANCE` from ours."""
    ((count,),) = both.execute(
        f"SELECT COUNT(*) FROM published LEFT JOIN ours USING (TRANSACTION_ID) "
        f"WHERE (ABS(ours.{name} - published.{name}) <= {TOLERANCE}) IS NOT TRUE AND TRANSACTION_ID {where} (FROM ties)"
    ).fetchall()
    return int(count)


def test_the_columns_and_their_types_are_the_published_ones(both: duckdb.DuckDBPyConnection) -> None:
    described = [both.execute(f"DESCRIBE {table}").fetchall() for table in ("ours", "published")]
    assert described[0] == described[1]


@pytest.mark.parametrize("name", HANDBOOK.names)
def test_every_row_without_a_tie_agrees(both: duckdb.DuckDBPyConnection, name: str) -> None:
    assert differing(both, name, "NOT IN") == 0


@pytest.mark.parametrize("name", HANDBOOK.names)
def test_only_the_known_tied_rows_differ(both: duckdb.DuckDBPyConnection, name: str) -> None:
    expected = next((count for entity, count in TIES.items() if name.startswith(entity)), 0)
    assert differing(both, name, "IN") == expected
