"""XGBoost's own library, without its Python package, which costs a second and some 100 MB to import.

The library is opened where that package has it, and gives the same numbers bit for bit. Open a booster in the process
that uses it, never before a fork: the library's threads do not survive one.

Knows XGBoost's C interface (https://xgboost.readthedocs.io/en/stable/c.html). Never knows the artifact, the schema.
"""

from __future__ import annotations

import ctypes
import json
import re
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_uint64, c_void_p
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import ArtifactError, SettingError
from fraud_detect.schema import Float32Matrix, Float64Matrix

NATIVE_FILE = "model.ubj"
LIBRARIES = ("libxgboost.so", "libxgboost.dylib", "xgboost.dll")
"""What the library is called on Linux, macOS and Windows."""

SOURCE_LINE = re.compile(r"^\[[\d:]+\] \S+:\d+: ")
LONGEST_CAUSE = 200

_OPTIONS = b'{"type":%d,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,"missing":NaN}'
_SCORES, _CONTRIBUTIONS = _OPTIONS % 0, _OPTIONS % 2
_MATRIX = b'{"data":[%d,true],"shape":[%d,%d],"typestr":"<f4","version":3}'
_MATRIX_OPTIONS = b'{"missing":NaN,"nthread":1}'
_RESULT = (POINTER(POINTER(c_uint64)), POINTER(c_uint64), POINTER(POINTER(c_float)))
_SIGNATURES: dict[str, tuple[type, ...]] = {
    "XGBGetGlobalConfig": (POINTER(c_char_p),),
    "XGBSetGlobalConfig": (c_char_p,),
    "XGBoosterCreate": (POINTER(c_void_p), c_uint64, POINTER(c_void_p)),
    "XGBoosterFree": (c_void_p,),
    "XGBoosterGetNumFeature": (c_void_p, POINTER(c_uint64)),
    "XGBoosterLoadModelFromBuffer": (c_void_p, c_char_p, c_uint64),
    "XGBoosterSetParam": (c_void_p, c_char_p, c_char_p),
    "XGBoosterPredictFromDense": (c_void_p, c_char_p, c_char_p, c_void_p, *_RESULT),
    "XGBoosterPredictFromDMatrix": (c_void_p, c_void_p, c_char_p, *_RESULT),
    "XGDMatrixCreateFromDense": (c_char_p, c_char_p, POINTER(c_void_p)),
    "XGDMatrixFree": (c_void_p,),
}


class NativeBooster:
    """A booster of binary:logistic, on one thread a call; any number of threads may call it at once.

    That is what XGBoost promises of trees (https://xgboost.readthedocs.io/en/stable/prediction.html#thread-safety),
    once they are configured: `open` scores a row for that. It takes only bytes whose checksum was verified: XGBoost
    itself does not survive every damage.
    """

    def __init__(self, ubj: bytes) -> None:
        if not ubj:  # which ends the process
            raise ValueError("it is empty")
        self._library = _library()
        self._handle = c_void_p()
        self._call("XGBoosterCreate", None, 0, byref(self._handle))
        weakref.finalize(self, self._library.XGBoosterFree, self._handle).atexit = False
        self._call("XGBoosterLoadModelFromBuffer", self._handle, ubj, len(ubj))
        self._call("XGBoosterSetParam", self._handle, b"nthread", b"1")
        width = c_uint64()
        self._call("XGBoosterGetNumFeature", self._handle, byref(width))
        self.width = width.value

    @classmethod
    def open(cls, ubj: bytes, width: int) -> NativeBooster:
        """Return the booster that `ubj` holds, of `width` features.

        Raises
        ------
        ArtifactError
            If XGBoost cannot read `ubj`, or its model is of other features or another objective.
        SettingError
            If XGBoost's library is not installed.
        """
        with _silence(_library()):
            try:
                booster = cls(ubj)
                (score,) = booster.scores(np.full((1, booster.width), np.nan, dtype=np.float32))
            except (XGBoostError, ValueError) as error:
                raise ArtifactError(
                    f"XGBoost cannot use {NATIVE_FILE} ({_cause(error)})",
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
        result = _Result()
        described = self._described(matrix)
        self._call("XGBoosterPredictFromDense", self._handle, described, _SCORES, None, *result.places)
        return result.floats(len(matrix))

    def contributions(self, matrix: Float32Matrix) -> Float64Matrix:
        """Return what each feature adds to the log-odds of each row's score, float64, shape (n, width + 1).

        The last column is the base value; a row's sum is the log-odds (Lundberg and others 2018, arXiv 1802.03888).
        """
        result = _Result()
        with self._held(self._described(matrix)) as data:
            self._call("XGBoosterPredictFromDMatrix", self._handle, data, _CONTRIBUTIONS, *result.places)
            return result.floats(len(matrix) * (self.width + 1)).reshape(len(matrix), self.width + 1)

    @contextmanager
    def _held(self, described: bytes) -> Iterator[c_void_p]:
        data = c_void_p()
        self._call("XGDMatrixCreateFromDense", described, _MATRIX_OPTIONS, byref(data))
        try:
            yield data
        finally:
            self._library.XGDMatrixFree(data)

    def _described(self, matrix: Float32Matrix) -> bytes:
        """Return where `matrix` lies and its shape. Raises `ValueError` for one that XGBoost would misread."""
        rows, width = matrix.shape
        if width != self.width or matrix.dtype != np.float32 or not matrix.flags.c_contiguous:
            raise ValueError(f"{matrix.dtype} rows of {width} values, expected contiguous float32 of {self.width}")
        return _MATRIX % (matrix.__array_interface__["data"][0], rows, width)

    def _call(self, name: str, *arguments: object) -> None:
        _check(self._library, getattr(self._library, name)(*arguments))


class XGBoostError(RuntimeError):
    """XGBoost refused; its words."""


class _Result:
    """Where XGBoost puts a pointer to floats of its own, which live until this thread calls the booster again."""

    __slots__ = ("_dimensions", "_floats", "_shape", "places")

    def __init__(self) -> None:
        self._shape, self._dimensions, self._floats = POINTER(c_uint64)(), c_uint64(), POINTER(c_float)()
        self.places = byref(self._shape), byref(self._dimensions), byref(self._floats)

    def floats(self, count: int) -> NDArray[np.float64]:
        """Return a copy of the floats, float64, shape (count,). Raises `ValueError` if there are not as many."""
        shape = self._shape[: self._dimensions.value]
        if np.prod(shape, dtype=int) != count:
            raise ValueError(f"XGBoost gives numbers in the shape {shape}, expected {count} in all")
        return np.frombuffer(ctypes.string_at(self._floats, 4 * count), dtype=np.float32).astype(np.float64)


@cache
def _library() -> ctypes.CDLL:
    package = find_spec("xgboost")
    folders = [Path(place) for place in (package and package.submodule_search_locations) or ()]
    paths = [path for folder in folders for name in LIBRARIES if (path := folder / "lib" / name).is_file()]
    if not paths:
        raise SettingError(
            "XGBoost's library is not installed",
            expected=f"{' or '.join(LIBRARIES)} in the package xgboost",
            remedy="Install xgboost-cpu or xgboost.",
        )
    library = ctypes.CDLL(str(paths[0]))
    for name, types in _SIGNATURES.items():
        function = getattr(library, name)
        function.argtypes, function.restype = types, c_int
    library.XGBGetLastError.restype = c_char_p
    return library


@contextmanager
def _silence(library: ctypes.CDLL) -> Iterator[None]:
    """Keep XGBoost from warning on stderr of this thread's calls, which is set by thread."""
    before = c_char_p()
    _check(library, library.XGBGetGlobalConfig(byref(before)))
    verbosity = json.loads(before.value or b"{}")["verbosity"]
    _check(library, library.XGBSetGlobalConfig(b'{"verbosity":0}'))
    try:
        yield
    finally:
        library.XGBSetGlobalConfig(b'{"verbosity":%d}' % verbosity)


def _check(library: ctypes.CDLL, status: int) -> None:
    if status:
        raise XGBoostError(library.XGBGetLastError().decode(errors="replace"))


def _cause(error: Exception) -> str:
    """Return the first line of `error` without the time and the line of XGBoost's source that it begins with."""
    return SOURCE_LINE.sub("", str(error).partition("\n")[0])[:LONGEST_CAUSE]
