"""What the features of transactions are: window edges, delays, ties, calendar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pandas as pd
import pytest

from fraud_detect.features.definitions import HANDBOOK
from fraud_detect.features.duckdb_engine import DuckDB
from fraud_detect.features.write import write_features

MONDAY = datetime(2018, 4, 2, 12)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

Compute = Callable[..., pd.DataFrame]


def a_transaction(at: datetime = MONDAY, **overrides: Any) -> Mapping[str, Any]:
    usual = {"TX_DATETIME": at, "CUSTOMER_ID": 1, "TERMINAL_ID": 2, "TX_AMOUNT": 10.0, "TX_FRAUD": 0}
    return {**usual, **overrides}


@pytest.fixture
def compute(tmp_path_factory: pytest.TempPathFactory) -> Compute:
    """Return what computes the features of rows, in time order."""

    def features_of(*rows: Mapping[str, Any]) -> pd.DataFrame:
        frame = pd.DataFrame(rows)
        frame.insert(0, "TRANSACTION_ID", range(len(frame)))
        folder = tmp_path_factory.mktemp("features")
        duckdb.sql("FROM frame").write_parquet(str(folder / "in.parquet"))
        with DuckDB.running(folder / "out") as engine:
            write_features(str(folder / "in.parquet"), HANDBOOK, engine)
        query = f"FROM '{folder}/out/*.parquet' ORDER BY TX_DATETIME, TRANSACTION_ID"
        return duckdb.sql(query).df()

    return features_of


def customer_counts(frame: pd.DataFrame, days: int = 1) -> Sequence[int]:
    return frame[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"].tolist()


def terminal_counts(frame: pd.DataFrame, days: int = 1) -> Sequence[int]:
    return frame[f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW"].tolist()


def test_a_customers_window_has_the_transaction_itself(compute: Compute) -> None:
    assert customer_counts(compute(a_transaction())) == [1]


@pytest.mark.parametrize(("apart", "count"), [(DAY - SECOND, 2), (DAY, 1), (DAY + SECOND, 1)])
def test_a_customers_window_is_open_on_the_left(compute: Compute, apart: timedelta, count: int) -> None:
    assert customer_counts(compute(a_transaction(MONDAY), a_transaction(MONDAY + apart))) == [1, count]


@pytest.mark.parametrize("days", [1, 7, 30])
def test_each_window_has_its_length(compute: Compute, days: int) -> None:
    times = [MONDAY, MONDAY + SECOND, MONDAY + days * DAY]
    assert customer_counts(compute(*map(a_transaction, times)), days)[-1] == 2


def test_a_mean_amount_is_that_of_the_window(compute: Compute) -> None:
    frame = compute(
        a_transaction(MONDAY, TX_AMOUNT=100.0),
        a_transaction(MONDAY + 2 * DAY, TX_AMOUNT=1.0),
        a_transaction(MONDAY + 2 * DAY + SECOND, TX_AMOUNT=2.0),
    )
    assert frame["CUSTOMER_ID_AVG_AMOUNT_1DAY_WINDOW"].tolist() == [100.0, 1.0, 1.5]


def test_a_mean_amount_does_not_depend_on_the_order_of_its_sum(compute: Compute) -> None:
    amounts = [0.1, 0.2, 0.3, 1e11, -1e11, 0.7]
    one_way = compute(*(a_transaction(TX_AMOUNT=amount) for amount in amounts))
    other_way = compute(*(a_transaction(TX_AMOUNT=amount) for amount in reversed(amounts)))
    name = "CUSTOMER_ID_AVG_AMOUNT_1DAY_WINDOW"
    assert set(one_way[name]) == set(other_way[name]) == {1.3 / 6}


def test_transactions_of_the_same_second_count_each_other(compute: Compute) -> None:
    assert customer_counts(compute(a_transaction(), a_transaction())) == [2, 2]


def test_other_customers_do_not_count(compute: Compute) -> None:
    assert customer_counts(compute(a_transaction(CUSTOMER_ID=1), a_transaction(CUSTOMER_ID=3))) == [1, 1]


@pytest.mark.parametrize(("apart", "count"), [(7 * DAY - SECOND, 0), (7 * DAY, 1), (8 * DAY - SECOND, 1), (8 * DAY, 0)])
def test_a_terminals_window_ends_seven_days_ago(compute: Compute, apart: timedelta, count: int) -> None:
    assert terminal_counts(compute(a_transaction(MONDAY), a_transaction(MONDAY + apart))) == [0, count]


def test_a_terminals_risk_is_the_share_of_frauds_seven_days_ago(compute: Compute) -> None:
    past = [a_transaction(MONDAY + hours * timedelta(hours=1), TX_FRAUD=hours % 4 == 0) for hours in range(4)]
    frame = compute(*past, a_transaction(MONDAY + 7.5 * DAY, TX_FRAUD=True))
    assert frame["TERMINAL_ID_RISK_1DAY_WINDOW"].tolist() == [0, 0, 0, 0, 0.25]


def test_a_label_does_not_change_the_features_of_the_next_seven_days(compute: Compute) -> None:
    def risks(fraud: int) -> list[float]:
        frame = compute(a_transaction(TX_FRAUD=fraud), a_transaction(MONDAY + 7 * DAY - SECOND))
        return frame["TERMINAL_ID_RISK_7DAY_WINDOW"].tolist()  # type: ignore[no-any-return]

    assert risks(1) == risks(0)


def test_a_label_that_is_not_known_yet_is_left_out_of_the_risk(compute: Compute) -> None:
    frame = compute(a_transaction(TX_FRAUD=1), a_transaction(TX_FRAUD=None), a_transaction(MONDAY + 7 * DAY))
    assert frame["TERMINAL_ID_RISK_1DAY_WINDOW"].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("at", "weekend"),
    [
        ("2018-04-06 23:59:59.999999", 0),
        ("2018-04-07 00:00:00", 1),
        ("2018-04-08 23:59:59.999999", 1),
        ("2018-04-09 00:00:00", 0),
        ("1965-05-08 12:00:00", 1),
        ("1965-05-07 12:00:00", 0),
    ],
)
def test_saturday_and_sunday_are_the_weekend(compute: Compute, at: str, weekend: int) -> None:
    frame = compute(a_transaction(datetime.fromisoformat(at)))
    assert frame["TX_DURING_WEEKEND"].tolist() == [weekend]


@pytest.mark.parametrize(
    ("at", "night"), [("00:00:00", 1), ("06:59:59.999999", 1), ("07:00:00", 0), ("23:59:59.999999", 0)]
)
def test_the_night_ends_at_seven(compute: Compute, at: str, night: int) -> None:
    frame = compute(a_transaction(datetime.fromisoformat(f"2018-04-02 {at}")))
    assert frame["TX_DURING_NIGHT"].tolist() == [night]


def test_ids_may_be_text(compute: Compute) -> None:
    assert customer_counts(compute(a_transaction(CUSTOMER_ID="Zoë"), a_transaction(CUSTOMER_ID="Zoe"))) == [1, 1]


def test_features_of_a_table_cut_at_a_time_are_those_of_the_whole(compute: Compute) -> None:
    rows = [a_transaction(MONDAY + hours * timedelta(hours=7), TX_FRAUD=hours % 3 == 0) for hours in range(60)]
    whole = compute(*rows).head(30)
    pd.testing.assert_frame_equal(whole, compute(*rows[:30]))
