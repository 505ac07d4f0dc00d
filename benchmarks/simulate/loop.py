"""The peer: such a world one customer, day and transaction at a time, with a pandas table for each customer.

Arguments: customers, terminals, days, folder for a pickle a day. For comparison only: it follows the description of the
process, not the handbook's code, and draws other numbers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

RADIUS, SIDE, SECONDS_PER_DAY = 5, 100, 86_400
COLUMNS = ["TX_TIME_DAYS", "TX_TIME_SECONDS", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT"]


def transactions_of(customer: int, places: np.ndarray, days: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return all transactions of one customer, who is drawn first."""
    home, mean, per_day = rng.uniform(0, SIDE, 2), rng.uniform(5, 100), rng.uniform(0, 4)
    near = np.flatnonzero(np.hypot(*(places - home).T) < RADIUS)
    rows = []
    for day in range(days):
        for _ in range(rng.poisson(per_day)):
            second = int(rng.normal(SECONDS_PER_DAY / 2, 20_000))
            if len(near) and 0 < second < SECONDS_PER_DAY:
                amount = rng.normal(mean, mean / 2)
                amount = amount if amount >= 0 else rng.uniform(0, 2 * mean)
                rows.append((day, day * SECONDS_PER_DAY + second, customer, rng.choice(near), round(amount, 2)))
    return pd.DataFrame(rows, columns=COLUMNS)


def mark_frauds(table: pd.DataFrame, customers: int, terminals: int, days: int, rng: np.random.Generator) -> None:
    """Mark the three scenarios in the whole table, day after day."""
    table["TX_FRAUD_SCENARIO"] = (table["TX_AMOUNT"] > 220).astype(int)
    for day in range(days):
        taken = rng.choice(terminals, 2, replace=False)
        hit = table["TX_TIME_DAYS"].between(day, day + 27) & table["TERMINAL_ID"].isin(taken)
        table.loc[hit, "TX_FRAUD_SCENARIO"] = 2
    for day in range(days):
        taken = rng.choice(customers, 3, replace=False)
        hit = table["TX_TIME_DAYS"].between(day, day + 13) & table["CUSTOMER_ID"].isin(taken)
        charged = table[hit].sample(frac=1 / 3, random_state=rng).index
        table.loc[charged, "TX_AMOUNT"] *= 5
        table.loc[charged, "TX_FRAUD_SCENARIO"] = 3


def main() -> None:
    """Write the world into the folder and print its numbers of transactions and frauds."""
    customers, terminals, days = map(int, sys.argv[1:4])
    rng = np.random.default_rng(0)
    places = rng.uniform(0, SIDE, (terminals, 2))
    parts = [transactions_of(customer, places, days, rng) for customer in range(customers)]
    table = pd.concat([part for part in parts if len(part)]).sort_values("TX_TIME_SECONDS", ignore_index=True)
    table["TX_DATETIME"] = pd.to_datetime(table["TX_TIME_SECONDS"], unit="s", origin="2018-04-01")
    mark_frauds(table, customers, terminals, days, rng)
    table["TX_FRAUD"] = (table["TX_FRAUD_SCENARIO"] > 0).astype(int)
    for day, rows in table.groupby("TX_TIME_DAYS"):
        rows.to_pickle(Path(sys.argv[4]) / f"{day}.pkl")
    print(len(table), int(table["TX_FRAUD"].sum()))


if __name__ == "__main__":
    main()
