"""Models in their library's own format, where a family has one that the endpoint can open.

Knows which file and opener belong to a family. Never knows how a model is fitted, a training library's Python package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fraud_detect.artifact.bundle import Artifact
from fraud_detect.estimators import lightgbm_native, xgboost_native
from fraud_detect.schema import Float32Matrix, Float64Matrix

NATIVE_FROM_ROWS = 22
"""From how many rows at a time a native model is faster than the ONNX session: 200 trees of depth 6, 30 features.

It is 11 for 1,000 trees, and 79 for 50 of depth 4; the choice then matters by some 0.03 ms. `benchmarks/native/run`.
"""


class Native(Protocol):
    """A model in its library's own format."""

    def scores(self, matrix: Float32Matrix) -> NDArray[np.float64]:
        """Return uncalibrated scores in [0, 1], float64, shape (n,), for `matrix`, float32, shape (n, width)."""
        ...

    def contributions(self, matrix: Float32Matrix) -> Float64Matrix:
        """Return what each feature adds to each row's log-odds, float64, shape (n, width + 1), the base value last."""
        ...


Open = Callable[[bytes, int], Native]
"""From the content of a file and the number of features to the model."""

OPENERS: Mapping[str, tuple[str, Open]] = {
    "lightgbm": (lightgbm_native.NATIVE_FILE, lightgbm_native.NativeLightGBM.open),
    "xgboost": (xgboost_native.NATIVE_FILE, xgboost_native.NativeBooster.open),
}
"""By family, the file of the artifact and how to open it."""


def open_native(artifact: Artifact) -> Native | None:
    """Return the native model of `artifact`; None if its family has none, or it came without that file.

    Open it in the process that uses it, not before a fork.

    Raises
    ------
    ArtifactError
        If the file is missing, changed, or not the model that the manifest describes.
    SettingError
        If the library is not installed.
    """
    manifest = artifact.manifest
    name, opened = OPENERS.get(manifest.algorithm, ("", None))
    if opened is None or name not in manifest.files:
        return None
    return opened(artifact.content(name), manifest.table_schema.width)
