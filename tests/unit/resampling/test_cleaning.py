"""Rows among the other class are left out, and no others."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from imblearn.under_sampling import EditedNearestNeighbours, TomekLinks

from fraud_detect.errors import TableError
from fraud_detect.resampling import cleaning, distances
from fraud_detect.resampling.cleaning import smote_enn, smote_tomek, tomek_links
from fraud_detect.resampling.encoding import Encoding
from fraud_detect.resampling.over import smote
from fraud_detect.resampling.resampled import Resampled, Resampling, Sampler
from fraud_detect.schema import Float32Matrix

PLAIN, NO_MORE = [False], Resampling(0.001, 5, 0)


def some_rows(seed: int = 0, count: int = 1_500) -> tuple[Float32Matrix, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.05).astype(np.uint8)
    return (rng.normal(size=(count, 4)) + 0.5 * labels[:, None]).astype(np.float32), labels


def kept_of(sampler: Sampler, values: list[float], labels: list[int]) -> list[int]:
    rows = np.array(values, dtype=np.float32).reshape(-1, 1)
    kept = sampler(rows, np.array(labels, dtype=np.uint8), PLAIN, NO_MORE).kept
    return list(range(len(values))) if kept is None else kept.tolist()


def kept_by(library: object, rows: Float32Matrix, labels: np.ndarray) -> list[int]:
    """Return what imbalanced-learn keeps of all rows, standardised as ours."""
    library.fit_resample(Encoding.of(rows, [False] * 4).apply(rows), labels)  # type: ignore[attr-defined]
    return sorted(library.sample_indices_)  # type: ignore[attr-defined]


def test_the_legitimate_row_of_a_tomek_link_is_left_out() -> None:
    """9.9 and the fraud at 10 are each other's nearest; 12 has that fraud as its nearest, but not vice versa."""
    assert kept_of(tomek_links, [0, 1, 9.9, 10, 12], [0, 0, 0, 1, 0]) == [0, 1, 3, 4]


def test_two_frauds_beside_each_other_are_no_link() -> None:
    assert kept_of(tomek_links, [0, 1, 9, 10, 10.1], [0, 0, 0, 1, 1]) == [0, 1, 2, 3, 4]


def test_a_legitimate_row_nearer_to_another_legitimate_one_is_no_link() -> None:
    assert kept_of(tomek_links, [0, 1, 1.5, 3], [0, 0, 0, 1]) == [0, 1, 2, 3]


def test_after_smote_both_rows_of_a_link_are_left_out() -> None:
    assert kept_of(smote_tomek, [0, 1, 9.9, 10, 12, 20, 20.1], [0, 0, 0, 1, 0, 1, 1]) == [0, 1, 4, 5, 6]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("at_once", [7, 4_096])
def test_tomek_links_are_the_librarys(seed: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "MANY_AT_ONCE", 11 * at_once)
    monkeypatch.setattr(distances, "FEW_AT_ONCE", at_once)
    rows, labels = some_rows(seed)

    kept = tomek_links(rows, labels, [False] * 4, NO_MORE).kept

    assert kept is not None
    assert 0 < len(rows) - len(kept) < 60
    assert kept.tolist() == kept_by(TomekLinks(), rows, labels)


@pytest.mark.parametrize(
    ("own", "library"),
    [(smote_tomek, TomekLinks(sampling_strategy="all")), (smote_enn, EditedNearestNeighbours(sampling_strategy="all"))],
)
@pytest.mark.parametrize("ratio", [0.1, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_cleaning_after_smote_is_the_librarys(
    own: Sampler, library: TomekLinks, ratio: float, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real rows first, then those that SMOTE made of them."""
    monkeypatch.setattr(distances, "MANY_AT_ONCE", 100)
    rows, labels = some_rows(seed)
    given = Resampling(ratio, 5, 0)
    made = smote(rows, labels, [False] * 4, given).synthetic
    encoding = Encoding.of(rows, [False] * 4)
    library.fit_resample(encoding.apply(np.concatenate((rows, made))), np.append(labels, np.ones(len(made))))

    found = own(rows, labels, [False] * 4, given)

    stay = np.sort(library.sample_indices_)
    assert all_kept(found, len(rows)) == stay[stay < len(rows)].tolist()
    assert np.array_equal(found.synthetic, made[stay[stay >= len(rows)] - len(rows)])
    assert len(stay) < len(rows) + len(made)


def all_kept(found: Resampled, count: int) -> list[int]:
    return list(range(count)) if found.kept is None else found.kept.tolist()


def test_rows_that_differ_in_a_category_are_further_from_each_other() -> None:
    rows = np.array([[0, 1], [0.1, 1], [0.2, 2], [5, 1], [9, 1]], dtype=np.float32)
    labels = np.array([0, 1, 0, 0, 0], dtype=np.uint8)

    assert tomek_links(rows, labels, (False, True), NO_MORE).kept.tolist() == [1, 2, 3, 4]  # type: ignore[union-attr]


def test_nothing_to_clean_keeps_all() -> None:
    rows, labels = np.array([[0], [1], [50], [51]], dtype=np.float32), np.array([0, 0, 1, 1], dtype=np.uint8)

    assert tomek_links(rows, labels, PLAIN, NO_MORE).kept is None


def test_cleaning_that_leaves_a_class_without_rows_is_the_users_fault() -> None:
    rows = np.arange(12, dtype=np.float32).reshape(-1, 1)

    with pytest.raises(TableError, match=r"smote_enn leaves no fraud; .* resampler=smote or none"):
        smote_enn(rows, (np.arange(12) % 6 == 2).astype(np.uint8), PLAIN, NO_MORE)


def test_what_may_take_long_is_said_before(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "MANY_PAIRS", 1_000)
    rows, labels = some_rows()

    tomek_links(rows, labels, [False] * 4, NO_MORE)

    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert "distances" in record.getMessage()
