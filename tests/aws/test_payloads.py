"""How a table is divided into requests, and answers are put together: nothing lost, nothing too large."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from aws_stand_in import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st

CELLS = st.sampled_from(["1.5", "", "food", '"a, ""b"""', '"two\nlines"', "-3e5", "ü"])


@pytest.fixture(scope="module", autouse=True)
def payloads() -> Any:
    """Return the module, which lies where no package is."""
    sys.path.insert(0, str(REPOSITORY / "scripts/aws"))
    try:
        import payloads as module
    finally:
        sys.path.pop(0)
    return module


def divided(
    module: Any, text: bytes, form: str, *, size: int = 1 << 20, rows: int | None = None, header: str = "auto"
) -> Any:
    return list(module.bodies(io.BytesIO(text), form, module.Limits(size, rows), header=header))


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=30), st.integers(60, 200))
def test_parts_of_csv_are_whole_rows_within_the_limit(payloads: Any, table: list[tuple[str, str]], size: int) -> None:
    lines = [f"0,{','.join(row)}\n".encode() for row in table]
    parts = divided(payloads, b"".join(lines), "text/csv", size=size)
    assert b"".join(part.content for part in parts) == b"".join(lines)
    assert all(len(part.content) <= size for part in parts)
    ends = {len(b"".join(lines[:count])) for count in range(len(lines) + 1)}
    assert all(len(b"".join(p.content for p in parts[: number + 1])) in ends for number in range(len(parts)))
    assert [part.first_row for part in parts] == [1 + sum(p.rows for p in parts[:n]) for n in range(len(parts))]


def test_one_request_leaves_it_to_the_server_whether_there_is_a_header(payloads: Any) -> None:
    (part,) = divided(payloads, b"amount,hour\n1,2\n", "text/csv")
    assert (part.content, part.content_type, part.rows) == (b"amount,hour\n1,2\n", "text/csv", 1)


def test_a_header_goes_with_every_request(payloads: Any) -> None:
    parts = divided(payloads, b"\xef\xbb\xbfamount,hour\n1,2\n3,4", "text/csv", rows=1)
    assert [part.content for part in parts] == [b"amount,hour\n1,2\n", b"amount,hour\n3,4"]
    assert {part.content_type for part in parts} == {"text/csv; header=present"}


def test_a_first_line_with_a_number_is_a_row(payloads: Any) -> None:
    parts = divided(payloads, b"food,1\nfuel,2\n", "text/csv", rows=1)
    assert [(part.content, part.content_type) for part in parts] == [
        (b"food,1\n", "text/csv; header=absent"),
        (b"fuel,2\n", "text/csv; header=absent"),
    ]


def test_a_first_line_of_text_is_a_row_if_the_user_says_so(payloads: Any) -> None:
    parts = divided(payloads, b"food,x\nfuel,y\n", "text/csv", rows=1, header="absent")
    assert [part.content for part in parts] == [b"food,x\n", b"fuel,y\n"]


def test_rows_of_json_are_divided_under_their_key(payloads: Any) -> None:
    document = {"inputs": [{"amount": 0.1}, {"amount": 1e-300}, {"amount": "ü"}]}
    parts = divided(payloads, json.dumps(document).encode(), "application/json", rows=2)
    assert [json.loads(part.content) for part in parts] == [
        {"inputs": document["inputs"][:2]},
        {"inputs": document["inputs"][2:]},
    ]


def test_json_that_fits_is_sent_as_it_is(payloads: Any) -> None:
    (part,) = divided(payloads, b'{"instances" :[[1]]}', "application/json")
    assert part.content == b'{"instances" :[[1]]}'


@pytest.mark.parametrize("text", [b"[[1], [2]]", b'{"instances": [1', b'{"instances": []}'])
def test_json_of_another_shape_cannot_be_divided(payloads: Any, text: bytes) -> None:
    with pytest.raises(Exception, match="has to be divided"):
        divided(payloads, text, "application/json", rows=1)


def test_a_row_that_fits_into_no_request_is_named(payloads: Any) -> None:
    with pytest.raises(Exception, match=r"Row 2 takes 13 bytes .*; expected at most 10\."):
        divided(payloads, b"1,2\n111111,22222\n", "text/csv", size=10)


def test_blank_lines_are_no_rows(payloads: Any) -> None:
    parts = divided(payloads, b'\n{"a": 1}\n\n{"a": 2}\n', "application/jsonlines", rows=1)
    assert [part.content for part in parts] == [b'{"a": 1}\n', b'{"a": 2}\n']


def test_answers_of_lines_follow_one_another(payloads: Any) -> None:
    answers = [payloads.Answer(b"1,0.5\n", "text/csv"), payloads.Answer(b"0,0.25", "text/csv")]
    assert b"".join(payloads.joined(answers)) == b"1,0.5\n0,0.25\n"


def test_answers_of_json_become_one(payloads: Any) -> None:
    answers = [payloads.Answer(b'{"predictions":[%s]}' % row, "application/json") for row in (b'{"a":1}', b'{"a":[2]}')]
    assert b"".join(payloads.joined(answers)) == b'{"predictions":[{"a":1},{"a":[2]}]}\n'
