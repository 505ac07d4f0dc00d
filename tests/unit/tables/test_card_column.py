"""The card column groups rows by whoever they belong to; it is no feature."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from fraud_detect.errors import TableError
from fraud_detect.tables.read import read_more, read_training
from fraud_detect.tables.request import ColumnRequest
from fraud_detect.tables.table import Table
from training_factories import Content, a_channel

REQUEST = ColumnRequest(card="card")


def table_of(folder: Path, *contents: Content) -> Table:
    return read_training(a_channel(folder / "train", *contents), REQUEST)


def csv_of(*cards: object) -> str:
    return "Class,card,x\n" + "".join(f"{number % 2},{card},{number}.5\n" for number, card in enumerate(cards))


def numbers(table: Table) -> list[int]:
    assert table.rows.cards is not None
    return table.rows.cards.tolist()


def parquet_of(folder: Path, cards: pd.Series) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame({"Class": [0, 1] * (len(cards) // 2), "card": cards, "x": 1.5})
    duckdb.from_df(frame).write_parquet(str(folder / "part.parquet"))
    return folder


@pytest.mark.parametrize(
    "cards", [["7", "12", "7", "12"], ["Zoé", "张伟", "Zoé", "张伟"], ['"a,b"', "a", '"a,b"', "a"]]
)
def test_rows_of_one_card_have_one_number_and_others_another(cards: list[str], tmp_path: Path) -> None:
    first, second, third, fourth = numbers(table_of(tmp_path, csv_of(*cards)))

    assert (first, second) == (third, fourth)
    assert first != second


def test_a_card_has_the_same_number_in_every_file_and_channel(tmp_path: Path) -> None:
    table = table_of(tmp_path, csv_of("a", "b"), csv_of("b", "c"))

    more = read_more(a_channel(tmp_path / "test", csv_of("c", "a")), REQUEST, table)

    a, b, again, c = numbers(table)
    assert b == again
    assert numbers(more) == [c, a]


@pytest.mark.parametrize("cards", [pd.Series([7, 12]), pd.Series([7.0, 12.0]), pd.Series(["7", "12"])])
def test_a_whole_number_is_one_card_however_it_is_stored(cards: pd.Series, tmp_path: Path) -> None:
    stored = read_training(parquet_of(tmp_path / "parquet", cards), REQUEST)

    assert numbers(stored) == numbers(table_of(tmp_path, csv_of("7", "12")))


def test_a_leading_nought_makes_another_card(tmp_path: Path) -> None:
    first, second = numbers(table_of(tmp_path, csv_of("007", "7")))

    assert first != second


def test_the_card_is_no_feature_and_known_to_the_schema(tmp_path: Path) -> None:
    table = table_of(tmp_path, csv_of("a", "b"))

    assert (table.schema.names, table.schema.ignored) == (("x",), ("card",))


def test_without_a_card_column_there_are_no_cards(tmp_path: Path) -> None:
    assert read_training(a_channel(tmp_path, csv_of(1, 2)), ColumnRequest()).rows.cards is None


@pytest.mark.parametrize("cell", ["", "NA"])
def test_a_missing_card_is_named_by_its_row(cell: str, tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        table_of(tmp_path, csv_of("a", "b", cell, "c"))

    assert caught.value.got == "train/part-0.csv, row 3: the card 'card' is missing"


def test_a_channel_without_the_card_column_is_refused(tmp_path: Path) -> None:
    table = table_of(tmp_path, csv_of("a", "b"))

    with pytest.raises(TableError, match="lacks the columns 'card'"):
        read_more(a_channel(tmp_path / "test", "Class,x\n0,1\n"), REQUEST, table)


def test_a_card_column_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"no column 'card' \(did you mean 'cards'\?\) for `card_column`"):
        table_of(tmp_path, "Class,cards,x\n0,a,1\n1,b,2\n")


@pytest.mark.parametrize("request_", [ColumnRequest(card="Class"), ColumnRequest(card="when", time="when")])
def test_a_column_plays_one_part(request_: ColumnRequest, tmp_path: Path) -> None:
    channel = a_channel(tmp_path, "Class,when,x\n0,1,1\n1,2,2\n")

    with pytest.raises(TableError, match=r"is `.*_column` and `card_column`; expected another column for each"):
        read_training(channel, request_)


def test_a_view_of_rows_keeps_cards_and_copies_nothing(tmp_path: Path) -> None:
    rows = table_of(tmp_path, csv_of("a", "b", "c")).rows

    view = rows.between(1, 3)

    assert view.cards is not None
    assert view.cards.tolist() == numbers(table_of(tmp_path, csv_of("a", "b", "c")))[1:]
    assert view.features.base is not None
    assert view.features.tolist() == [[1.5], [2.5]]
