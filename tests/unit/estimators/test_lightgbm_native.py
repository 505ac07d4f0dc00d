"""LightGBM's library without its package gives what the package gives, bit for bit."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from fraud_detect.errors import ArtifactError, SettingError
from fraud_detect.estimators import lightgbm_native
from fraud_detect.estimators.lightgbm_native import NATIVE_FILE, NativeLightGBM
from fraud_detect.schema import Float32Matrix
from training_factories import a_block, a_fitted_model, some_features

WIDTH = 3
MODELS: Mapping[str, Mapping[str, float]] = {"shallow": {"num_leaves": 4}, "deep": {"num_leaves": 63, "max_depth": 12}}
models = pytest.mark.parametrize("name", MODELS)
rows_at_a_time = pytest.mark.parametrize("count", [1, 2, 65, 2_000])


def a_file(name: str = "shallow") -> bytes:
    """Return a model of numbers, gaps and categories in LightGBM's format."""
    model = a_fitted_model("lightgbm", block=a_block(2_000), rounds=20, parameters=MODELS[name])
    return model.native_files()[NATIVE_FILE]


def some_rows(count: int) -> Float32Matrix:
    """Return rows with gaps and categories, the first of them of extreme numbers."""
    extreme = some_features([[3e38, -3e38, 0], [np.nan, np.nan, np.nan], [0, 1e-45, 4], [-0.0, 0.0, np.nan]])
    return np.concatenate((extreme, a_block(2_000, seed=5).features))[:count]


def the_package(text: bytes) -> lightgbm.Booster:
    return lightgbm.Booster(model_str=text.decode())


@models
@rows_at_a_time
def test_scores_are_those_of_the_package(name: str, count: int) -> None:
    text, rows = a_file(name), some_rows(count)

    scores = NativeLightGBM.open(text, WIDTH).scores(rows)

    assert (scores.dtype.name, scores.shape) == ("float64", (count,))
    assert scores.tolist() == the_package(text).predict(rows).tolist()


@models
@rows_at_a_time
def test_contributions_are_those_of_the_package(name: str, count: int) -> None:
    text, rows = a_file(name), some_rows(count)

    contributions = NativeLightGBM.open(text, WIDTH).contributions(rows)

    assert (contributions.dtype.name, contributions.shape) == ("float64", (count, WIDTH + 1))
    assert contributions.tolist() == the_package(text).predict(rows, pred_contrib=True).tolist()


def test_several_threads_may_ask_one_booster() -> None:
    booster, rows = NativeLightGBM.open(a_file(), WIDTH), some_rows(500)
    alone = booster.contributions(rows).tolist()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: booster.contributions(rows).tolist(), range(40)))

    assert all(answer == alone for answer in answers)


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((4, WIDTH - 1), dtype=np.float32),
        np.zeros((4, WIDTH), dtype=np.float64),
        np.zeros((WIDTH, 2), dtype=np.float32).T,
        np.zeros((4, WIDTH), dtype=np.float32)[::2],
    ],
    ids=["narrow", "float64", "by columns", "with gaps"],
)
def test_rows_that_lightgbm_would_misread_are_never_given_to_it(rows: Float32Matrix) -> None:
    booster = NativeLightGBM.open(a_file(), WIDTH)

    with pytest.raises(ValueError, match="expected contiguous float32 of 3"):
        booster.scores(rows)


@pytest.mark.parametrize("text", [b"", b"{}", b"no model at all", b"tree\nversion=v4\n"])
def test_a_file_that_lightgbm_cannot_read_is_refused(text: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"LightGBM cannot use model\.lightgbm\.txt .*Train again"):
        NativeLightGBM.open(text, WIDTH)


def test_a_model_of_other_features_is_refused() -> None:
    with pytest.raises(ArtifactError, match=r"takes 3 features .* expected 4 features"):
        NativeLightGBM.open(a_file(), WIDTH + 1)


def test_a_model_of_another_objective_is_refused() -> None:
    block = a_block()
    data = lightgbm.Dataset(block.features, block.labels + 7.0)
    booster = lightgbm.train({"objective": "regression", "verbosity": -1}, data, num_boost_round=1)

    with pytest.raises(ArtifactError, match=r"gives 7\.\d+ for an empty row; expected 3 features and a score from"):
        NativeLightGBM.open(booster.model_to_string().encode(), WIDTH)


def test_a_booster_is_freed_with_its_object(monkeypatch: pytest.MonkeyPatch) -> None:
    freed: list[object] = []
    monkeypatch.setattr(lightgbm_native._library(), "LGBM_BoosterFree", freed.append)
    booster = NativeLightGBM.open(a_file(), WIDTH)
    gone = weakref.ref(booster)

    del booster
    gc.collect()

    assert gone() is None
    assert len(freed) == 1


def test_lightgbm_keeps_silent(capfd: pytest.CaptureFixture[str]) -> None:
    text = a_file()

    NativeLightGBM.open(text, WIDTH).contributions(some_rows(5))

    assert capfd.readouterr() == ("", "")


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    lightgbm_native._library.cache_clear()
    monkeypatch.setattr(lightgbm_native, "LIBRARIES", ("libnothing.so",))

    with pytest.raises(SettingError, match=r"not installed.*libnothing\.so.*Install lightgbm"):
        a_fitted_model("lightgbm")


def test_without_openmp_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot_open(_: str) -> None:
        raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")

    lightgbm_native._library.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", cannot_open)

    with pytest.raises(SettingError, match=r"cannot be opened \(libgomp\.so\.1.*apt-get install libgomp1"):
        a_fitted_model("lightgbm")


def test_neither_lightgbm_nor_what_it_needs_is_imported(tmp_path: Path) -> None:
    path = tmp_path / NATIVE_FILE
    path.write_bytes(a_file())
    program = f"""
import sys
from pathlib import Path
import numpy
from fraud_detect.estimators.lightgbm_native import NativeLightGBM
booster = NativeLightGBM.open(Path({str(path)!r}).read_bytes(), {WIDTH})
booster.contributions(numpy.zeros((1, {WIDTH}), numpy.float32))
print([name for name in ("lightgbm", "scipy", "sklearn", "pandas", "onnx") if name in sys.modules])
"""

    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert (outcome.stdout, outcome.stderr) == ("[]\n", "")
