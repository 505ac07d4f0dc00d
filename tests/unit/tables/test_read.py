"""A channel becomes a table and a schema; further channels are read by that schema."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from fraud_detect.artifact.manifest import Labels
from fraud_detect.errors import Stopped, TableError
from fraud_detect.schema import Column, ColumnKind
from fraud_detect.tables.read import read_more, read_training
from fraud_detect.tables.request import ColumnRequest
from fraud_detect.tables.table import Table
from training_factories import Content, a_channel, a_table


def table_of(folder: Path, *contents: Content, request: ColumnRequest | None = None) -> Table:
    return read_training(a_channel(folder / "train", *contents), request or ColumnRequest())


def more_of(folder: Path, train: Content, validation: Content) -> Table:
    like = table_of(folder, train)
    return read_more(a_channel(folder / "validation", validation), ColumnRequest(), like)


def column_of(folder: Path, *cells: object) -> Column:
    """Return the schema of a column that holds `cells`, beside a number that is always there."""
    rows = "".join(f"{number % 2},1,{cell}\n" for number, cell in enumerate(cells))
    return table_of(folder, f"Class,n,x\n{rows}").schema.columns[1]


def values(table: Table) -> list[list[float]]:
    rows: list[list[float]] = table.rows.features.tolist()
    return rows


def write_parquet(path: Path, frame: pd.DataFrame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.from_df(frame).write_parquet(str(path))
    return path.parent


def test_a_table_has_its_rows_in_order(tmp_path: Path) -> None:
    table = table_of(tmp_path, "Class,a,b\n0,1,2\n1,3,\n0,5,6\n")

    np.testing.assert_array_equal(table.rows.features, np.array([[1, 2], [3, np.nan], [5, 6]], dtype=np.float32))
    assert table.rows.labels.tolist() == [0, 1, 0]


def test_columns_keep_the_order_of_the_file_without_the_label(tmp_path: Path) -> None:
    table = table_of(tmp_path, "b,Class,a\n1,0,2\n3,1,4\n")

    assert (table.schema.names, table.schema.label) == (("b", "a"), "Class")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2.5"], Column(name="x")),
        (["1", ""], Column(name="x", missing_allowed=True)),
        (["1", "nan "], Column(name="x", missing_allowed=True)),
        (["", "NA"], Column(name="x", missing_allowed=True)),
        (["true", "False"], Column(name="x", kind=ColumnKind.FLAG)),
        (["true", "null"], Column(name="x", kind=ColumnKind.FLAG, missing_allowed=True)),
        (["true", "maybe"], Column(name="x", kind=ColumnKind.CATEGORY, categories=("maybe", "true"))),
        (["b", "a"], Column(name="x", kind=ColumnKind.CATEGORY, categories=("a", "b"))),
        (["b", "N/A"], Column(name="x", kind=ColumnKind.CATEGORY, categories=("b",), missing_allowed=True)),
        (["é", "z", "Z"], Column(name="x", kind=ColumnKind.CATEGORY, categories=("Z", "z", "é"))),
    ],
)
def test_the_cells_of_a_column_say_what_it_is(cells: list[str], expected: Column, tmp_path: Path) -> None:
    assert column_of(tmp_path, *cells) == expected


def test_codes_of_categories_are_their_places_in_the_schema(tmp_path: Path) -> None:
    """Not the order in which they are met, also across files."""
    table = table_of(tmp_path, "Class,x\n0,c\n1,b\n", "Class,x\n0,a\n1,c\n")

    assert values(table) == [[2], [1], [0], [2]]


def test_numbers_are_categories_where_asked_for(tmp_path: Path) -> None:
    request = ColumnRequest(categories=("x",))

    column = table_of(tmp_path, "Class,x,y\n0,10,1\n1,9,1\n0,010,1\n", request=request).schema.columns[0]

    assert column.categories == ("010", "10", "9")


def test_flags_are_categories_where_asked_for(tmp_path: Path) -> None:
    request = ColumnRequest(categories=("x",))

    column = table_of(tmp_path, "Class,x\n0,true\n1,false\n", request=request).schema.columns[0]

    assert column.categories == ("false", "true")


def test_dropped_columns_and_the_time_are_known_to_the_schema_and_not_read(tmp_path: Path) -> None:
    text = "Class,id,when,x\n0,a1,2026-01-01,1\n1,a2,2026-01-02,2\n"

    table = table_of(tmp_path, text, request=ColumnRequest(drop=("id",), time="when"))

    assert (table.schema.names, table.schema.ignored) == (("x",), ("id", "when"))


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        (["5", "7.5"], [5, 7.5]),
        (["1970-01-01", "1970-01-02"], [0, 86_400]),
        (["1970-01-01 00:01:00", "1970-01-01T01:00:00"], [60, 3_600]),
        (["1970-01-01 00:00:00.25", "1969-12-31"], [0.25, -86_400]),
    ],
)
def test_times_are_seconds(times: list[str], seconds: list[float], tmp_path: Path) -> None:
    rows = "".join(f"{number % 2},{time},{number}\n" for number, time in enumerate(times))

    table = table_of(tmp_path, f"Class,when,x\n{rows}", request=ColumnRequest(time="when"))

    assert table.rows.times is not None
    assert table.rows.times.tolist() == seconds


def test_without_a_time_column_there_are_no_times(tmp_path: Path) -> None:
    assert table_of(tmp_path, a_table()).rows.times is None


def test_labels_keep_the_spelling_of_the_table(tmp_path: Path) -> None:
    table = table_of(tmp_path, "kind,x\ngood,1\nbad,2\n", request=ColumnRequest("kind", "bad"))

    assert table.labels == Labels(negative="good", positive="bad")
    assert table.rows.labels.tolist() == [0, 1]


def test_without_a_header_the_columns_are_numbered_and_the_label_has_no_name(tmp_path: Path) -> None:
    table = table_of(tmp_path, "0,1.5,a\n1,2.5,b\n")

    assert (table.schema.names, table.schema.label) == (("f0", "f1"), None)


def test_an_identifier_is_named_however_large_the_table(tmp_path: Path) -> None:
    rows = "".join(f"{number % 2},1,card-{number // 2}\n" for number in range(4_000))

    with pytest.raises(TableError, match="'x' has 2000 distinct texts"):
        table_of(tmp_path, f"Class,n,x\n{rows}")


def test_as_many_categories_as_are_allowed_are_read(tmp_path: Path) -> None:
    cells = [f"shop-{number % 1_000}" for number in range(4_000)]

    assert len(column_of(tmp_path, *cells).categories) == 1_000


def test_few_distinct_texts_are_categories_however_few_the_rows(tmp_path: Path) -> None:
    assert column_of(tmp_path, *"abcdefghij").categories == tuple("abcdefghij")


@pytest.mark.parametrize("date", ["2026-01-{:02}", "2026/1/{}", "{}.1.2026", "2026-01-{:02}T12:00:00Z", "1/{}/2026"])
def test_dates_are_named_in_many_spellings(date: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="Column 'x' holds dates"):
        column_of(tmp_path, *(date.format(number // 4 + 1) for number in range(40)))


def test_a_continuous_column_taken_for_the_label_is_named_as_such(tmp_path: Path) -> None:
    """Without a header the first column is the label; an amount there is a common mistake."""
    rows = "".join(f"{number}.5,{number % 2}\n" for number in range(3_000))

    with pytest.raises(TableError, match=r"label column 'label' has .* values \(.*`label_column`"):
        table_of(tmp_path, rows)


def test_a_watch_may_end_the_reading(tmp_path: Path) -> None:
    def stop() -> None:
        raise Stopped("enough")

    with pytest.raises(Stopped):
        read_training(a_channel(tmp_path, a_table()), ColumnRequest(), watch=stop)


def test_another_channel_is_read_by_the_schema_of_training(tmp_path: Path) -> None:
    train = "Class,x,c,f\n0,1,b,true\n1,,a,false\n"

    table = more_of(tmp_path, train, "f,c,x,Class\nFALSE,b,7,1\n")

    assert values(table) == [[7, 1, 0]]
    assert table.rows.labels.tolist() == [1]


def test_another_channel_may_be_of_one_kind_where_training_had_more(tmp_path: Path) -> None:
    """Its own rows would make a number of the category column."""
    table = more_of(tmp_path, "Class,c\n0,10\n1,b\n0,c\n", "Class,c\n1,10\n0,10\n")

    assert values(table) == [[0], [0]]


def test_another_channel_may_have_an_own_kind_of_file(tmp_path: Path) -> None:
    like = table_of(tmp_path, "Class,x\n0,1.5\n1,2\n")
    folder = write_parquet(tmp_path / "test" / "a.parquet", pd.DataFrame({"x": [2.5], "Class": [1]}))

    assert values(read_more(folder, ColumnRequest(), like)) == [[2.5]]


def test_dropped_columns_may_be_absent_or_there_in_another_channel(tmp_path: Path) -> None:
    request = ColumnRequest(drop=("id",))
    like = table_of(tmp_path, "Class,id,x\n0,a,1\n1,b,2\n", request=request)

    for name, text in (("without", "Class,x\n1,5\n"), ("with", "Class,id,x\n1,c,5\n")):
        assert values(read_more(a_channel(tmp_path / name, text), request, like)) == [[5]]


def test_another_channel_without_a_header_has_the_label_first_too(tmp_path: Path) -> None:
    assert values(more_of(tmp_path, "0,1,2\n1,3,4\n", "1,5,6\n0,7,8\n")) == [[5, 6], [7, 8]]


@pytest.mark.parametrize(
    ("validation", "words"),
    [
        ("Class,x\n0,1\n1,2\n", "lacks the columns 'c'"),
        ("Class,x,c,d\n0,1,a,1\n", "has the columns 'd'"),
        ("0,1,a\n1,2,b\n", "has no header"),
        ("Class,x,c\n0,1,z\n", "row 1, column 'c': got 'z'"),
        ("Class,x,c\n0,1,a\n1,,a\n", "row 2, column 'x': got a missing value"),
        ("Class,x,c\n0,1,a\n1,2,\n", "row 2, column 'c': got a missing value"),
        ("Class,x,c\n0,1,a\n2,2,a\n", "row 2: the label 'Class' is '2'; expected 0 or 1"),
        ("Class,x,c\n0,y,a\n1,z,a\n", "row 1, column 'x': got 'y'"),
    ],
)
def test_what_training_did_not_have_is_refused(validation: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        more_of(tmp_path, "Class,x,c\n0,1,a\n1,2,b\n", validation)

    assert words in str(caught.value)
    assert "validation/part-0.csv" in str(caught.value)


def test_the_checksum_of_rows_changes_with_every_value_and_the_order(tmp_path: Path) -> None:
    rows = table_of(tmp_path, "Class,x\n0,1\n1,2\n").rows
    others = [
        table_of(tmp_path / str(number), text).rows
        for number, text in enumerate(("Class,x\n0,1\n1,3\n", "Class,x\n1,1\n0,2\n", "Class,x\n1,2\n0,1\n"))
    ]

    assert len({part.sha256() for part in (rows, *others)}) == 4
    assert rows.take(np.array([0, 1])).sha256() == rows.sha256()
