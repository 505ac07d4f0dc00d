"""The samplers by name.

Knows every sampler. Never knows what their rows are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fraud_detect.resampling.cleaning import smote_enn, smote_tomek, tomek_links
from fraud_detect.resampling.over import adasyn, borderline_smote, random_over, smote
from fraud_detect.resampling.resampled import Resampled, Resampling, Sampler
from fraud_detect.resampling.under import near_miss, random_under
from fraud_detect.schema import Float32Matrix

NONE, SMOTE = "none", "smote"


def none(
    features: Float32Matrix, _labels: NDArray[np.uint8], _categorical: Sequence[bool], _resampling: Resampling
) -> Resampled:
    """Keep all rows and make none."""
    return Resampled(kept=None, synthetic=features[:0])


SAMPLERS: Mapping[str, Sampler] = {
    SMOTE: smote,
    NONE: none,
    "borderline_smote": borderline_smote,
    "adasyn": adasyn,
    "random_over": random_over,
    "random_under": random_under,
    "near_miss": near_miss,
    "tomek_links": tomek_links,
    "smote_tomek": smote_tomek,
    "smote_enn": smote_enn,
}
