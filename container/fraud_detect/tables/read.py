"""Read a channel into a table.

Knows every part of this room. Never knows SageMaker, models.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.manifest import Labels
from fraud_detect.errors import TableError
from fraud_detect.hosts import Hosts, documents, on_any, sums
from fraud_detect.schema import FLAGS, Column, ColumnKind, Schema
from fraud_detect.tables.assembly import NO_CARD, Assembly
from fraud_detect.tables.files import sources
from fraud_detect.tables.labels import classes, encode, normalise
from fraud_detect.tables.readers import Reader, check_same_columns, open_reader
from fraud_detect.tables.request import ColumnRequest, Roles, assign
from fraud_detect.tables.share import WHOLE, Head, Share, first_head, united
from fraud_detect.tables.suspicion import check_category, not_a_feature, warn
from fraud_detect.tables.table import Rows, Table

MOST_NAMES = 5  # of files in one log line

Watch = Callable[[], None]

logger = logging.getLogger(__name__)


def _no_watch() -> None:
    """Let the reading go on."""


def read_training(
    channel: Path,
    request: ColumnRequest,
    *,
    watch: Watch = _no_watch,
    share: Share = WHOLE,
    scratch: Path | None = None,
) -> Table:
    """Return the table of a training channel; its columns' kinds and categories become the schema.

    `watch` is called now and then; what it raises ends the reading. Of several hosts, each gets its `share` of the rows
    and the schema of all. The features lie in memory, or in a file in the folder `scratch`.

    Raises
    ------
    TableError
        If there is nothing to read, or the first fault found, with the file, row and column.
    """
    readers, head = _open(channel, share)
    roles = assign(head.names, head.has_header, request, head.source)
    texts = _texts(head, roles, request)
    assembly = _assemble(channel, readers, roles, request, texts, share=share, watch=watch, scratch=scratch)
    found = _Found.of(assembly, share.hosts)
    labels = classes(found.label_values, request.positive_label, roles.label)
    columns = tuple(_column(found, place, name, request) for place, name in enumerate(roles.features))
    ignored = tuple(dict.fromkeys((*roles.dropped, *filter(None, [roles.time, roles.card]))))
    schema = Schema(columns=columns, label=roles.label if head.has_header else None, ignored=ignored)
    table = Table(_rows(assembly, columns, labels, share), schema, labels, assembly.left_out_rows)
    _tell(table, roles.label, share.hosts)
    warn(columns, table.rows.features)
    return table


def _tell(table: Table, label: str, hosts: Hosts) -> None:
    kinds = [column.kind for column in table.schema.columns]
    counted = ", ".join(f"{kinds.count(kind)} {kind} columns" for kind in ColumnKind if kind in kinds)
    frauds, rows = sums(hosts, table.rows.frauds, len(table.rows))
    logger.info("label '%s': %s frauds of %s rows; %s", label, f"{frauds:,}", f"{rows:,}", counted)


def read_more(
    channel: Path, request: ColumnRequest, like: Table, *, watch: Watch = _no_watch, share: Share = WHOLE
) -> Table:
    """Return the table of a validation or test channel, in the schema of the training table `like`.

    Raises
    ------
    TableError
        As `read_training`, and if a column is absent, or a category or missing value is one that training did not have.
    """
    readers, head = _open(channel, share)
    roles = _roles_like(head, request, like)
    texts = frozenset(column.name for column in like.schema.columns if column.kind is not ColumnKind.NUMBER)
    scratch = like.rows.scratch
    assembly = _assemble(channel, readers, roles, request, texts, share=share, watch=watch, scratch=scratch)
    rows = _rows(assembly, like.schema.columns, like.labels, share)
    _check_missing(assembly, like.schema.columns)
    return Table(rows, like.schema, like.labels, assembly.left_out_rows)


def _open(channel: Path, share: Share) -> tuple[list[Reader], Head]:
    """Return this host's readers, and the head of the first file of all hosts, which all files must be like."""
    readers = [open_reader(source) for source in sources(channel)] if share.has_files else []
    heads = [Head(str(reader.source), reader.names, reader.has_header, reader.kinds) for reader in readers]
    first = first_head(share.hosts, heads[0] if heads else None)
    for head in heads:
        check_same_columns(first, head)
    return readers, first


@dataclass(frozen=True)
class _Found:
    """What the columns hold, on all hosts: texts by column, whether values are missing, and the labels' values."""

    rows: int
    texts: Mapping[str, Sequence[str]]
    missing: Sequence[bool]
    label_values: Sequence[Any]

    @classmethod
    def of(cls, assembly: Assembly, hosts: Hosts) -> _Found:
        texts = documents(hosts, {name: words.texts for name, words in assembly.vocabularies.items()})
        labels = united(documents(hosts, assembly.label_vocabulary.texts))
        return cls(
            rows=sums(hosts, assembly.rows)[0],
            texts={name: united(each[name] for each in texts) for name in assembly.vocabularies},
            missing=on_any(hosts, *(bool(np.isnan(values).any()) for values in assembly.matrix.T)),
            label_values=[normalise(text) for text in labels],
        )


def _roles_like(head: Head, request: ColumnRequest, like: Table) -> Roles:
    """Return the training table's parts for the columns of another channel."""
    names = head.names
    label = names[0] if like.schema.label is None else like.schema.label
    if head.has_header is (like.schema.label is None):
        raise TableError(
            f"{head.source} has {'a' if head.has_header else 'no'} header",
            expected="the same as in the train channel",
            remedy="Write the files of all channels in the same way.",
        )
    known = set(names)
    absent = [
        name for name in (label, *like.schema.names, *filter(None, [request.time, request.card])) if name not in known
    ]
    unknown = [name for name in names if name != label and name not in like.schema.known_names]
    if absent or unknown:
        shown = ", ".join(f"'{name}'" for name in (absent or unknown)[:8])
        raise TableError(
            f"{head.source} {'lacks' if absent else 'has'} the columns {shown}",
            expected="the columns of the train channel",
            remedy="Make all channels from the same table.",
        )
    return Roles(label, like.schema.names, request.time, card=request.card)


def _texts(head: Head, roles: Roles, request: ColumnRequest) -> frozenset[str]:
    """Return the features that are read as text. Raises if one is of a type that is no feature, such as a date."""
    for name in roles.features:
        if head.kinds[name] is None:
            raise not_a_feature(name, "is neither a number, a flag nor text (a time?)", time=roles.time)
    return frozenset(
        name for name in roles.features if head.kinds[name] is not ColumnKind.NUMBER or name in request.categories
    )


def _assemble(
    channel: Path,
    readers: Sequence[Reader],
    roles: Roles,
    request: ColumnRequest,
    texts: frozenset[str],
    *,
    share: Share,
    watch: Watch,
    scratch: Path | None,
) -> Assembly:
    assembly = Assembly(roles, texts, sum(reader.expected_rows for reader in readers), share, scratch)
    add = assembly.add_labelled if request.unlabelled_left_out else assembly.add
    for reader in readers:
        assembly.begin(reader.source)
        for frame in reader.frames(roles, texts):
            add(frame)
            watch()
    rows, left_out = sums(share.hosts, assembly.rows, assembly.left_out_rows)
    if rows == 0:
        raise _no_rows(readers[0].source.path.parent if readers else channel, left_out, roles.label)
    logger.info("read %s rows from %s", f"{assembly.rows:,}", _shown([str(reader.source) for reader in readers]))
    if assembly.left_out_rows:
        logger.info("left out %s more, which have no label '%s'", f"{assembly.left_out_rows:,}", roles.label)
    return assembly


def _shown(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f", and {more:,} more" if more > 0 else "")


def _no_rows(folder: Path, left_out_rows: int, label: str) -> TableError:
    if left_out_rows:
        return TableError(
            f"None of the {left_out_rows:,} rows in {folder} has a label '{label}'",
            expected="rows with a label",
            remedy="Add rows whose label is known; the setting `missing_labels` leaves the others out.",
        )
    return TableError(f"The files in {folder} have no rows", expected="at least one row", remedy="Put the data there.")


def _label_values(assembly: Assembly) -> list[int | bool | str]:
    return [normalise(text) for text in assembly.label_vocabulary.texts]


def _rows(assembly: Assembly, columns: Sequence[Column], labels: Labels, share: Share) -> Rows:
    for place, column in enumerate(columns):
        if column.kind is not ColumnKind.NUMBER:
            _recode(assembly, place, column)
    encoded, unfit = encode(assembly.label_codes, _label_values(assembly), labels)
    if unfit.any():
        raise _unfit_label(assembly, unfit, labels)
    numbers = share.numbered(assembly.numbers, assembly.read_from())
    return Rows(assembly.matrix, encoded, _times(assembly), _cards(assembly), numbers, assembly.scratch)


def _unfit_label(assembly: Assembly, unfit: NDArray[np.bool_], labels: Labels) -> TableError:
    """Return the error for the first of the rows whose label is neither class; `unfit` is bool, shape (n,)."""
    row, codes = int(np.argmax(unfit)), assembly.label_codes
    where, missing = f"{assembly.locate(row)}: the label '{assembly.roles.label}'", int(np.isnan(codes).sum())
    expected = f"{labels.negative} or {labels.positive}"
    if not np.isnan(codes[row]):
        got = f"{where} is {assembly.label_vocabulary.texts[int(codes[row])][:60]!r}"
        return TableError(got, expected=expected, remedy="Correct the label or leave the row out.")
    return TableError(
        f"{where} is missing" + (f" ({missing:,} rows have none)" if missing > 1 else ""),
        expected=expected,
        remedy="Add the label, or set the hyperparameter `missing_labels` to leave_out to do without such rows.",
    )


def _times(assembly: Assembly) -> NDArray[np.float64] | None:
    times = assembly.times
    if times is not None and not np.isfinite(times).all():
        row = int(np.argmin(np.isfinite(times)))
        raise TableError(
            f"{assembly.locate(row)}: the time '{assembly.roles.time}' is missing or unreadable",
            expected="a number, or a time such as 2026-01-31 23:59:59",
            remedy="Correct the time or leave the row out.",
        )
    return times


def _cards(assembly: Assembly) -> NDArray[np.uint64] | None:
    cards = assembly.cards
    if cards is not None and (cards == NO_CARD).any():
        raise TableError(
            f"{assembly.locate(int(np.argmax(cards == NO_CARD)))}: the card '{assembly.roles.card}' is missing",
            expected="the number or text that names a card",
            remedy="Correct it, leave the row out, or do without `card_column`.",
        )
    return cards


def _column(found: _Found, place: int, name: str, request: ColumnRequest) -> Column:
    """Return the schema of one feature, as its values have it."""
    missing = found.missing[place]
    texts = found.texts.get(name)
    if texts is None:
        return Column(name=name, missing_allowed=missing)
    if name not in request.categories and texts and all(text.lower() in FLAGS for text in texts):
        return Column(name=name, kind=ColumnKind.FLAG, missing_allowed=missing)
    check_category(name, texts, found.rows, time=request.time)
    return Column(
        name=name,
        kind=ColumnKind.CATEGORY,
        categories=tuple(sorted(texts)),
        missing_allowed=missing or request.unseen_as_missing,
        unseen_as_missing=request.unseen_as_missing,
    )


def _recode(assembly: Assembly, place: int, column: Column) -> None:
    """Replace the provisional codes of a text column by those of the schema, in place."""
    texts = assembly.vocabularies[column.name].texts
    codes = [FLAGS.get(text.lower()) if column.kind is ColumnKind.FLAG else column.codes.get(text) for text in texts]
    values = assembly.matrix[:, place]
    if column.unseen_as_missing:
        codes = [np.nan if code is None else code for code in codes]
    if None in codes:
        strange = codes.index(None)
        where = assembly.locate(int(np.argmax(values == strange)))
        raise _unlike(f"{where}, column '{column.name}': got {texts[strange]!r}", column)
    table = np.array([*codes, np.nan], dtype=np.float32)
    assembly.matrix[:, place] = table[np.where(np.isnan(values), len(texts), values).astype(np.intp)]


def _check_missing(assembly: Assembly, columns: Sequence[Column]) -> None:
    for place, column in enumerate(columns):
        absent = np.isnan(assembly.matrix[:, place])
        if not column.missing_allowed and absent.any():
            where = assembly.locate(int(np.argmax(absent)))
            raise _unlike(f"{where}, column '{column.name}': got a missing value", column)


def _unlike(got: str, column: Column) -> TableError:
    return TableError(
        got,
        expected=f"{column.expectation()}, as in the train channel; the model would refuse such a row",
        remedy="Add such rows to the train channel, or leave them out here.",
    )
