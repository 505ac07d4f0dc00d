"""Versions of what a model was made with.

Knows the installed packages. Never knows models.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version

from fraud_detect import __version__

PACKAGES = ("imbalanced-learn", "numpy", "onnx", "scikit-learn", "scipy")


def versions() -> Mapping[str, str]:
    """Return the version of each library that a model's bytes depend on, by name."""
    import xgboost  # its distribution has several names, the module has one

    own = {"fraud-detect": __version__, "python": platform.python_version(), "xgboost": xgboost.__version__}
    return {**own, **{name: version(name) for name in PACKAGES}}
