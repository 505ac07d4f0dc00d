"""The drawing of live scores beside training's."""

from __future__ import annotations

import re

import pytest

from fraud_detect.console.report.chart import MOST, distributions, height

EDGES = [float(edge) for edge in range(-5, 6)]
COUNTS = [0, 0, 90, 9, 0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(("share", "drawn"), [(1.0, MOST), (0.1, MOST - 1), (1e-5, 0.0), (1e-9, 0.0), (0.0, 0.0)])
def test_heights_are_logarithms_of_shares(share: float, drawn: float) -> None:
    assert height(share) == pytest.approx(drawn)


def test_equal_distributions_are_drawn_alike_above_and_below() -> None:
    tops = re.findall(r"V([\d.]+)H", distributions(EDGES, COUNTS, [10 * count for count in COUNTS], 0.5))
    above, below = tops[: len(tops) // 2], tops[len(tops) // 2 :]
    middle = (12 + 260) / 2
    assert [middle - float(top) for top in above] == pytest.approx([float(top) - middle for top in below], abs=0.11)


@pytest.mark.parametrize("threshold", [0.0, 1e-12, 0.5, 1.0, 2.0])
def test_a_threshold_is_drawn_wherever_it_is(threshold: float) -> None:
    assert 'class="cut"' in distributions(EDGES, COUNTS, COUNTS, threshold)


def test_no_live_score_draws_training_s_alone() -> None:
    drawing = distributions(EDGES, COUNTS, [0] * 10, 0.5)
    assert ('class="expected"' in drawing, 'class="live"' in drawing) == (True, False)


def test_nothing_is_drawn_by_a_style() -> None:
    assert "style=" not in distributions(EDGES, COUNTS, COUNTS, 0.5)
