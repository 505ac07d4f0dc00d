"""Where a job keeps what an interrupted one goes on from.

Knows checkpointconfig.json and the folder. Never knows what is kept.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from fraud_detect.sagemaker.configuration import read_object
from fraud_detect.sagemaker.layout import Layout

logger = logging.getLogger(__name__)


def are_asked_for(layout: Layout) -> bool:
    """Return whether the job has a place for checkpoints that outlives it, as managed spot training needs one."""
    return _declared(layout) is not None


def folder(layout: Layout) -> Path | None:
    """Return the folder of checkpoints, made if there was none; None, with a warning, if it cannot be written."""
    place = _declared(layout) or layout.checkpoints
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            return place
    except OSError as error:
        logger.warning("%s cannot be written (%s): if interrupted, this starts anew", place, error.strerror)
        return None


def _declared(layout: Layout) -> Path | None:
    declared = read_object(layout.checkpoint_config).get("LocalPath")
    return Path(declared) if isinstance(declared, str) and declared else None
