"""Where each input channel is.

Knows inputdataconfig.json and the folders beside it. Never knows what channels hold.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from fraud_detect.errors import TableError
from fraud_detect.sagemaker.configuration import read_object
from fraud_detect.sagemaker.layout import Layout

TRAIN, VALIDATION, TEST, REASON_CODES = "train", "validation", "test", "reason_codes"
KNOWN = (TRAIN, VALIDATION, TEST, REASON_CODES)
FIRST_EPOCH = 0

logger = logging.getLogger(__name__)


def channels(layout: Layout) -> Mapping[str, Path]:
    """Return the folder, or the named pipe, of each known channel by name; `train` is among them.

    Without inputdataconfig.json, the folders under input/data are the channels.

    Raises
    ------
    TableError
        If there is no train channel, or a declared pipe does not exist.
    """
    declared = read_object(layout.input_data_config)
    folders = sorted(path.name for path in layout.data.glob("*") if path.is_dir())
    names = list(declared) or folders
    for name in sorted({*folders} & {*KNOWN} - {*names}):
        logger.warning("%s is not used: inputdataconfig.json does not name the channel", layout.data / name)
    for name in names:
        if name not in KNOWN:
            _pass_over(name, names)
    if TRAIN not in names:
        raise TableError(
            f"There is no channel '{TRAIN}' (found: {', '.join(names) or 'none'})",
            expected=f"training data in {layout.data / TRAIN}",
            remedy=f"Put the data there, or name the channel '{TRAIN}'.",
        )
    return {name: _place(layout, name, declared.get(name)) for name in KNOWN if name in names}


def _pass_over(name: str, names: Sequence[str]) -> None:
    """Warn of a channel that is not used; raise `TableError` if its name is a misspelling of one that is."""
    meant = next((known for known in get_close_matches(name, KNOWN[1:], n=1) if known not in names), None)
    if meant is not None:
        raise TableError(f"There is a channel '{name}'", expected=f"'{meant}' to be meant", remedy="Correct its name.")
    logger.warning("channel %s is not used; known channels are %s", name, ", ".join(KNOWN))


def _place(layout: Layout, name: str, declared: object) -> Path:
    mode = declared.get("TrainingInputMode", "File") if isinstance(declared, Mapping) else "File"
    if mode != "Pipe":
        return layout.data / name
    pipe = layout.data / f"{name}_{FIRST_EPOCH}"
    if not pipe.exists():
        raise TableError(
            f"Channel '{name}' is in Pipe mode, and there is no {pipe}",
            expected="a named pipe",
            remedy="Check how the container was started, or use File mode.",
        )
    return pipe
