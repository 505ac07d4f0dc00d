"""The checkpoints of `train`: whether there are any, where they are, and what is said of them.

Knows the training contract. Never knows what a checkpoint holds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from fraud_detect.sagemaker import checkpoints
from fraud_detect.sagemaker.layout import Layout
from fraud_detect.training.checkpoints import Checkpoints, opened
from fraud_detect.training.parameters import CHECKPOINT_ROUNDS, Hyperparameters

logger = logging.getLogger(__name__)


def checkpoints_of(
    layout: Layout, parameters: Hyperparameters, identity: Callable[[], Mapping[str, Any]]
) -> Checkpoints | None:
    """Return where the job of that `identity` keeps its checkpoints, None if it keeps none.

    Raises
    ------
    SettingError
        If there are checkpoints of another job, and `checkpoint_mismatch` does not have them deleted.
    """
    every = _every(layout, parameters)
    if every == 0:
        return None
    if not parameters.family.can_go_on:
        logger.info("%s, as it is set, fits in one go: if interrupted, this starts anew", parameters.algorithm)
        return None
    folder = checkpoints.folder(layout)
    if folder is None:
        return None
    return opened(folder, identity(), every=every, mismatch=parameters.checkpoint_mismatch)


def _every(layout: Layout, parameters: Hyperparameters) -> int:
    if parameters.checkpoint_rounds is not None:
        return parameters.checkpoint_rounds
    return CHECKPOINT_ROUNDS if checkpoints.are_asked_for(layout) else 0
