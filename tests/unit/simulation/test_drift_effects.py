"""What each kind of change does."""

from __future__ import annotations

import numpy as np
import pytest

from drifting import a_change, a_world, column, touched

SECONDS_PER_DAY = 86_400
SECONDS_PER_HOUR = 3_600


def hours(tables: list) -> np.ndarray:  # type: ignore[type-arg]
    return column("TX_TIME_SECONDS", tables) % SECONDS_PER_DAY / SECONDS_PER_HOUR


# fraud_rate


def test_a_fraud_factor_of_0_ends_all_frauds_when_the_running_ones_are_over() -> None:
    tables = a_world(a_change("fraud_rate", 5, factor=0.0), days=34)
    assert [table.frauds for table in tables[33:]] == [0]


def test_a_fraud_rate_has_more_frauds_and_as_many_transactions() -> None:
    usual, changed = a_world(customers=2_000, days=10), a_world(a_change("fraud_rate", 0), customers=2_000, days=10)
    assert sum(map(len, usual)) == sum(map(len, changed))
    assert 2 < column("TX_FRAUD", changed).sum() / column("TX_FRAUD", usual).sum() < 4


def test_fraud_rates_multiply() -> None:
    twice = a_world(a_change("fraud_rate", 0, factor=2.0), a_change("fraud_rate", 0, factor=0.5))
    np.testing.assert_array_equal(column("TX_FRAUD", twice), column("TX_FRAUD", a_world()))


def test_fraud_rates_that_go_on_together_are_both_noted() -> None:
    tables = a_world(*[a_change("fraud_rate", 0, factor=3.0)] * 2)
    np.testing.assert_array_equal(touched(tables, 0), touched(tables, 1))
    assert touched(tables, 0).any()


# new_fraud_scenario


def test_a_new_scenario_adds_its_frauds_and_leaves_the_other_transactions() -> None:
    usual, changed = a_world(), a_world(a_change("new_fraud_scenario", 0))
    old = column("TX_FRAUD_SCENARIO", changed) != 4
    for name in ("CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_TIME_SECONDS", "TX_FRAUD_SCENARIO"):
        np.testing.assert_array_equal(column(name, changed)[old], column(name, usual))


def test_a_card_is_tried_out_at_one_terminal_within_minutes() -> None:
    (table,) = a_world(a_change("new_fraud_scenario", 0, cards_per_day=1, minutes=15.0), days=1)
    tried = table.columns["TX_FRAUD_SCENARIO"] == 4
    assert tried.sum() == 10
    assert len(set(table.columns["TERMINAL_ID"][tried])) == len(set(table.columns["CUSTOMER_ID"][tried])) == 1
    assert np.ptp(table.columns["TX_TIME_SECONDS"][tried]) <= 15 * 60


def test_cards_are_tried_out_with_small_amounts() -> None:
    tables = a_world(a_change("new_fraud_scenario", 0, lowest_amount=0.5, highest_amount=2.0))
    amounts = column("TX_AMOUNT", tables)[column("TX_FRAUD_SCENARIO", tables) == 4]
    assert 0.5 <= amounts.min() < 0.7 < 1.8 < amounts.max() <= 2.0


def test_ids_and_times_stay_in_order_when_transactions_are_added() -> None:
    tables = a_world(a_change("new_fraud_scenario", 0, cards_per_day=50, minutes=1_440.0))
    np.testing.assert_array_equal(column("TRANSACTION_ID", tables), np.arange(sum(map(len, tables))))
    assert (np.diff(column("TX_TIME_SECONDS", tables)) >= 0).all()


# amount_inflation


def test_inflation_multiplies_legitimate_amounts_and_no_others() -> None:
    usual, changed = a_world(), a_world(a_change("amount_inflation", 0, factor=2.0))
    factors = np.where(column("TX_FRAUD", usual) == 1, 1.0, 2.0)
    np.testing.assert_allclose(column("TX_AMOUNT", changed), column("TX_AMOUNT", usual) * factors)


def test_inflation_leaves_which_transactions_are_frauds() -> None:
    usual, changed = a_world(), a_world(a_change("amount_inflation", 0, factor=5.0))
    np.testing.assert_array_equal(column("TX_FRAUD_SCENARIO", changed), column("TX_FRAUD_SCENARIO", usual))


@pytest.mark.parametrize(
    ("numbers", "levels"),
    [
        ({"factor": 4.0, "over_days": 2}, [1, 1, 2, 4, 4, 4]),
        ({"factor": 4.0}, [1, 1, 4, 4, 4, 4]),
        ({"factor": None, "yearly_rate": 1.0}, [1, 1, *(2 ** (days / 365.25) for days in (1, 2, 3, 4))]),
    ],
)
def test_inflation_is_gradual(numbers: dict[str, float], levels: list[float]) -> None:
    usual, changed = a_world(days=6), a_world(a_change("amount_inflation", 2, **numbers), days=6)
    ratios = [
        np.median((after.columns["TX_AMOUNT"] / before.columns["TX_AMOUNT"])[before.columns["TX_FRAUD"] == 0])
        for before, after in zip(usual, changed, strict=True)
    ]
    assert ratios == pytest.approx(levels, rel=1e-3)


def test_prices_stay_where_they_are_when_inflation_ends() -> None:
    usual, changed = a_world(), a_world(a_change("amount_inflation", 0, until=2, factor=16.0, over_days=4))
    amounts = [tables[11].columns["TX_AMOUNT"][usual[11].columns["TX_FRAUD"] == 0] for tables in (usual, changed)]
    np.testing.assert_allclose(amounts[1], amounts[0] * 4)


# seasonal_habits, sudden_habits


def test_seasons_swing_the_number_of_transactions() -> None:
    season = a_change("seasonal_habits", 0, amplitude=0.5, period_days=20.0)
    sizes = [len(table) for table in a_world(season, customers=3_000, days=20)]
    assert sizes[4] / sizes[14] == pytest.approx(1.5 / 0.5, rel=0.1)


def test_seasons_swing_the_time_of_day() -> None:
    season = a_change("seasonal_habits", 0, amplitude=0.0, period_days=20.0, time_swing_hours=3.0)
    usual, changed = a_world(days=20), a_world(season, days=20)
    moved = (hours([changed[4]]) - hours([usual[4]])).mean()  # midnight comes a few hours later for few
    assert 1 < moved < 3


def test_sudden_habits_multiply_the_transactions_of_the_chosen_only() -> None:
    sudden = a_change("sudden_habits", 0, factor=3.0, shift_hours=0.0, customer_share=0.4)
    usual, changed = a_world(customers=500), a_world(sudden, customers=500)
    chosen = np.unique(column("CUSTOMER_ID", changed)[touched(changed)])
    before, after = (np.bincount(column("CUSTOMER_ID", tables), minlength=500) for tables in (usual, changed))
    others = np.setdiff1d(np.arange(500), chosen)
    assert after[chosen].sum() / before[chosen].sum() == pytest.approx(3.0, rel=0.1)
    assert after[others].sum() / before[others].sum() == pytest.approx(1.0, rel=0.1)


def test_sudden_habits_concern_the_share_of_the_customers() -> None:
    tables = a_world(a_change("sudden_habits", 0, customer_share=0.4), customers=2_000)
    assert len(np.unique(column("CUSTOMER_ID", tables)[touched(tables)])) == pytest.approx(800, rel=0.1)


def test_the_time_of_day_shifts_around_the_clock() -> None:
    shift = a_change("sudden_habits", 0, factor=1.0, shift_hours=6.0, customer_share=1.0)
    usual, changed = a_world(days=1), a_world(shift, days=1)
    np.testing.assert_allclose(np.sort(hours(changed)), np.sort((hours(usual) + 6) % 24))


def test_the_times_of_the_others_do_not_shift() -> None:
    shift = a_change("sudden_habits", 0, factor=1.0, shift_hours=6.0, customer_share=0.5)
    usual, changed = a_world(days=1), a_world(shift, days=1)
    chosen = np.unique(column("CUSTOMER_ID", changed)[touched(changed)])
    ours, theirs = (np.sort(hours(t)[~np.isin(column("CUSTOMER_ID", t), chosen)]) for t in (usual, changed))
    np.testing.assert_array_equal(ours, theirs)


# terminal_churn


def test_a_closed_terminal_has_no_transactions_any_more() -> None:
    tables = a_world(a_change("terminal_churn", 6, until=7, share_per_day=1.0))
    assert column("TERMINAL_ID", tables[:6]).max() < 200 <= column("TERMINAL_ID", tables[6:]).min()


def test_as_many_terminals_open_as_close() -> None:
    tables = a_world(a_change("terminal_churn", 0, until=1, share_per_day=0.25), customers=2_000)
    used = np.unique(column("TERMINAL_ID", tables))
    assert (used[0] >= 0, used[-1], len(used)) == (True, 249, 200)


def test_churn_replaces_its_share_day_after_day() -> None:
    tables = a_world(a_change("terminal_churn", 0, share_per_day=0.1), customers=2_000, days=5)
    assert [int(table.columns["TERMINAL_ID"].max()) for table in tables] == [219, 239, 259, 279, 299]


def test_churn_leaves_who_buys_when_and_for_how_much() -> None:
    usual, changed = a_world(), a_world(a_change("terminal_churn", 0))
    for name in ("CUSTOMER_ID", "TX_TIME_SECONDS"):
        np.testing.assert_array_equal(column(name, usual), column(name, changed))


# broken_feature


@pytest.mark.parametrize("name", ["TX_AMOUNT", "CUSTOMER_ID", "TERMINAL_ID", "TX_TIME_SECONDS", "TX_TIME_DAYS"])
def test_a_broken_column_is_missing_in_its_share(name: str) -> None:
    values = column(name, a_world(a_change("broken_feature", 0, column=name, share=0.3), customers=1_000))
    assert np.ma.getmaskarray(values).mean() == pytest.approx(0.3, abs=0.02)


def test_values_that_break_twice_are_missing_for_either_reason() -> None:
    first, second = a_change("broken_feature", 0, share=0.5), a_change("broken_feature", 0, share=0.4)
    tables = a_world(first, second)
    missing = np.ma.getmaskarray(column("TX_AMOUNT", tables))
    np.testing.assert_array_equal(missing, touched(tables, 0) | touched(tables, 1))


def test_a_change_of_unit_multiplies_the_amounts() -> None:
    usual, changed = a_world(), a_world(a_change("broken_feature", 0, fault="unit_change", factor=100.0))
    np.testing.assert_allclose(column("TX_AMOUNT", changed), column("TX_AMOUNT", usual) * 100)


def test_frauds_are_decided_on_the_true_amounts() -> None:
    usual, changed = a_world(), a_world(a_change("broken_feature", 0, fault="unit_change", factor=100.0))
    np.testing.assert_array_equal(column("TX_FRAUD_SCENARIO", usual), column("TX_FRAUD_SCENARIO", changed))


def test_missing_values_stay_missing_under_a_change_of_unit() -> None:
    nulls, units = (
        a_change("broken_feature", 0, share=0.5),
        a_change("broken_feature", 0, fault="unit_change", factor=2.0),
    )
    first, second = column("TX_AMOUNT", a_world(nulls)), column("TX_AMOUNT", a_world(nulls, units))
    np.testing.assert_array_equal(np.ma.getmaskarray(first), np.ma.getmaskarray(second))
    np.testing.assert_allclose(second.compressed(), first.compressed() * 2)


# late_labels and LABEL_TIME


def delays(tables: list) -> np.ndarray:  # type: ignore[type-arg]
    waited = column("LABEL_TIME", tables) - column("TX_DATETIME", tables)
    return waited.data / np.timedelta64(1, "D")


def test_there_is_no_label_time_unless_asked_for() -> None:
    assert "LABEL_TIME" not in a_world(days=1)[0].columns


def test_the_label_time_is_the_last_column_and_the_delay_later() -> None:
    tables = a_world(label_delay_days=3)
    assert list(tables[0].columns)[-1] == "LABEL_TIME"
    assert set(delays(tables)) == {3.0}


def test_late_labels_come_after_the_usual_delay_and_the_extra() -> None:
    tables = a_world(a_change("late_labels", 6, extra_days=2.5))
    assert (set(delays(tables[:6])), set(delays(tables[6:]))) == ({7.0}, {9.5})


def test_late_labels_spread_uniformly_over_their_share() -> None:
    late = a_change("late_labels", 0, extra_days=1.0, spread_days=4.0, share=0.5)
    waited = delays(a_world(late, customers=2_000, label_delay_days=1)) - 1
    assert (waited > 0).mean() == pytest.approx(0.5, abs=0.02)
    assert 1.0 <= waited[waited > 0].min() < 1.1 < 4.9 < waited.max() <= 5.0
    assert waited[waited > 0].mean() == pytest.approx(3.0, abs=0.05)
