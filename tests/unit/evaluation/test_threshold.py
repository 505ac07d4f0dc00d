"""Each policy finds the threshold that it promises, on the rows that it is shown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import f1_score, precision_score, recall_score

from fraud_detect.evaluation.ranking import Labels, Scores
from fraud_detect.evaluation.threshold import POLICIES, choose
from fraud_detect.training.parameters import Hyperparameters

Rows = tuple[Labels, Scores]

LABELS = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0], dtype=np.uint8)
PROBABILITIES = np.array([0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
neighbours = st.sampled_from([0.5, np.nextafter(0.5, 1), np.nextafter(0.5, 0)])
sets_of_rows = st.integers(2, 30).flatmap(
    lambda count: st.tuples(
        arrays.arrays(np.uint8, count, elements=st.integers(0, 1)).filter(lambda labels: labels.sum() > 0),
        arrays.arrays(np.float64, count, elements=st.one_of(st.floats(0, 1), st.sampled_from([0.1, 0.5]), neighbours)),
    )
)
targets = st.floats(0.01, 1)


def flagged(rows: Rows, policy: str, target: float | None) -> np.ndarray:
    labels, probabilities = rows
    result: np.ndarray = probabilities >= choose(labels, probabilities, policy, target).value
    return result


def possible(rows: Rows, measure: Callable[[Labels, np.ndarray], float]) -> list[tuple[float, float]]:
    """Return the measure and the recall at each threshold that tells rows apart."""
    labels, probabilities = rows
    cuts = [probabilities >= value for value in np.unique(probabilities)]
    return [(measure(labels, cut), recall_score(labels, cut)) for cut in cuts]


def share(_: Labels, cut: np.ndarray) -> float:
    return float(cut.mean())


@pytest.mark.parametrize(
    ("policy", "target", "value"),
    [
        ("f1", None, 0.65),  # 3 of 4 right and none missed
        ("precision", 1.0, 0.85),
        ("precision", 0.75, 0.65),
        ("recall", 0.5, 0.85),
        ("recall", 1.0, 0.65),
        ("alert_rate", 0.2, 0.85),
        ("alert_rate", 0.55, 0.55),
        ("alert_rate", 1.0, 0.1),
        ("cost", 9.0, 0.1),
        ("cost", 1.0, 0.5),
    ],
)
def test_a_policy_chooses_in_the_middle_between_the_last_alert_and_the_next_row(
    policy: str, target: float | None, value: float
) -> None:
    threshold = choose(LABELS, PROBABILITIES, policy, target)

    assert threshold.value == pytest.approx(value)
    assert (threshold.policy, threshold.target) == (policy, target)


@given(sets_of_rows)
def test_no_threshold_has_a_better_f1(rows: Rows) -> None:
    best = max(measure for measure, _ in possible(rows, f1_score))

    assert f1_score(rows[0], flagged(rows, "f1", None)) == pytest.approx(best)


@given(sets_of_rows, targets)
def test_the_precision_is_reached_with_the_most_recall_and_then_the_fewest_alerts(rows: Rows, target: float) -> None:
    reaching = [choice for choice in possible(rows, precision_score) if choice[0] >= target]
    assume(reaching)

    cut = flagged(rows, "precision", target)

    recall = max(recall for _, recall in reaching)
    assert recall_score(rows[0], cut) == pytest.approx(recall)
    assert precision_score(rows[0], cut) == pytest.approx(max(value for value, found in reaching if found == recall))


@given(sets_of_rows)
def test_the_highest_precision_stands_in_for_one_that_cannot_be_reached(rows: Rows) -> None:
    highest = max(precision for precision, _ in possible(rows, precision_score))
    assume(highest < 1)

    assert precision_score(rows[0], flagged(rows, "precision", (highest + 1) / 2)) == pytest.approx(highest)


@given(sets_of_rows, targets)
def test_the_recall_is_reached_with_the_fewest_alerts(rows: Rows, target: float) -> None:
    cut = flagged(rows, "recall", target)

    assert recall_score(rows[0], cut) >= target
    fewer = [alerts for alerts, recall in possible(rows, share) if recall >= target]
    assert cut.mean() == pytest.approx(min(fewer))


@given(sets_of_rows, targets)
def test_the_alerts_are_as_many_as_can_be_handled(rows: Rows, target: float) -> None:
    shares = [alerts for alerts, _ in possible(rows, share)]
    bearable = [alerts for alerts in shares if alerts <= target]

    assert flagged(rows, "alert_rate", target).mean() == pytest.approx(max(bearable) if bearable else min(shares))


@given(st.floats(0.001, 1e6))
def test_the_cost_decides_whatever_the_rows(cost: float) -> None:
    """Passing over a fraud of probability p costs p times `cost`, a false alarm 1 - p: at the threshold as much."""
    threshold = choose(LABELS, PROBABILITIES, "cost", cost).value

    assert threshold * cost == pytest.approx(1 - threshold)


@pytest.mark.parametrize(("policy", "target"), [("precision", 0.9), ("alert_rate", 0.1)])
def test_a_target_that_no_threshold_reaches_is_warned_of(
    policy: str, target: float, caplog: pytest.LogCaptureFixture
) -> None:
    labels, probabilities = np.array([0, 1, 0, 0], dtype=np.uint8), np.array([0.9, 0.5, 0.5, 0.1])

    choose(labels, probabilities, policy, target)

    assert f"threshold_policy={policy}: no threshold reaches the target {target:g}" in caplog.text


def test_the_declared_policies_are_the_known_ones() -> None:
    field = Hyperparameters.model_fields["threshold_policy"].annotation

    assert set(field.__args__) == set(POLICIES)  # type: ignore[union-attr]
