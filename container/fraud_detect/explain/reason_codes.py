"""Reason codes: for some features, the text that people read instead of the feature's name.

Knows the file's format and the schema. Never knows contributions, channels, the artifact.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from fraud_detect.errors import ArtifactError
from fraud_detect.schema import Schema

REASON_CODES = "reason_codes.json"
MOST_BYTES = 1 << 20
MOST_CHARACTERS = 200
"""Of one text: each row of an answer may repeat several."""
FAULTS_SHOWN = 8


def read(place: Path, schema: Schema) -> Mapping[str, str]:
    """Return the reason codes in the folder `place`, or in the file or named pipe `place`; errors as of `parse`."""
    path = place / REASON_CODES if place.is_dir() or not place.exists() else place
    try:
        with path.open("rb") as file:
            return parse(file.read(MOST_BYTES + 1), schema)
    except FileNotFoundError:
        raise _fault(f"there is no {path}", "the file there") from None


def parse(text: bytes, schema: Schema) -> Mapping[str, str]:
    """Return the reason code of each feature that has one.

    Raises
    ------
    ArtifactError
        If `text` is no JSON object from features of `schema`, or columns that it ignores, to texts; naming them.
    """
    if len(text) > MOST_BYTES:
        raise _fault("it is too long", f"at most {MOST_BYTES} bytes")
    try:
        document = json.loads(text.decode("utf-8-sig"), object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise _fault(f"it is no JSON ({error})", "a JSON object in UTF-8") from None
    if not isinstance(document, dict):
        raise _fault(f"it holds a {type(document).__name__}", "a JSON object from features to texts")
    if faulty := [name for name, code in document.items() if not _is_text(code)]:
        raise _fault(f"no text stands for {_listed(faulty)}", f"texts of 1 to {MOST_CHARACTERS} characters")
    known = [*schema.names, *schema.ignored]
    if unknown := [_with_hint(name, known) for name in document.keys() - set(known)]:
        raise _fault(f"it names unknown features: {_listed(sorted(unknown))}", "features of the training table")
    return document


def write(codes: Mapping[str, str]) -> bytes:
    """Return `codes` as the content of `REASON_CODES`."""
    return (json.dumps(codes, indent=2, ensure_ascii=False) + "\n").encode()


def _once_each(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    if twice := [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]:
        raise _fault(f"features stand twice: {_listed(twice)}", "each once")
    return dict(pairs)


def _is_text(code: object) -> bool:
    """Return whether `code` is a text that can be shown: not blank, not long, and without halves of characters."""
    return (
        isinstance(code, str)
        and 0 < len(code.strip()) <= len(code) <= MOST_CHARACTERS
        and code.encode(errors="replace").decode() == code
    )


def _with_hint(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name[:MOST_CHARACTERS], known, n=1)
    return f"{_shown(name)} (did you mean {_shown(close[0])}?)" if close else _shown(name)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - FAULTS_SHOWN} more" if len(names) > FAULTS_SHOWN else ""
    return ", ".join(names[:FAULTS_SHOWN]) + more


def _shown(name: str) -> str:
    return f"'{name[:60]}'"


def _fault(got: str, expected: str) -> ArtifactError:
    return ArtifactError(
        f"{REASON_CODES} cannot be used: {got}",
        expected=expected,
        remedy="Correct the file and train again, or train without it.",
    )
