"""The reader of training and the codecs of the endpoint give the same float32 for the same text, bit for bit."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fraud_detect.codecs import csv as csv_codec
from fraud_detect.codecs import json as json_codec
from fraud_detect.errors import BadRequest, TableError
from fraud_detect.schema import MISSING, ColumnKind, Float32Matrix, Schema
from fraud_detect.tables.read import read_more, read_training
from fraud_detect.tables.request import ColumnRequest
from fraud_detect.tables.table import Table
from training_factories import a_channel

CATEGORIES = ColumnRequest(categories=("c",))
HEADER = ["Class", "n", "c"]
LARGE = 3e38  # within float32

blanks = st.text(" \t\v\f", max_size=2)
digits = st.text("0123456789", min_size=1, max_size=25)
plain_numbers = st.builds(
    lambda sign, whole, point, fraction, exponent: f"{sign}{whole}{point}{fraction if point else ''}{exponent}",
    st.sampled_from(["", "+", "-"]),
    digits,
    st.sampled_from(["", "."]),
    st.one_of(st.just(""), digits),
    st.one_of(st.just(""), st.builds("{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), digits)),
)
in_range = plain_numbers.filter(lambda text: abs(float(text)) < LARGE)
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
printed_numbers = st.builds(format, finite, st.sampled_from(["", ".17g", ".9g", ".3e", "+.6f"])).filter(
    lambda text: abs(float(text)) < LARGE
)
numbers = st.one_of(
    in_range,
    st.floats(2**-9, 2**19, width=32).map(lambda value: just_above_a_tie(value)),
    printed_numbers,
    st.builds("{}{}{}".format, blanks, in_range, blanks),
    st.sampled_from([".5", "-.5e1"]),
)
missing = st.sampled_from(MISSING)
number_cells = st.lists(st.one_of(numbers, missing), min_size=2, max_size=30).filter(
    lambda cells: 2 * sum(cell in MISSING for cell in cells) <= len(cells)
)
texts = st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda text: not re.match(' +"', text))
vocabularies = st.lists(
    st.one_of(
        texts,
        missing,
        st.sampled_from(
            ["a,b", 'say "hi"', "two\nlines", "two\r\nlines", "\r", " padded ", "007", "1e3", "é", "e\u0301"]
        ),
        st.sampled_from(
            ["true", "#a", "\\", '"', '""', "'", "\ufeff", "\u2028", "\x00", "\x1c", "\x85", "none", "NAN"]
        ),
    ),
    min_size=1,
    max_size=5,
)


def just_above_a_tie(value: float) -> str:
    """Return a number that text to float32 rounds up, and that float64 takes for a tie, which goes to the even one."""
    above = float(np.nextafter(np.float32(value), np.float32(np.inf)))
    return f"{(Decimal(value) + Decimal(above)) / 2:f}".ljust(40, "0") + "1"


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def as_needed(cell: str) -> str:
    return quoted(cell) if set(cell) & set(',"\r\n') else cell


def a_text(rows: Sequence[Sequence[str]], *, end: str = "\n") -> str:
    """Return `rows` as CSV with quotes where they are needed."""
    return "".join(",".join(map(as_needed, row)) + end for row in rows)


def trained(folder: Path, text: str, request: ColumnRequest = CATEGORIES) -> Table:
    return read_training(a_channel(folder / "train", text), request)


def served(text: str, schema: Schema) -> Float32Matrix:
    return csv_codec.decode(text.encode(), schema, {})


def assert_same_bits(got: Float32Matrix, expected: Float32Matrix) -> None:
    assert got.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(got, expected)  # one NaN is as good as another
    np.testing.assert_array_equal(np.signbit(got) & (got == 0), np.signbit(expected) & (expected == 0))


def labels(count: int) -> list[str]:
    return [str(number % 2) for number in range(count)]


@settings(max_examples=80)
@given(cells=number_cells)
@example(cells=["1", "0.1000000014901161193847656"])
@example(cells=["1", "3.4028235e38", "-3.40282356e38", "1e-45", "7e-46", "-0", "1_000"])
@example(cells=["1", "1152921573326323713"])  # rounded to float64 it lies between two float32, rounded once it does not
@example(cells=["1", "2", "-nan", "NAN ", " nan"])
def test_numbers_are_read_alike(cells: Sequence[str], tmp_path: Path) -> None:
    rows = [HEADER, *([label, cell, "a"] for label, cell in zip(labels(len(cells)), cells, strict=True))]
    text = a_text(rows)

    table = trained(tmp_path, text)

    assert table.schema.columns[0].kind is ColumnKind.NUMBER
    assert_same_bits(served(text, table.schema), table.rows.features)


@settings(max_examples=40)
@given(cells=number_cells)
def test_the_short_way_of_the_csv_codec_reads_numbers_alike(cells: Sequence[str], tmp_path: Path) -> None:
    """Rows of nothing but numbers take another way through the codec, under a header and without one."""
    rows = list(zip(labels(len(cells)), cells, reversed(cells), strict=True))
    table = trained(tmp_path, a_text([("Class", "n", "m"), *rows]), ColumnRequest())
    features = a_text([row[1:] for row in rows])

    assert_same_bits(served(features, table.schema), table.rows.features)
    assert_same_bits(served(f"m,n\n{a_text([row[:0:-1] for row in rows])}", table.schema), table.rows.features)


@settings(max_examples=60)
@given(cells=number_cells)
def test_numbers_in_json_are_read_alike(cells: Sequence[str], tmp_path: Path) -> None:
    """As JSON numbers where JSON can spell them, else as text."""
    table = trained(tmp_path, a_text([("Class", "n"), *zip(labels(len(cells)), cells, strict=True)]), ColumnRequest())
    values = ["null" if cell in MISSING else cell if is_json_number(cell) else json.dumps(cell) for cell in cells]
    body = '{"instances": [' + ", ".join(f"[{value}]" for value in values) + "]}"

    assert_same_bits(json_codec.decode(body.encode(), table.schema, {}), table.rows.features)


def is_json_number(cell: str) -> bool:
    """Return whether JSON can spell the cell: its `-0` is the integer 0, which no model tells from -0.0."""
    return cell != "-0" and re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", cell) is not None


@settings(max_examples=150)
@given(cell=st.text("0123456789+-.,eEinfatyINFNA_ \t\"'xX#%", max_size=8).filter(lambda text: "," not in text))
@example(cell="inf")
@example(cell="1e39")
@example(cell="twelve")
@example(cell="5 5")
@example(cell="\u0665")
@example(cell="5\xa0")
def test_a_strange_cell_among_numbers_is_never_two_values(cell: str, tmp_path: Path) -> None:
    """Either both refuse it, or both read the same; the fast reader of training alone takes '+-5', for -5."""
    rows = [HEADER, *(["01"[number % 2], f"{number}.5", "a"] for number in range(9)), ["1", cell, "a"]]
    text = a_text(rows)
    try:
        table = trained(tmp_path, text)
    except TableError:
        model = trained(tmp_path, a_text([*rows[:-1], ["1", "", "a"]]))
        with pytest.raises(BadRequest):
            served(text, model.schema)
        return
    if cell.strip().startswith("+-"):
        with pytest.raises(BadRequest):
            served(text, table.schema)
        return
    assert_same_bits(served(text, table.schema), table.rows.features)


@settings(max_examples=120)
@given(vocabulary=vocabularies, data=st.data())
def test_categories_are_read_alike(vocabulary: Sequence[str], data: st.DataObject, tmp_path: Path) -> None:
    cells = data.draw(st.lists(st.sampled_from(vocabulary), min_size=2, max_size=15))
    rows = [HEADER, *([label, "1", cell] for label, cell in zip(labels(len(cells)), cells, strict=True))]
    text = a_text(rows, end=data.draw(st.sampled_from(["\n", "\r\n"])))

    table = trained(tmp_path, text)

    assert set(table.schema.columns[1].categories) == set(cells) - set(MISSING)
    assert_same_bits(served(text, table.schema), table.rows.features)


@settings(max_examples=50)
@given(vocabulary=vocabularies, data=st.data())
def test_categories_in_json_are_read_alike(vocabulary: Sequence[str], data: st.DataObject, tmp_path: Path) -> None:
    cells = data.draw(st.lists(st.sampled_from(vocabulary), min_size=2, max_size=15))
    rows = [HEADER, *([label, "1", cell] for label, cell in zip(labels(len(cells)), cells, strict=True))]
    table = trained(tmp_path, a_text(rows))
    body = json.dumps({"instances": [{"c": None if cell in MISSING else cell, "n": 1} for cell in cells]})

    assert_same_bits(json_codec.decode(body.encode(), table.schema, {}), table.rows.features)


def test_unseen_categories_count_as_missing_alike_where_asked_for(tmp_path: Path) -> None:
    request = ColumnRequest(categories=("c",), unseen_as_missing=True)
    table = trained(tmp_path, "Class,n,c\n0,1,5411\n1,2,food\n", request)
    text = "Class,n,c\n0,1,food\n1,2,unseen\n0,3,\n1,4,5411\n0,5,05411\n"
    body = '{"inputs": [[1, "food"], [2, "unseen"], [3, null], [4, 5411], [5, 5412]]}'

    validation = read_more(a_channel(tmp_path / "validation", text), request, table).rows.features

    np.testing.assert_array_equal(validation[:, 1], [1, np.nan, np.nan, 0, np.nan])
    assert_same_bits(served(text, table.schema), validation)
    assert_same_bits(json_codec.decode(body.encode(), table.schema, {}), validation)


@settings(max_examples=40)
@given(codes=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=8))
def test_codes_of_categories_may_be_numbers_in_json(codes: Sequence[int], tmp_path: Path) -> None:
    table = trained(
        tmp_path, a_text([HEADER, *([label, "1", str(code)] for label, code in zip("01" * 4, codes, strict=False))])
    )
    body = json.dumps({"instances": [{"n": 1, "c": code} for code in codes]})

    assert_same_bits(json_codec.decode(body.encode(), table.schema, {}), table.rows.features)


@settings(max_examples=40)
@given(
    words=st.lists(st.sampled_from(["true", "false", "TRUE", "False", "tRuE"]), min_size=3, max_size=12),
    others=st.lists(st.sampled_from(["1", "0", "", "NA", "null"]), max_size=2),
)
def test_flags_are_read_alike(words: Sequence[str], others: Sequence[str], tmp_path: Path) -> None:
    cells = [*words, *others]
    text = a_text([("Class", "f"), *zip(labels(len(cells)), cells, strict=True)])
    values = {"true": True, "false": False, "1": 1, "0": 0}
    body = json.dumps({"inputs": [[values.get(cell.lower())] for cell in cells]})

    table = trained(tmp_path, text, ColumnRequest())

    assert table.schema.columns[0].kind is ColumnKind.FLAG
    assert_same_bits(served(text, table.schema), table.rows.features)
    assert_same_bits(json_codec.decode(body.encode(), table.schema, {}), table.rows.features)


@settings(max_examples=80)
@given(data=st.data())
def test_files_of_any_shape_are_read_alike(data: st.DataObject, tmp_path: Path) -> None:
    """Line ends, a byte order mark, blank lines, quotes where none are needed, columns in any order."""
    count = data.draw(st.integers(4, 12))
    cells = {
        "Class": labels(count),
        "n": data.draw(st.lists(numbers, min_size=count, max_size=count)),
        "c": data.draw(st.lists(st.sampled_from(["a", "b,c", "d\ne", '"', " f", ""]), min_size=count, max_size=count)),
    }
    order = data.draw(st.permutations(list(cells)))
    ends = data.draw(st.sampled_from(["\n", "\r\n"])), data.draw(st.sampled_from(["", "\n", "\r\n"]))
    assume(ends[1] in ("", ends[0]))
    quote = data.draw(st.sampled_from([as_needed, quoted]))
    rows = [order, *zip(*(cells[name] for name in order), strict=True)]
    lines = [",".join(map(quote, row)) + ends[0] + ends[1] * data.draw(st.integers(0, 2)) for row in rows]
    text = data.draw(st.sampled_from(["", "\ufeff"])) + ends[1] * data.draw(st.integers(0, 2)) + "".join(lines)
    text = data.draw(st.sampled_from([text, text.rstrip("\r\n")]))

    table = trained(tmp_path, text)

    assert len(table.rows) == count
    assert_same_bits(served(text, table.schema), table.rows.features)


def test_rows_without_a_header_are_read_alike(tmp_path: Path) -> None:
    rows = [["0", "1.5", "x"], ["1", " 2.5", "y,z"], ["0", "", "x"], ["1", "-3e2", ""]]

    table = trained(tmp_path, a_text(rows), ColumnRequest())

    assert_same_bits(served(a_text([row[1:] for row in rows]), table.schema), table.rows.features)


@pytest.mark.parametrize("ends", [("\n", "\r\n"), ("\r\n", "\n"), ("\n", "\r")])
def test_mixed_line_ends_are_refused_in_training(ends: tuple[str, str], tmp_path: Path) -> None:
    """The fast reader cannot take them, and says so; no row is read otherwise than the endpoint would."""
    with pytest.raises(TableError, match="mixes line ends"):
        trained(tmp_path, f"Class,n,c{ends[0]}0,1,a{ends[1]}1,2,b{ends[0]}")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
def test_what_pythons_csv_library_writes_is_read_alike(line_end: str, quoting: int, tmp_path: Path) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([HEADER, [0, 1.25, 'a "b", c'], [1, -2e-7, "é\n"], [0, 3, "a"], [1, 1e22, ""]])

    table = trained(tmp_path, file.getvalue())

    assert len(table.rows) == 4
    assert_same_bits(served(file.getvalue(), table.schema), table.rows.features)
