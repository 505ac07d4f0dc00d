"""How far a file is, and how long it will take."""

from __future__ import annotations

import pytest

from fraud_detect.console.files.progress import EXPLAINING_COSTS, WRITING, Progress


def test_nothing_is_done_and_nothing_said_at_the_start() -> None:
    progress = Progress(began=0, most_explained=10)
    assert (progress.done, progress.seconds_left(now=5)) == (0, None)


def test_the_rows_of_a_file_are_guessed_from_the_part_that_was_read() -> None:
    assert Progress(began=0, most_explained=10, share=0.25, rows=100).rows_expected == 400


def test_a_scored_row_is_half_done_where_none_is_explained() -> None:
    assert Progress(began=0, most_explained=0, share=1.0, rows=100).done == 0.5


def test_rows_to_explain_count_by_what_they_cost() -> None:
    progress = Progress(began=0, most_explained=100, share=1.0, rows=100)
    assert progress.done == pytest.approx(1 / (2 + EXPLAINING_COSTS))


def test_all_is_done_at_the_end() -> None:
    progress = Progress(0, 10, step=WRITING, share=1.0, rows=100, total=100, explained=10)
    assert (progress.done, progress.seconds_left(now=60)) == (1.0, 0.0)


def test_what_is_left_takes_as_long_as_what_is_done_did() -> None:
    progress = Progress(began=100, most_explained=0, share=0.5, rows=50)
    assert progress.seconds_left(now=110) == pytest.approx(30)


def test_nothing_is_said_of_the_time_left_in_the_first_second() -> None:
    assert Progress(began=100, most_explained=0, share=0.5, rows=50).seconds_left(now=100.5) is None
