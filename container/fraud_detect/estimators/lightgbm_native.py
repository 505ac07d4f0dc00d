"""LightGBM's own library, without its Python package, which brings scikit-learn and pandas along.

The library is opened where that package has it, and gives the same numbers bit for bit. Open a booster in the process
that uses it, never before a fork: the library's threads do not survive one.

Knows LightGBM's C interface (https://lightgbm.readthedocs.io/en/stable/C-API.html). Never knows the artifact, the
schema.
"""

from __future__ import annotations

import ctypes
import weakref
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int32, c_int64, c_void_p
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import ArtifactError, SettingError
from fraud_detect.schema import Float32Matrix, Float64Matrix

NATIVE_FILE = "model.lightgbm.txt"
LIBRARIES = ("lib_lightgbm.so", "lib_lightgbm.dylib", "lib_lightgbm.dll")
"""What the library is called on Linux, macOS and Windows."""

LONGEST_CAUSE = 200
_FLOAT32, _ROW_MAJOR = 0, 1
_SCORES, _CONTRIBUTIONS = 0, 3
_OPTIONS = b"num_threads=1 verbosity=-1"
_SIGNATURES: dict[str, tuple[type, ...]] = {
    "LGBM_BoosterFree": (c_void_p,),
    "LGBM_BoosterGetNumFeature": (c_void_p, POINTER(c_int)),
    "LGBM_BoosterLoadModelFromString": (c_char_p, POINTER(c_int), POINTER(c_void_p)),
    "LGBM_BoosterPredictForMat": (
        *(c_void_p, c_void_p, c_int, c_int32, c_int32, c_int, c_int, c_int, c_int, c_char_p),
        *(POINTER(c_int64), POINTER(c_double)),
    ),
}


class NativeLightGBM:
    """A booster of binary log-odds, on one thread a call; any number of threads may call it at once.

    It takes only text whose checksum was verified: LightGBM itself does not survive every damage.
    """

    def __init__(self, text: bytes) -> None:
        self._library = _library()
        self._handle = c_void_p()
        self._call("LGBM_BoosterLoadModelFromString", text, byref(c_int()), byref(self._handle))
        weakref.finalize(self, self._library.LGBM_BoosterFree, self._handle).atexit = False
        width = c_int()
        self._call("LGBM_BoosterGetNumFeature", self._handle, byref(width))
        self.width = width.value

    @classmethod
    def open(cls, text: bytes, width: int) -> NativeLightGBM:
        """Return the booster that `text` holds, of `width` features.

        Raises
        ------
        ArtifactError
            If LightGBM cannot read `text`, or its model is of other features or another objective.
        SettingError
            If LightGBM's library, or one that it needs, is not installed.
        """
        _library()
        try:
            booster = cls(text)
            (score,) = booster.scores(np.full((1, booster.width), np.nan, dtype=np.float32))
        except (LightGBMError, ValueError) as error:
            raise ArtifactError(
                f"LightGBM cannot use {NATIVE_FILE} ({str(error)[:LONGEST_CAUSE]})",
                expected="a model made by `train`",
                remedy="Train again, or remove the model and unpack it again.",
            ) from error
        if booster.width != width or not 0 <= score <= 1:
            raise ArtifactError(
                f"{NATIVE_FILE} takes {booster.width} features and gives {score:g} for an empty row",
                expected=f"{width} features and a score from 0 to 1",
                remedy="Train again.",
            )
        return booster

    def scores(self, matrix: Float32Matrix) -> NDArray[np.float64]:
        """Return uncalibrated scores in [0, 1], float64, shape (n,), for `matrix`, float32, shape (n, width)."""
        return self._predicted(matrix, _SCORES, 1).reshape(-1)

    def contributions(self, matrix: Float32Matrix) -> Float64Matrix:
        """Return what each feature adds to the log-odds of each row's score, float64, shape (n, width + 1).

        The last column is the base value; a row's sum is the log-odds (Lundberg and others 2018, arXiv 1802.03888).
        """
        return self._predicted(matrix, _CONTRIBUTIONS, self.width + 1)

    def _predicted(self, matrix: Float32Matrix, kind: int, columns: int) -> Float64Matrix:
        """Return what LightGBM predicts, float64, shape (n, `columns`).

        Raises `ValueError` for a matrix that it would misread, or if it gives another number of values.
        """
        rows, width = matrix.shape
        if width != self.width or matrix.dtype != np.float32 or not matrix.flags.c_contiguous:
            raise ValueError(f"{matrix.dtype} rows of {width} values, expected contiguous float32 of {self.width}")
        predicted, count = np.empty((rows, columns)), c_int64()
        self._call(
            "LGBM_BoosterPredictForMat",
            *(self._handle, matrix.ctypes.data, _FLOAT32, rows, width, _ROW_MAJOR),
            *(kind, 0, -1, _OPTIONS),
            *(byref(count), predicted.ctypes.data_as(POINTER(c_double))),
        )
        if count.value != predicted.size:
            raise ValueError(f"LightGBM gives {count.value} numbers, expected {predicted.size}")
        return predicted

    def _call(self, name: str, *arguments: object) -> None:
        if getattr(self._library, name)(*arguments):
            raise LightGBMError(self._library.LGBM_GetLastError().decode(errors="replace"))


class LightGBMError(RuntimeError):
    """LightGBM refused; its words."""


def need_library() -> None:
    """Raise `SettingError` where LightGBM's library, or one that it needs, is not installed."""
    _library()


@cache
def _library() -> ctypes.CDLL:
    package = find_spec("lightgbm")
    folders = [Path(place) for place in (package and package.submodule_search_locations) or ()]
    paths = [path for folder in folders for name in LIBRARIES if (path := folder / "lib" / name).is_file()]
    if not paths:
        raise SettingError(
            "LightGBM's library is not installed",
            expected=f"{' or '.join(LIBRARIES)} in the package lightgbm",
            remedy="Install lightgbm.",
        )
    try:
        library = ctypes.CDLL(str(paths[0]))
    except OSError as error:
        raise SettingError(
            f"LightGBM's library cannot be opened ({str(error)[:LONGEST_CAUSE]})",
            expected="the libraries that it needs, such as OpenMP's libgomp.so.1",
            remedy="Install libgomp1 (`apt-get install libgomp1`; on macOS `brew install libomp`).",
        ) from error
    for name, types in _SIGNATURES.items():
        function = getattr(library, name)
        function.argtypes, function.restype = types, c_int
    library.LGBM_GetLastError.restype = c_char_p
    return library
