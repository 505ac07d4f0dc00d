"""The first rows of a file say whether there is a header, and which columns hold numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraud_detect.errors import TableError
from fraud_detect.tables.files import Format, Source
from fraud_detect.tables.layout import Layout, infer

A_FILE = Source(Path("a.csv"), Format.CSV, "train/a.csv")


def layout_of(text: str) -> Layout:
    return infer(A_FILE, (text.encode(), True))


def layout_of_head(text: str) -> Layout:
    """Return the layout of a file of which `text` is only the head."""
    return infer(A_FILE, (text.encode(), False))


def numeric(text: str) -> list[bool]:
    return list(layout_of(text).numeric.values())


@pytest.mark.parametrize(
    "text",
    [
        "Class,x\n0,1.5\n",
        "Class,x\n0,a\n1,b\n",  # one column of numbers is enough
        "kind,shop\nfraud,a\nfine,b\nfine,a\n",  # nothing but text: no cell of the first row comes again
        "Class,NA\n0,1\n",
        '"Class","x"\n"0","1"\n',
        " Class , x \n0,1\n",
        "\ufeffClass,x\n0,1\n",
        "\n\nClass,x\n0,1\n",
        "Class,x\n,\n0,1\n",
    ],
)
def test_a_row_of_names_is_a_header(text: str) -> None:
    assert layout_of(text).has_header


@pytest.mark.parametrize(
    "text",
    [
        "0,1.5\n1,2.5\n",
        "0,a\n1,b\n",
        "fraud,a\nfine,b\nfraud,b\n",
        "0,inf\n1,2\n",
        "0,\n1,2\n",
        "NA,NA\n0,1\n",
    ],
)
def test_a_row_with_a_number_or_with_cells_that_come_again_is_no_header(text: str) -> None:
    assert not layout_of(text).has_header


def test_names_are_without_the_blanks_around_them() -> None:
    assert layout_of(' Class ,"a b ",x\n0,1,2\n').names == ("Class", "a b", "x")


def test_without_a_header_the_label_comes_first() -> None:
    assert layout_of("0,1.5,2\n1,2,3\n").names == ("label", "f0", "f1")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2.5", "1e3"], True),
        (["1", "NA", ""], True),
        (["1", "x"], True),  # half of them: the other is a fault to be named
        (["1", "x", "y"], False),
        (["x", "y", ""], False),
        (["", "NA", "nan"], True),
        (["true", "false"], False),
        (["2026-01-01", "2026-01-02"], False),
        (["inf", "1"], True),
    ],
)
def test_a_column_holds_numbers_if_at_least_half_of_its_cells_do(cells: list[str], expected: bool) -> None:
    text = "Class,x\n" + "".join(f"0,{cell}\n" for cell in cells)

    assert numeric(text) == [True, expected]


def test_the_header_has_no_say_in_what_a_column_holds() -> None:
    assert numeric("Class,x\n0,1\n") == [True, True]


def test_a_quoted_line_end_belongs_to_its_cell() -> None:
    assert layout_of('Class,x\n0,"a\nb"\n1,c\n').names == ("Class", "x")


def test_a_sample_that_ends_within_a_row_goes_without_it() -> None:
    """The head of a large file is cut anywhere."""
    assert layout_of_head("Class,x\n0,1\n1").names == ("Class", "x")


def test_a_sample_that_ends_within_quotes_goes_without_them() -> None:
    assert layout_of_head('Class,x\n0,1\n1,"a\nb').names == ("Class", "x")


def test_quotes_that_break_the_rules_are_refused_in_a_head_too() -> None:
    with pytest.raises(TableError, match="line 2 is not valid CSV"):
        layout_of_head('Class,x\n0,"a"b\n1,c\n')


@pytest.mark.parametrize(("text", "lines"), [("0,1\n1,2\n", 0), ("\n\r\n0,1\n1,2\n", 2), ("\ufeff\n0,1\n1,2\n", 1)])
def test_blank_lines_before_the_first_row_are_counted(text: str, lines: int) -> None:
    assert layout_of(text).blank_lines == lines


def test_the_bytes_of_a_row_are_guessed_from_the_whole_sample() -> None:
    """Not from the 5,000 rows that are looked at."""
    assert layout_of("0,1\n" * 50_000).bytes_per_row == 4


def test_a_fault_behind_the_rows_that_are_looked_at_is_left_to_the_reading() -> None:
    assert numeric("0,1\n" * 6_000 + "0,1,2\n") == [True, True]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "train/a.csv is empty"),
        ("\n\n", "train/a.csv is empty"),
        ("Class,x\n", "a header and no rows"),
        ("Class;x\n0;1\n", "separated by semicolons"),
        ("Class,x\n0,1\n\n1\n", "line 4 has 1 values; expected 2"),
        ('Class,x\n"a\nb",1\n1\n', "line 4 has 1 values"),
        ("Class,x\n0,1\n1,2,3\n", "line 3 has 3 values"),
        ('Class,x\n0, "a"\n', "line 2 has a blank before quotes"),
        ('Class,x\n0,"a"b\n', "line 2 is not valid CSV"),
    ],
)
def test_a_sample_that_cannot_be_understood_is_refused(text: str, words: str) -> None:
    with pytest.raises(TableError, match=words):
        layout_of(text)
