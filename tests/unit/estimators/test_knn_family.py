"""What is nearest neighbours' own: who votes, whatever their order, and how many rows a model may hold."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.errors import TableError
from fraud_detect.estimators import knn
from fraud_detect.estimators.family import Block
from fraud_detect.estimators.knn import Neighbours
from fraud_detect.estimators.preparation import Preparation
from training_factories import a_block, a_fitted_model, fit_settings, some_features

CATEGORIES = (0, 0, 5)
weightings = pytest.mark.parametrize("weights", ["uniform", "distance"])


def a_line(values: Sequence[float], labels: Sequence[int], **parameters: Any) -> Neighbours:
    """Return a model of rows of one number."""
    block = Block(some_features([[value] for value in values]), np.array(labels, dtype=np.uint8))
    return knn.fit([block], block, fit_settings("knn", categories=[0], parameters=parameters))


def exported_scores(model: Neighbours, values: Sequence[float]) -> Sequence[float]:
    rows = some_features([[value] for value in values])
    exported = Scorer(model.to_onnx(), NoCalibration()).scores(rows)
    assert exported == pytest.approx(model.scores(rows), abs=1e-7)
    scores: list[float] = exported.tolist()
    return scores


@weightings
@pytest.mark.parametrize("count", [1, 5, 40])
def test_it_votes_as_scikit_learns_where_no_distances_are_equal(weights: str, count: int) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    block, rows = a_block(), a_block(seed=5).features
    preparation = Preparation.of([block], CATEGORIES, "standard")
    theirs = KNeighborsClassifier(count, weights=weights).fit(preparation.apply(block.features), block.labels)

    model = a_fitted_model("knn", parameters={"n_neighbors": count, "weights": weights})

    expected = theirs.predict_proba(preparation.apply(rows))[:, 1]
    assert model.scores(rows) == pytest.approx(expected, abs=1e-9)


def test_all_rows_at_the_distance_of_the_last_neighbour_vote() -> None:
    model = a_line([0, 1, 1, 1, 5], [0, 1, 1, 0, 1], n_neighbors=2, weights="uniform")

    assert exported_scores(model, [0]) == pytest.approx([2 / 4])


def test_rows_that_are_the_same_outvote_all_others_by_distance() -> None:
    model = a_line([0, 0, 1, 2, 5], [1, 0, 0, 0, 0], n_neighbors=4, weights="distance")

    assert exported_scores(model, [0]) == pytest.approx([1 / 2])


def test_nearer_rows_count_more_by_distance() -> None:
    model = a_line([-1, 3], [1, 0], n_neighbors=2, weights="distance")

    assert exported_scores(model, [0]) == pytest.approx([3 / 4])


def test_a_weight_of_frauds_is_so_many_votes() -> None:
    block = Block(some_features([[-1], [1]]), np.array([1, 0], dtype=np.uint8))
    settings = fit_settings("knn", categories=[0], parameters={"n_neighbors": 2, "weights": "uniform"}, fraud_weight=3)

    model = knn.fit([block], block, settings)

    assert exported_scores(model, [0]) == pytest.approx([3 / 4])


@weightings
def test_the_order_of_training_rows_does_not_matter(weights: str) -> None:
    """Numbers on a grid, so that many distances are equal."""
    rng = np.random.default_rng(0)
    features = rng.integers(4, size=(300, 3)).astype(np.float32)
    labels, order = (rng.random(300) < 0.3).astype(np.uint8), rng.permutation(300)
    rows = some_features(rng.integers(6, size=(200, 3)))
    parameters: Mapping[str, Any] = {"weights": weights, "n_neighbors": 7}
    settings = fit_settings("knn", parameters=parameters)

    models = [knn.fit([Block(features[o], labels[o])], a_block(), settings) for o in (np.arange(300), order)]

    scores = [Scorer(model.to_onnx(), NoCalibration()).scores(rows) for model in models]
    assert scores[0] == pytest.approx(scores[1], abs=1e-7)
    assert scores[0] == pytest.approx(models[0].scores(rows), abs=1e-7)


def test_with_fewer_rows_than_neighbours_all_vote() -> None:
    assert exported_scores(a_line([0, 1, 2], [1, 0, 0], n_neighbors=9, weights="uniform"), [7]) == pytest.approx(
        [1 / 3]
    )


def test_scores_do_not_depend_on_how_many_pairs_are_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = a_fitted_model("knn"), a_block(seed=5).features
    expected = model.scores(rows)

    monkeypatch.setattr(knn, "PAIRS_AT_A_TIME", 1)

    assert model.scores(rows) == pytest.approx(expected, abs=1e-12)


def test_many_training_rows_are_warned_of(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knn, "MANY_ROWS", 299)

    with caplog.at_level(logging.WARNING):
        a_fitted_model("knn")

    assert "compared with all 300 training rows" in caplog.text


def test_more_training_rows_than_a_graph_can_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knn, "MOST_BYTES", 299 * 8 * (7 + 2))

    with pytest.raises(TableError, match="300 rows of 7 prepared columns with algorithm=knn; expected at most 299"):
        a_fitted_model("knn")
