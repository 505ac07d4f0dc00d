"""Content-Type and Accept are read as RFC 9110 has them, and choose a codec."""

from __future__ import annotations

import pytest

from fraud_detect.codecs.media_types import CSV, JSON, JSON_LINES, MediaType, parse, preferred
from fraud_detect.codecs.table import reader_of, writer_of
from fraud_detect.errors import NotAcceptable, UnsupportedMediaType


@pytest.mark.parametrize(
    ("header", "name", "parameters"),
    [
        ("text/csv", "text/csv", {}),
        ("Text/CSV", "text/csv", {}),
        ("text/csv; charset=utf-8", "text/csv", {"charset": "utf-8"}),
        ('text/csv;Charset="UTF-8" ; header=present', "text/csv", {"charset": "UTF-8", "header": "present"}),
        ("", "", {}),
    ],
)
def test_a_header_is_a_lower_case_name_and_parameters(header: str, name: str, parameters: dict[str, str]) -> None:
    assert parse(header) == MediaType(name, parameters)


@pytest.mark.parametrize(
    ("quality", "weight"), [("0.5", 0.5), ("0", 0.0), ("7", 1.0), ("-1", 0.0), ("much", 1.0), (None, 1.0)]
)
def test_a_weight_is_within_0_and_1_and_1_where_it_is_unreadable(quality: str | None, weight: float) -> None:
    assert parse("text/csv" if quality is None else f"text/csv;q={quality}").quality == weight


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "a/b"),
        ("*/*", "a/b"),
        ("c/*", "c/d"),
        ("c/d", "c/d"),
        ("a/b;q=0.5, c/d", "c/d"),
        ("a/b, c/d", "a/b"),
        ("*/*;q=0.5, a/b;q=0.1", "c/d"),
        ("*/*, a/b;q=0", "c/d"),
        ("c/*;q=0.2, */*;q=0.1", "c/d"),
        ("x/y", None),
        ("a/b;q=0", None),
        (",", None),
    ],
)
def test_the_most_specific_range_weighs_and_the_earlier_offer_wins_a_tie(accept: str, chosen: str | None) -> None:
    found = preferred(accept, ("a/b", "c/d"))

    assert (found.name if found else None) == chosen


@pytest.mark.parametrize(
    ("content_type", "codec"),
    [
        ("", CSV),
        ("*/*", CSV),
        ("text/csv", CSV),
        ("text/csv; charset=utf8", CSV),
        ("application/json", JSON),
        ("application/json; charset=UTF-8", JSON),
        ("application/jsonlines", JSON_LINES),
        ("application/x-ndjson", JSON_LINES),
    ],
)
def test_a_request_is_read_by_the_codec_of_its_type(content_type: str, codec: str) -> None:
    assert reader_of(content_type).name == codec


@pytest.mark.parametrize("content_type", ["text/html", "csv", "application/x-parquets"])
def test_an_unknown_type_is_refused_with_the_known_ones(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="text/csv, application/json, application/jsonlines"):
        reader_of(content_type)


def test_another_charset_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType, match=r"latin-1.*utf-8"):
        reader_of("text/csv; charset=latin-1")


@pytest.mark.parametrize(
    ("accept", "codec"),
    [("", JSON), ("*/*", JSON), ("text/csv", CSV), ("text/*", CSV), ("application/jsonl", JSON_LINES)],
)
def test_an_answer_is_written_as_accept_says_or_as_the_request_came(accept: str, codec: str) -> None:
    assert writer_of(accept, JSON).name == codec


def test_an_answer_that_nobody_writes_is_refused() -> None:
    with pytest.raises(NotAcceptable, match="Accept is 'text/html'"):
        writer_of("text/html", CSV)
