"""Matrices in files hold what matrices in memory do, and leave no file behind."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import pytest

from fraud_detect.schema import Float32Matrix
from fraud_detect.tables import matrix
from fraud_detect.tables.matrix import empty, joined, taken
from fraud_detect.tables.table import Rows


def some_numbers(rows: int = 10) -> Float32Matrix:
    return np.arange(3 * rows, dtype=np.float32).reshape(rows, 3)


def open_files(folder: Path) -> list[str]:
    """Return the files in `folder` that this process maps."""
    return [line for line in Path(f"/proc/{os.getpid()}/maps").read_text().splitlines() if str(folder) in line]


def test_a_matrix_in_a_file_has_no_name_and_goes_away_with_its_last_view(tmp_path: Path) -> None:
    made = empty((1000, 3), tmp_path)
    made[:] = 7
    view = made[10:20]

    del made
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    assert len(open_files(tmp_path)) == 1
    assert view.tolist() == [[7, 7, 7]] * 10

    del view
    gc.collect()
    assert open_files(tmp_path) == []


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_nothing_needs_no_file(shape: tuple[int, int], tmp_path: Path) -> None:
    assert empty(shape, tmp_path).shape == shape


@pytest.mark.parametrize("indices", [[], [3], [9, 0, 0, 4, 5, 6, 7]])
def test_rows_are_taken_piece_by_piece(indices: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "ROWS_AT_ONCE", 3)
    places = np.array(indices, dtype=np.intp)

    found = taken(some_numbers(), places, tmp_path)

    assert found.tolist() == some_numbers()[places].tolist()


def test_rows_are_joined(tmp_path: Path) -> None:
    whole = joined((some_numbers(), some_numbers(4)), tmp_path)

    assert whole.tolist() == [*some_numbers().tolist(), *some_numbers(4).tolist()]
    assert isinstance(whole, np.memmap)


def test_what_is_made_of_rows_in_files_is_in_files(tmp_path: Path) -> None:
    rows = Rows(some_numbers(), np.ones(10, dtype=np.uint8), scratch=tmp_path)
    places = np.array([1, 2, 5])

    for made in (
        rows.take(places),
        rows.joined(rows),
        rows.between(2, 4).take(places[:1]),
        rows.take(places).joined(rows),
    ):
        assert isinstance(made.features, np.memmap)
    assert not isinstance(Rows(some_numbers(), rows.labels).take(places).features, np.memmap)
