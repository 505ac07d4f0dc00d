"""Reason codes are read strictly: a slip of the pen is found in training, not by the reader of an explanation."""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Thread

import pytest

from factories import a_number, a_schema
from fraud_detect.errors import ArtifactError
from fraud_detect.explain.reason_codes import MOST_BYTES, MOST_CHARACTERS, REASON_CODES, parse, read, write

SCHEMA = a_schema(a_number("amount"), a_number("hour"), ignored=("customer",))


def test_texts_come_by_feature() -> None:
    assert parse(b'{"amount": "High amount", "hour": "Unusual hour"}', SCHEMA) == {
        "amount": "High amount",
        "hour": "Unusual hour",
    }


@pytest.mark.parametrize(
    "text", [b"{}", b'{"customer": "dropped in this training"}', b'\xef\xbb\xbf{"hour": "\xc3\x89t\xc3\xa9"}']
)
def test_codes_may_be_few_or_of_ignored_columns_or_behind_a_byte_order_mark(text: bytes) -> None:
    assert parse(text, SCHEMA) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "it is no JSON"),
        (b"{", "it is no JSON"),
        (b'{"amount": "\xff"}', "it is no JSON .*utf-8"),
        (b"[" * 100_000, "it is no JSON"),
        (b'["amount"]', "it holds a list; expected a JSON object"),
        (b'{"amount": 1}', "no text stands for amount; expected texts of 1 to 200"),
        (b'{"amount": null, "hour": "  "}', "no text stands for amount, hour"),
        (b'{"amount": {"en": "High"}}', "no text stands for amount"),
        (b'{"amount": "\\ud800"}', "no text stands for amount"),
        (json.dumps({"hour": "x" * (MOST_CHARACTERS + 1)}).encode(), "no text stands for hour"),
        (b'{"amount": "a", "hour": "b", "amount": "c"}', "features stand twice: amount"),
        (b'{"amuont": "a"}', r"unknown features: 'amuont' \(did you mean 'amount'\?\)"),
        (b'{"zzz": "a", "hours": "b"}', r"unknown features: 'hours' \(did you mean 'hour'\?\), 'zzz';"),
        (b'{"is_fraud": "the label"}', "unknown features: 'is_fraud'"),
        (json.dumps({f"x{n}": "a" for n in range(20)}).encode(), "and 12 more"),
        (b" " * (MOST_BYTES + 1), "it is too long"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_name(text: bytes, words: str) -> None:
    with pytest.raises(ArtifactError, match=rf"reason_codes\.json cannot be used: .*{words}.*Correct the file"):
        parse(text, SCHEMA)


def test_what_is_written_is_read_alike() -> None:
    codes = {"amount": 'Höher als "üblich"', "hour": "spät\u00a0nachts"}

    assert parse(write(codes), SCHEMA) == codes


def test_codes_lie_in_a_file_of_their_channel(tmp_path: Path) -> None:
    (tmp_path / REASON_CODES).write_text('{"hour": "Late"}')

    assert read(tmp_path, SCHEMA) == {"hour": "Late"}


def test_codes_may_come_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "reason_codes_0"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=['{"hour": "Late"}'])
    writer.start()

    assert read(pipe, SCHEMA) == {"hour": "Late"}
    writer.join()


@pytest.mark.parametrize("folder", ["", "absent"])
def test_a_channel_without_the_file_is_refused(folder: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"there is no .*reason_codes\.json; expected the file there"):
        read(tmp_path / folder, SCHEMA)
