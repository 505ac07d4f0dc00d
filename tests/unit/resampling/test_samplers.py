"""What every sampler must do, whatever its method."""

from __future__ import annotations

import tracemalloc
from typing import Any, get_args

import numpy as np
import pytest

from fraud_detect.errors import TableError
from fraud_detect.resampling import distances
from fraud_detect.resampling.registry import SAMPLERS
from fraud_detect.resampling.resampled import Resampled, Resampling
from fraud_detect.schema import Float32Matrix
from fraud_detect.training.parameters import Hyperparameters

NUMBERS, WITH_CODES = (False, False, False), (False, False, True)
OVER = ("smote", "borderline_smote", "adasyn", "random_over")
UNDER = ("random_under", "near_miss")
CLEANING = ("tomek_links", "smote_tomek", "smote_enn")
INTERPOLATING = ("smote", "borderline_smote", "adasyn", "smote_tomek", "smote_enn")
samplers = pytest.mark.parametrize("sampler", SAMPLERS)
kinds = pytest.mark.parametrize("categorical", [NUMBERS, WITH_CODES])


def some_rows(legitimate: int = 400, frauds: int = 40, *, gaps: float = 0) -> tuple[Float32Matrix, np.ndarray]:
    """Return rows of both classes that overlap: two numbers of unlike units and the codes 2, 3, 5; and labels."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([0, 1], [legitimate, frauds])).astype(np.uint8)
    numbers = rng.normal(size=(len(labels), 2)) + labels[:, None]
    codes = rng.choice([2, 3, 5], len(labels))
    rows = np.column_stack((numbers * [1, 1_000], codes)).astype(np.float32)
    if gaps:
        rows[rng.random(rows.shape) < gaps] = np.nan
    return rows, labels


def resampled(sampler: str, categorical: tuple[bool, ...] = NUMBERS, *, gaps: float = 0, **overrides: Any) -> Resampled:
    given: dict[str, Any] = {"ratio": 0.5, "k_neighbors": 5, "seed": 0, **overrides}
    return SAMPLERS[sampler](*some_rows(gaps=gaps), categorical, Resampling(**given))


def labels_kept(found: Resampled) -> np.ndarray:
    _, labels = some_rows()
    kept: np.ndarray = labels if found.kept is None else labels[found.kept]
    return kept


def test_the_declared_samplers_are_those_that_can_be_asked_for() -> None:
    assert set(get_args(Hyperparameters.model_fields["resampler"].annotation)) == {*SAMPLERS, "auto"}
    assert set(SAMPLERS) == {"none", *OVER, *UNDER, *CLEANING}


@samplers
@kinds
@pytest.mark.parametrize("gaps", [0, 0.1])
def test_what_is_kept_are_places_of_rows_and_what_is_made_are_rows(
    sampler: str, categorical: tuple[bool, ...], gaps: float
) -> None:
    found = resampled(sampler, categorical, gaps=gaps)

    assert found.synthetic.dtype == np.float32
    assert found.synthetic.shape[1] == 3
    if found.kept is not None:
        assert 0 <= found.kept[0] <= found.kept[-1] < 440
        assert (np.diff(found.kept) > 0).all()


@pytest.mark.parametrize("sampler", ["none", *OVER])
def test_those_that_make_frauds_keep_every_row(sampler: str) -> None:
    assert resampled(sampler).kept is None


@pytest.mark.parametrize("sampler", [*UNDER, "tomek_links"])
def test_those_that_leave_legitimate_rows_out_keep_every_fraud_and_make_none(sampler: str) -> None:
    found = resampled(sampler)

    assert labels_kept(found).sum() == 40
    assert 0 < len(labels_kept(found)) < 440
    assert len(found.synthetic) == 0


@pytest.mark.parametrize("sampler", ["smote", "borderline_smote", "random_over", *UNDER])
@pytest.mark.parametrize("ratio", [0.2, 0.5, 1])
def test_the_ratio_says_how_many_frauds_there_are_per_legitimate_row_afterwards(sampler: str, ratio: float) -> None:
    found = resampled(sampler, ratio=ratio)

    kept = labels_kept(found)
    assert (kept.sum() + len(found.synthetic)) / (kept == 0).sum() == pytest.approx(ratio, rel=0.01)


def test_adasyn_comes_near_the_ratio() -> None:
    """It rounds how many frauds it makes from each."""
    assert 40 + len(resampled("adasyn").synthetic) == pytest.approx(200, abs=20)


@pytest.mark.parametrize("sampler", [*OVER, *UNDER])
def test_a_ratio_that_is_reached_changes_nothing(sampler: str) -> None:
    found = resampled(sampler, ratio=0.1)

    assert found.kept is None
    assert len(found.synthetic) == 0


@pytest.mark.parametrize("sampler", [*INTERPOLATING, "random_over"])
@kinds
def test_what_is_made_lies_within_the_range_of_the_frauds(sampler: str, categorical: tuple[bool, ...]) -> None:
    rows, labels = some_rows()
    frauds = rows[labels == 1]

    synthetic = resampled(sampler, categorical).synthetic

    assert len(synthetic) > 20
    slack = 1e-5 * np.abs(frauds).max(axis=0)
    assert (synthetic >= frauds.min(axis=0) - slack).all()
    assert (synthetic <= frauds.max(axis=0) + slack).all()


@pytest.mark.parametrize("sampler", INTERPOLATING)
@pytest.mark.parametrize("gaps", [0, 0.1])
def test_categories_of_what_is_made_are_codes_that_exist(sampler: str, gaps: float) -> None:
    codes = resampled(sampler, WITH_CODES, gaps=gaps).synthetic[:, 2]

    assert set(codes[~np.isnan(codes)].tolist()) == {2, 3, 5}


@pytest.mark.parametrize("sampler", INTERPOLATING)
@kinds
def test_gaps_are_made_where_there_are_gaps(sampler: str, categorical: tuple[bool, ...]) -> None:
    missing = np.isnan(resampled(sampler, categorical, gaps=0.4).synthetic).mean(axis=0)

    assert ((missing > 0) & (missing < 1)).all()
    assert not np.isnan(resampled(sampler, categorical).synthetic).any()


@pytest.mark.parametrize("sampler", [*CLEANING, "near_miss", "borderline_smote", "adasyn"])
def test_the_unit_of_a_column_does_not_choose_the_neighbours(sampler: str) -> None:
    """Distances are taken between standardised columns: cents or euros give the same rows."""
    rows, labels = some_rows()
    resampling = Resampling(0.5, 5, 0)

    found, scaled = (
        SAMPLERS[sampler](each, labels, NUMBERS, resampling) for each in (rows, rows * np.float32([64, 1 / 64, 1]))
    )

    assert found.kept is None if scaled.kept is None else found.kept is not None
    assert found.kept is None or scaled.kept is None or found.kept.tolist() == scaled.kept.tolist()
    assert scaled.synthetic[:, 0] / 64 == pytest.approx(found.synthetic[:, 0], abs=1e-4)


@samplers
def test_the_same_seed_gives_the_same_rows(sampler: str) -> None:
    one, other = (resampled(sampler, WITH_CODES, gaps=0.1, seed=3) for _ in range(2))

    assert one.synthetic.tobytes() == other.synthetic.tobytes()
    assert (one.kept is None) == (other.kept is None)
    assert one.kept is None or other.kept is None or one.kept.tolist() == other.kept.tolist()


@pytest.mark.parametrize("sampler", [*OVER, "random_under"])
def test_another_seed_gives_others(sampler: str) -> None:
    one, other = (resampled(sampler, seed=seed) for seed in (3, 4))

    assert (str(one.kept), one.synthetic.tobytes()) != (str(other.kept), other.synthetic.tobytes())


@samplers
def test_the_rows_that_are_given_are_left_as_they_are(sampler: str) -> None:
    rows, labels = some_rows(gaps=0.1)
    before = rows.copy(), labels.copy()

    SAMPLERS[sampler](rows, labels, WITH_CODES, Resampling(0.5, 5, 0))

    assert np.array_equal(rows, before[0], equal_nan=True)
    assert np.array_equal(labels, before[1])


@samplers
def test_memory_is_less_than_that_of_the_rows_beside_what_is_made(
    sampler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distances, "FEW_AT_ONCE", 64)
    monkeypatch.setattr(distances, "MANY_AT_ONCE", 256)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20_000, 30)).astype(np.float32)
    labels = (np.arange(20_000) % 200 == 0).astype(np.uint8)
    run = SAMPLERS[sampler]
    run(*some_rows(), NUMBERS, Resampling(0.5, 5, 0))  # imports

    tracemalloc.start()
    found = run(rows, labels, [False] * 30, Resampling(0.05, 5, 0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < rows.nbytes + 4 * found.synthetic.nbytes


@pytest.mark.parametrize("sampler", [*INTERPOLATING, "random_over"])
def test_too_few_frauds_are_the_users_fault(sampler: str) -> None:
    rows, _ = some_rows()
    fewest = 0 if sampler == "random_over" else 1

    with pytest.raises(TableError, match=f"has {fewest} fraud rows.*resampler=none"):
        SAMPLERS[sampler](rows, (np.arange(440) < fewest).astype(np.uint8), NUMBERS, Resampling(0.5, 5, 0))


@pytest.mark.parametrize("sampler", INTERPOLATING)
def test_categories_alone_leave_nothing_to_lie_between(sampler: str) -> None:
    rows, labels = some_rows()

    with pytest.raises(TableError, match="no number column"):
        SAMPLERS[sampler](rows[:, 2:], labels, (True,), Resampling(0.5, 5, 0))


@pytest.mark.parametrize("sampler", ["near_miss", "tomek_links", "random_under", "random_over"])
def test_those_that_make_nothing_new_need_no_number(sampler: str) -> None:
    rows, labels = some_rows()

    SAMPLERS[sampler](rows[:, 2:], labels, (True,), Resampling(0.5, 5, 0))


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "smote_enn"])
@pytest.mark.parametrize("legitimate", [3, 12])
def test_few_rows_are_enough(sampler: str, legitimate: int) -> None:
    rows, labels = some_rows(legitimate, 3)

    SAMPLERS[sampler](rows, labels, WITH_CODES, Resampling(1, 5, 0))


@pytest.mark.filterwarnings("error")
@samplers
@kinds
def test_nothing_is_warned_of_that_is_as_it_should_be(sampler: str, categorical: tuple[bool, ...]) -> None:
    rows, labels = some_rows(gaps=0.1)
    rows[:, 0] = np.nan
    rows[:2, 0] = 1

    SAMPLERS[sampler](rows, labels, categorical, Resampling(0.5, 5, 0))
