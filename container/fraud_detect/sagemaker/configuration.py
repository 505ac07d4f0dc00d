"""Read the JSON files under input/config.

Knows JSON. Never knows what hyperparameters mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fraud_detect.errors import SettingError


def read_object(path: Path) -> Mapping[str, Any]:
    """Return the JSON object in `path`, empty if there is no such file.

    Raises
    ------
    SettingError
        If the file cannot be read or holds something else.
    """
    if path.exists() and not path.is_file():
        raise _wrong(path, "is not a regular file")
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(path, f"cannot be read ({error})") from error
    if not isinstance(document, dict):
        raise _wrong(path, f"holds a {type(document).__name__}")
    return document


def _wrong(path: Path, what: str) -> SettingError:
    return SettingError(f"{path} {what}", expected="a JSON object", remedy="Correct the file.")
