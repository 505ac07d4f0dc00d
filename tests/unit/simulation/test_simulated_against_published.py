"""The simulator at its default settings beside the handbook's published transactions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ks_2samp, norm

from fraud_detect.simulation import population
from fraud_detect.simulation.parameters import SECONDS_PER_DAY, Parameters
from fraud_detect.simulation.simulate import COLUMNS, simulate

DATA = Path(os.environ.get("FRAUD_DETECT_DATA", Path(__file__).parents[4] / "shared" / "data"))
PUBLISHED = DATA / "handbook" / "transactions.parquet"  # its first 136 days
TRANSACTIONS = 1_754_155  # of all 183 days, as published
FRAUDS_BY_SCENARIO = {1: 973, 2: 9_077, 3: 4_631}
CUSTOMERS = 5_000
SEEDS = range(1, 6)

needs_data = pytest.mark.skipif(not PUBLISHED.exists(), reason="the published transactions are not on this machine")

Columns = Mapping[str, NDArray[Any]]


@pytest.fixture(scope="module")
def simulated() -> Columns:
    """Return all days of the published settings, as `fraud-detect simulate` draws them without options."""
    tables = list(simulate(Parameters(), np.random.default_rng(0)))
    return {name: np.concatenate([table.columns[name] for table in tables]) for name in COLUMNS}


@pytest.fixture(scope="module")
def published() -> Columns:
    return duckdb.sql(f"FROM '{PUBLISHED}'").fetchnumpy()


@pytest.fixture(scope="module")
def same_days(simulated: Columns, published: Columns) -> Columns:
    """Return the simulated rows of the days that the published file has."""
    rows = simulated["TX_TIME_DAYS"] <= published["TX_TIME_DAYS"].max()
    return {name: values[rows] for name, values in simulated.items()}


def share_of_frauds(columns: Columns) -> float:
    return float(columns["TX_FRAUD"].mean())


def per_customer(columns: Columns) -> NDArray[np.int64]:
    return np.bincount(columns["CUSTOMER_ID"], minlength=CUSTOMERS)


def times_of_day(columns: Columns) -> NDArray[np.int64]:
    return columns["TX_TIME_SECONDS"] % SECONDS_PER_DAY


def test_the_number_of_transactions_is_within_one_percent(simulated: Columns) -> None:
    assert len(simulated["TX_FRAUD"]) == pytest.approx(TRANSACTIONS, rel=0.01)


def test_the_published_number_is_within_the_spread_of_seeds() -> None:
    """Another seed draws other customers, whose daily rates make the number vary by .8 % (standard deviation)."""
    rates = [population.draw(Parameters(), np.random.default_rng(seed)).transactions_per_day.sum() for seed in SEEDS]
    within_day = norm.cdf(SECONDS_PER_DAY / 2 / 20_000) - norm.cdf(-SECONDS_PER_DAY / 2 / 20_000)
    expected = 183 * within_day * np.array(rates)
    assert expected.min() < TRANSACTIONS < expected.max()
    assert expected.std() / TRANSACTIONS < 0.02


def test_the_share_of_frauds_is_within_five_hundredths_of_a_percent(simulated: Columns) -> None:
    assert share_of_frauds(simulated) == pytest.approx(sum(FRAUDS_BY_SCENARIO.values()) / TRANSACTIONS, abs=0.0005)


@pytest.mark.parametrize(("scenario", "tolerance"), [(1, 0.0001), (2, 0.0003), (3, 0.0002)])
def test_each_scenario_has_its_share(simulated: Columns, scenario: int, tolerance: float) -> None:
    """The tolerances are three standard deviations over twenty seeds: .003, .008 and .006 %, rounded up."""
    share = (simulated["TX_FRAUD_SCENARIO"] == scenario).mean()
    assert share == pytest.approx(FRAUDS_BY_SCENARIO[scenario] / TRANSACTIONS, abs=tolerance)


@needs_data
def test_the_columns_are_the_published_ones(simulated: Columns, published: Columns) -> None:
    assert list(simulated) == list(published)


@needs_data
def test_the_first_days_have_as_many_transactions(same_days: Columns, published: Columns) -> None:
    assert len(same_days["TX_FRAUD"]) == pytest.approx(len(published["TX_FRAUD"]), rel=0.01)


@needs_data
def test_frauds_become_as_frequent_in_the_first_weeks(same_days: Columns, published: Columns) -> None:
    """Compromised terminals and customers add up from none until those of the first day are free again."""
    ours, theirs = (
        np.array([columns["TX_FRAUD"][columns["TX_TIME_DAYS"] // 7 == week].mean() for week in range(6)])
        for columns in (same_days, published)
    )
    np.testing.assert_allclose(ours, theirs, atol=0.0012)


@needs_data
def test_amounts_are_distributed_alike(same_days: Columns, published: Columns) -> None:
    assert ks_2samp(same_days["TX_AMOUNT"], published["TX_AMOUNT"]).statistic < 0.015


@needs_data
@pytest.mark.parametrize("scenario", FRAUDS_BY_SCENARIO)
def test_amounts_of_each_scenario_are_distributed_alike(same_days: Columns, published: Columns, scenario: int) -> None:
    ours, theirs = (
        columns["TX_AMOUNT"][columns["TX_FRAUD_SCENARIO"] == scenario] for columns in (same_days, published)
    )
    assert ks_2samp(ours, theirs).statistic < 0.06


@needs_data
def test_times_of_day_are_distributed_alike(same_days: Columns, published: Columns) -> None:
    assert ks_2samp(times_of_day(same_days), times_of_day(published)).statistic < 0.005


@needs_data
def test_transactions_per_customer_are_distributed_alike(same_days: Columns, published: Columns) -> None:
    assert ks_2samp(per_customer(same_days), per_customer(published)).pvalue > 0.05


@needs_data
def test_transactions_per_terminal_are_distributed_alike(same_days: Columns, published: Columns) -> None:
    ours, theirs = (np.bincount(columns["TERMINAL_ID"], minlength=10_000) for columns in (same_days, published))
    assert ks_2samp(ours, theirs).statistic < 0.03
