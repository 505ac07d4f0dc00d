"""A Parquet body that lies, is damaged or unpacks to too much is a 4xx, in bounded memory and time."""

from __future__ import annotations

import gzip
import random
import resource
import struct
import time

import pytest

from factories import a_category, a_flag, a_number, a_schema
from fraud_detect.codecs import parquet_engine, parquet_footer, thrift
from fraud_detect.codecs.parquet import decode
from fraud_detect.codecs.thrift import BINARY, I32, I64, LIST, STRUCT, Field
from fraud_detect.errors import BadRequest, PayloadTooLarge, RequestError
from parquet_factories import (
    DICTIONARY_ENCODED,
    GZIP,
    TEXT,
    a_dictionary_page,
    a_forged_parquet,
    a_page,
    a_parquet,
    with_footer,
)

ONE = a_schema(a_number("amount"))
THREE = struct.pack("<3d", 1, 2, 3)
MIXED = a_schema(
    a_number("x", missing_allowed=True),
    a_number("d"),
    a_flag("f", missing_allowed=True),
    a_category("c", ["5411", "a", "food"], missing_allowed=True),
)
MIXED_QUERY = """
    SELECT nullif(i % 7, 0) / 8 AS x, (i % 50 / 4)::DECIMAL(9,2) AS d, nullif(i % 5, 0) % 2 = 0 AS f,
           ['a', 'food', '5411', NULL][i % 4 + 1] AS c, i % 2 AS is_fraud
    FROM range({rows}) t(i)
"""
FUZZED = 1_200


def refusal(body: bytes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        decode(body, ONE, {})
    return caught.value


def megabytes() -> float:
    """Return the most memory that this process has taken so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("body", [b"PAR1", b"PAR1PAR1", b"amount\n1\n", b"\x00" * 100, b"PAR1" + b"x" * 100])
def test_what_is_not_parquet_is_said_so(body: bytes) -> None:
    assert refusal(body).got == "The body does not begin and end as Parquet does"


@pytest.mark.parametrize("filler", [b"", b"\x00", b"\xff", b"\x15\x02\x19"])
def test_garbage_between_the_marks_is_damaged(filler: bytes) -> None:
    assert refusal(with_footer(b"PAR1", filler * 40)).got.startswith("The body is damaged Parquet")


def test_a_body_cut_off_anywhere_is_refused() -> None:
    body = a_parquet("SELECT 1 AS amount")

    for end in range(len(body)):
        with pytest.raises(BadRequest):
            decode(body[:end], ONE, {})


def test_an_encrypted_body_is_said_so() -> None:
    body = a_parquet("SELECT 1 AS amount").replace(b"PAR1", b"PARE")

    assert refusal(body).got == "The body is encrypted Parquet"


def test_an_encrypted_body_under_a_plain_footer_is_said_so() -> None:
    footer = {
        1: Field(I32, 1),
        2: Field(LIST, [{4: Field(BINARY, b"root"), 5: Field(I32, 0)}]),
        4: Field(LIST, []),
        8: Field(STRUCT, {}),
    }

    assert refusal(with_footer(b"PAR1", thrift.write(footer))).got == "The body is encrypted Parquet"


@pytest.mark.parametrize("claimed", [50_000_000, 2**31 - 1, 2**32 + 1, 2**63])
@pytest.mark.parametrize("start", [b"\x15\x02\x19", b"\x15\x02\x29", b"\x15\x02\x19\x0c\x29"])
def test_a_list_that_claims_many_elements_takes_no_memory(start: bytes, claimed: int) -> None:
    """The engine itself takes 430 bytes for each of them at once: 21 GB for a body of 44 bytes."""
    before = megabytes()

    error = refusal(with_footer(b"PAR1", start + b"\xfc" + varint(claimed) + b"\x00" * 20))

    assert error.got.startswith("The body is damaged Parquet (its footer cannot be read")
    assert megabytes() - before < 10


def varint(value: int) -> bytes:
    digits = [value >> shift & 127 for shift in range(0, max(1, value.bit_length()), 7)]
    return bytes([*(digit | 128 for digit in digits[:-1]), digits[-1]])


def test_a_list_of_another_type_hides_no_claim_from_the_engine() -> None:
    """Thrift's own reader takes whatever stands there for what should; only what was understood is passed on."""
    element = thrift.write({4: Field(BINARY, b"root"), 5: Field(I32, 1)})
    footer = b"\x15\x02\x19" + bytes([len(element) << 4 | 3]) + element + b"\x29\xfc" + varint(10**8) + b"\x00"

    assert "damaged" in refusal(with_footer(b"PAR1", footer)).got


@pytest.mark.parametrize("depth", [40, 5_000, 100_000])
@pytest.mark.parametrize("opening", [b"\x9c", b"\x99\x1c", b"\x99\x19", b"\x9b\x01\xcc"])
def test_deep_nesting_is_refused(opening: bytes, depth: int) -> None:
    assert "damaged" in refusal(with_footer(b"PAR1", opening * depth + b"\x00" * depth)).got


@pytest.mark.parametrize("depth", [1, 100, 10_000])
def test_nested_columns_are_walked_without_recursion(depth: int) -> None:
    group = {3: Field(I32, 0), 4: Field(BINARY, b"amount"), 5: Field(I32, 1)}
    leaf = {1: Field(I32, 5), 4: Field(BINARY, b"x")}
    footer = {1: Field(I32, 1), 2: Field(LIST, [group] * (depth + 1) + [leaf]), 4: Field(LIST, [])}

    error = refusal(with_footer(b"PAR1", thrift.write(footer)))

    assert error.got == "Column 'amount' has the Parquet type lists or structs"


@pytest.mark.parametrize("elements", [0, 2, 2**31 - 1, -1])
def test_a_wrong_number_of_columns_is_refused(elements: int) -> None:
    error = refusal(a_forged_parquet(a_page(THREE, 3), 3, elements=elements))

    assert "damaged" in error.got


def test_a_footer_of_many_megabytes_is_refused() -> None:
    error = refusal(with_footer(b"PAR1", b"\x00" * (parquet_footer.MOST_FOOTER_BYTES + 1)))

    assert isinstance(error, PayloadTooLarge)
    assert error.got == "The Parquet footer takes 4194305 bytes"


@pytest.mark.parametrize("rows", [13_000_000, 2**31 - 1, 2**62])
def test_rows_beyond_the_limit_are_refused_by_the_footer_alone(rows: int) -> None:
    error = refusal(a_forged_parquet(a_page(THREE, 3), rows))

    assert isinstance(error, PayloadTooLarge)
    assert error.got == f"The Parquet body has {rows} rows of 1 features"


@pytest.mark.parametrize("rows", [-1, -(2**62)])
def test_rows_fewer_than_none_are_refused(rows: int) -> None:
    assert "damaged" in refusal(a_forged_parquet(a_page(THREE, 3), rows)).got


def test_fewer_values_than_the_footer_claims_are_damaged() -> None:
    error = refusal(a_forged_parquet(a_page(THREE, 3), 30))

    assert error.got == "The body is damaged Parquet (its data cannot be read)"


@pytest.mark.parametrize("offset", [-1, 0, 10**6, 2**62])
def test_data_elsewhere_is_damaged(offset: int) -> None:
    assert "damaged" in refusal(a_forged_parquet(a_page(THREE, 3), 3, metadata={9: Field(I64, offset)})).got


@pytest.mark.parametrize("values", [0, 1000, 2**31 - 1, -1])
def test_a_dictionary_that_lies_about_its_size_is_damaged(values: int) -> None:
    pages = a_dictionary_page(THREE, values) + a_page(b"\x02\x06\x02", 3, encoding=DICTIONARY_ENCODED)

    assert "damaged" in refusal(a_forged_parquet(pages, 3, metadata={11: Field(I64, 4)})).got


@pytest.mark.parametrize("size", [2**31 - 1, 300_000_000])
def test_a_page_that_claims_to_unpack_to_much_is_refused_without_the_memory(size: int) -> None:
    before = megabytes()
    pages = a_page(gzip.compress(THREE), 3, size=size)

    error = refusal(a_forged_parquet(pages, 3, metadata={4: Field(I32, GZIP)}))

    assert isinstance(error, PayloadTooLarge)
    assert error.got == "The Parquet body needs more than 256 MB to unpack"
    assert megabytes() - before < 50


def test_reading_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of 16 MB of zeros, packed to 16 kB, stands in every row group: 16 GB to unpack."""
    monkeypatch.setattr(parquet_engine, "DECODE_SECONDS", 0.2)
    pages = a_page(gzip.compress(bytes(1 << 24)), 1 << 21, size=1 << 24)
    body = a_forged_parquet(pages, 3, metadata={4: Field(I32, GZIP)}, groups=1000)

    start = time.monotonic()
    error = refusal(body)

    assert error.got == "The Parquet body takes more than 0.2 seconds to read"
    assert time.monotonic() - start < 5
    assert decode(a_forged_parquet(a_page(THREE, 3), 3), ONE, {}).tolist() == [[1], [2], [3]]


def test_a_long_text_that_stands_in_every_row_is_not_copied_into_each() -> None:
    text = b"x" * 1_000_000
    rows = 100_000
    run = varint(rows << 1)
    dictionary = a_dictionary_page(struct.pack("<I", len(text)) + text, 1)
    pages = dictionary + a_page(b"\x01" + run + b"\x00", rows, encoding=DICTIONARY_ENCODED)
    body = a_forged_parquet(pages, rows, kind=TEXT, metadata={11: Field(I64, 4)})
    before = megabytes()

    with pytest.raises(BadRequest, match="Row 1, column 'amount': got 'xxx"):
        decode(body, a_schema(a_category("amount")), {})

    assert megabytes() - before < 100


def test_text_that_is_not_utf_8_is_refused() -> None:
    page = a_page(struct.pack("<I", 3) + b"a\xff\xfe", 1)

    with pytest.raises(BadRequest, match="damaged"):
        decode(a_forged_parquet(page, 1, kind=TEXT), a_schema(a_category("amount")), {})


def test_a_footer_cannot_send_the_engine_to_another_file() -> None:
    """The path of a column chunk, which a reader may follow, is not passed on."""
    body = a_forged_parquet(a_page(THREE, 3), 3, chunk={1: Field(BINARY, b"/etc/passwd")})
    footer = parquet_footer.read_footer(body)

    assert decode(body, ONE, {}).tolist() == [[1], [2], [3]]
    assert b"passwd" in body
    assert b"passwd" not in footer.only([leaf for leaf in footer.leaves if leaf])


def test_the_engine_opens_nothing_but_the_body() -> None:
    engine = parquet_engine.engine()

    for query in ("FROM read_csv('/etc/hostname')", "ATTACH '/tmp/x.db'", "INSTALL httpfs", "SET threads = 2"):
        with pytest.raises(BadRequest, match="cannot be read"), engine.holding(b""):
            engine._run(query)


@pytest.mark.parametrize("version", ["V1", "V2"])
@pytest.mark.parametrize("compression", ["uncompressed", "snappy", "zstd"])
def test_damage_of_any_kind_is_a_4xx_and_never_kills_the_process(compression: str, version: str) -> None:
    rng = random.Random(f"{compression} {version}")  # noqa: S311  # not for secrets
    options = f"compression {compression}, parquet_version {version}"
    bodies = [a_parquet(MIXED_QUERY.format(rows=rows), options) for rows in (30, 2100)]
    before = megabytes()

    for _ in range(FUZZED // 6):
        try:
            matrix = decode(damaged(rng.choice(bodies), rng), MIXED, {})
        except RequestError:
            continue
        assert matrix.shape[1] == 4

    assert megabytes() - before < 200


def damaged(body: bytes, rng: random.Random) -> bytes:
    """Return `body` with some bytes changed, in its data, its footer, or both."""
    content = bytearray(body)
    footer = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    first, last = rng.choice([(4, footer), (footer, len(body) - 8), (0, len(body))])
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        content[rng.randrange(first, last)] = rng.choice([rng.randrange(256), 0, 127, 128, 255])
    return bytes(content)
