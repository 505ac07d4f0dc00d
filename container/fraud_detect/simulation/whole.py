"""Round by chance.

Knows numpy. Never knows what is counted.
"""

from __future__ import annotations

import numpy as np


def whole(number: float, rng: np.random.Generator) -> int:
    """Return `number` rounded up or down so that its mean stays; nothing is drawn for a whole one."""
    fraction = number - int(number)
    return int(number) + (int(rng.random() < fraction) if fraction else 0)
