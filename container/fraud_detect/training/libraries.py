"""Versions of what a model was made with.

Knows the installed packages. Never knows models.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version

from fraud_detect import __version__

PACKAGES = ("imbalanced-learn", "numpy", "onnx", "scikit-learn", "scipy")


def versions(algorithm: str) -> Mapping[str, str]:
    """Return the version of each library that the bytes of a model of the family `algorithm` depend on, by name."""
    own = {"fraud-detect": __version__, "python": platform.python_version()}
    libraries = {algorithm: OWN_LIBRARIES[algorithm]()} if algorithm in OWN_LIBRARIES else {}
    return {**own, **libraries, **{name: version(name) for name in PACKAGES}}


def _xgboost() -> str:
    """Return XGBoost's version: its distribution has several names, the module has one."""
    import xgboost

    found: str = xgboost.__version__
    return found


OWN_LIBRARIES: Mapping[str, Callable[[], str]] = {"xgboost": _xgboost, "lightgbm": lambda: version("lightgbm")}
"""The version of the library that is called as its family."""
