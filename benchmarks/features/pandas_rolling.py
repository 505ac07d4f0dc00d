"""The peer: the handbook's twelve window features by pandas, one customer and one terminal after the other.

Arguments: a folder of Parquet files, a file to write. Written from the features' description, in the way that it is
usually done: `rolling` over a time index for each group.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import pandas as pd

DAYS, DELAY_DAYS = (1, 7, 30), 7


def customer_windows(table: pd.DataFrame) -> pd.DataFrame:
    """Return one customer's rows with number and mean amount of each window."""
    timed = table.sort_values("TX_DATETIME").set_index("TX_DATETIME")
    for days in DAYS:
        rolling = timed["TX_AMOUNT"].rolling(f"{days}D")
        timed[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"] = rolling.count()
        timed[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"] = rolling.sum() / rolling.count()
    return timed.reset_index()


def terminal_windows(table: pd.DataFrame) -> pd.DataFrame:
    """Return one terminal's rows with number and risk of each window, a delay before."""
    timed = table.sort_values("TX_DATETIME").set_index("TX_DATETIME")
    late = timed["TX_FRAUD"].rolling(f"{DELAY_DAYS}D")
    late_frauds, late_count = late.sum(), late.count()
    for days in DAYS:
        rolling = timed["TX_FRAUD"].rolling(f"{DELAY_DAYS + days}D")
        count = rolling.count() - late_count
        timed[f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW"] = count
        timed[f"TERMINAL_ID_RISK_{days}DAY_WINDOW"] = ((rolling.sum() - late_frauds) / count).fillna(0)
    return timed.reset_index()


def main() -> None:
    """Write the features."""
    source = str(Path(sys.argv[1]) / "*.parquet")
    table = duckdb.sql(f"FROM '{source}' ORDER BY TRANSACTION_ID").df()
    weekday, hour = table["TX_DATETIME"].dt.weekday, table["TX_DATETIME"].dt.hour
    table["TX_DURING_WEEKEND"], table["TX_DURING_NIGHT"] = (weekday >= 5).astype(int), (hour <= 6).astype(int)
    table = pd.concat([customer_windows(rows) for _, rows in table.groupby("CUSTOMER_ID")])
    table = pd.concat([terminal_windows(rows) for _, rows in table.groupby("TERMINAL_ID")])
    duckdb.from_df(table.sort_values("TRANSACTION_ID")).write_parquet(sys.argv[2])


if __name__ == "__main__":
    main()
