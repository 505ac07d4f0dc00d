"""The journal of a comparison loses nothing that was written, and belongs to one comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraud_detect.errors import SettingError
from fraud_detect.training.comparison.journal import NAME, opened
from fraud_detect.training.comparison.plan import Cell

SUBJECT = {"data": "abc", "folds": "def"}
FIRST, SECOND = Cell("xgboost", "none", 1, 1), Cell("xgboost", "none", 1, 2)


def begun(folder: Path) -> Path:
    with opened(folder, SUBJECT) as journal:
        journal.add(FIRST, {"seconds": 1.5})
        journal.add(SECOND, {"failed": "no frauds"})
    return folder / NAME


def test_what_was_added_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    begun(tmp_path)

    with opened(tmp_path, SUBJECT) as journal:
        assert {cell: entry.get("seconds") for cell, entry in journal.entries.items()} == {FIRST: 1.5, SECOND: None}


def test_the_latest_line_of_a_cell_counts(tmp_path: Path) -> None:
    begun(tmp_path)
    with opened(tmp_path, SUBJECT) as journal:
        journal.add(SECOND, {"seconds": 2.0})

    with opened(tmp_path, SUBJECT) as journal:
        assert "failed" not in journal.entries[SECOND]


@pytest.mark.parametrize("cut", range(1, 40, 6))
def test_a_line_that_was_cut_short_is_as_if_it_had_not_been_begun(tmp_path: Path, cut: int) -> None:
    path = begun(tmp_path)
    path.write_bytes(path.read_bytes()[:-cut])

    with opened(tmp_path, SUBJECT) as journal:
        assert list(journal.entries) == [FIRST]
        journal.add(SECOND, {"seconds": 2.0})
    with opened(tmp_path, SUBJECT) as journal:
        assert list(journal.entries) == [FIRST, SECOND]


def test_a_first_line_that_was_cut_short_begins_anew(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"data": "a')

    with opened(tmp_path, SUBJECT) as journal:
        assert journal.entries == {}
    assert (tmp_path / NAME).read_text() == '{"data": "abc", "folds": "def"}\n'


def test_another_comparison_is_refused_with_what_differs(tmp_path: Path) -> None:
    begun(tmp_path)

    with (
        pytest.raises(SettingError, match=r"another comparison: folds is not the same.*--restart"),
        opened(tmp_path, {**SUBJECT, "folds": "xyz"}),
    ):
        pass


@pytest.mark.parametrize("damage", [b"nonsense\n", b"[1]\n", b'{"algorithm": "xgboost"}\n'])
def test_a_damaged_line_is_refused_with_its_number(tmp_path: Path, damage: bytes) -> None:
    path = begun(tmp_path)
    path.write_bytes(path.read_bytes() + damage)

    with pytest.raises(SettingError, match=r"Line 4 of .* is damaged"), opened(tmp_path, SUBJECT):
        pass


def test_two_comparisons_do_not_write_one_journal(tmp_path: Path) -> None:
    with opened(tmp_path, SUBJECT), pytest.raises(SettingError, match="Another process"), opened(tmp_path, SUBJECT):
        pass
