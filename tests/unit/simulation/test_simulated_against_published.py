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
from scipy.stats import ks_2samp

from fraud_detect.simulation.parameters import SECONDS_PER_DAY, Parameters
from fraud_detect.simulation.simulate import COLUMNS, simulate

DATA = Path(os.environ.get("FRAUD_DETECT_DATA", Path(__file__).parents[4] / "shared" / "data"))
PUBLISHED = DATA / "handbook" / "transactions.parquet"

pytestmark = pytest.mark.skipif(not PUBLISHED.exists(), reason="the published transactions are not on this machine")

Columns = Mapping[str, NDArray[Any]]


@pytest.fixture(scope="module")
def published() -> Columns:
    return duckdb.sql(f"FROM '{PUBLISHED}'").fetchnumpy()


@pytest.fixture(scope="module")
def simulated(published: Columns) -> Columns:
    days = int(published["TX_TIME_DAYS"].max()) + 1
    tables = list(simulate(Parameters(days=days), np.random.default_rng(0)))
    return {name: np.concatenate([table.columns[name] for table in tables]) for name in COLUMNS}


def test_the_columns_are_the_published_ones(simulated: Columns, published: Columns) -> None:
    assert list(simulated) == list(published)


def test_the_number_of_transactions_is_within_one_percent(simulated: Columns, published: Columns) -> None:
    assert len(simulated["TX_FRAUD"]) == pytest.approx(len(published["TX_FRAUD"]), rel=0.01)


def test_the_share_of_frauds_is_within_five_hundredths_of_a_percent(simulated: Columns, published: Columns) -> None:
    assert simulated["TX_FRAUD"].mean() == pytest.approx(published["TX_FRAUD"].mean(), abs=0.0005)


@pytest.mark.parametrize(("scenario", "tolerance"), [(1, 0.0002), (2, 0.0004), (3, 0.0003)])
def test_each_scenario_has_its_share(simulated: Columns, published: Columns, scenario: int, tolerance: float) -> None:
    ours, theirs = ((columns["TX_FRAUD_SCENARIO"] == scenario).mean() for columns in (simulated, published))
    assert ours == pytest.approx(theirs, abs=tolerance)


def test_amounts_are_distributed_alike(simulated: Columns, published: Columns) -> None:
    assert ks_2samp(simulated["TX_AMOUNT"], published["TX_AMOUNT"]).statistic < 0.025


def test_times_of_day_are_distributed_alike(simulated: Columns, published: Columns) -> None:
    ours, theirs = (columns["TX_TIME_SECONDS"] % SECONDS_PER_DAY for columns in (simulated, published))
    assert ks_2samp(ours, theirs).statistic < 0.005


def test_transactions_per_customer_are_distributed_alike(simulated: Columns, published: Columns) -> None:
    ours, theirs = (np.bincount(columns["CUSTOMER_ID"], minlength=5_000) for columns in (simulated, published))
    assert ks_2samp(ours, theirs).statistic < 0.03
