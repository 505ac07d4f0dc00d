"""XGBoost's library without its package gives what the package gives, bit for bit."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xgboost

from fraud_detect.artifact.calibration import NoCalibration
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.errors import ArtifactError, SettingError
from fraud_detect.estimators import xgboost_native
from fraud_detect.estimators.xgboost_native import NATIVE_FILE, NativeBooster
from fraud_detect.schema import Float32Matrix
from training_factories import a_block, a_fitted_model, some_features

WIDTH = 3
MODELS: Mapping[str, Mapping[str, float | int | str]] = {
    "shallow": {"max_bin": 256, "max_depth": 2},
    "deep": {"max_bin": 1024, "max_depth": 12, "eta": 0.5},
    "by leaves": {"max_bin": 256, "max_leaves": 9, "grow_policy": "lossguide"},
}
models = pytest.mark.parametrize("name", MODELS)
rows_at_a_time = pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 2_000])


def a_file(name: str = "shallow", *, categories: int = 5) -> bytes:
    """Return a model of numbers, gaps and categories in XGBoost's format."""
    model = a_fitted_model(block=a_block(2_000, categories=categories), rounds=20, parameters=MODELS[name])
    return model.native_files()[NATIVE_FILE]


def some_rows(count: int) -> Float32Matrix:
    """Return rows with gaps and categories, the first of them of extreme numbers."""
    extreme = some_features([[3e38, -3e38, 0], [np.nan, np.nan, np.nan], [0, 1e-45, 4], [-0.0, 0.0, np.nan]])
    return np.concatenate((extreme, a_block(2_000, seed=5).features))[:count]


def the_package(ubj: bytes) -> xgboost.Booster:
    return xgboost.Booster({"nthread": 1}, model_file=bytearray(ubj))


@models
@rows_at_a_time
def test_scores_are_those_of_the_package(name: str, count: int) -> None:
    ubj, rows = a_file(name), some_rows(count)

    scores = NativeBooster.open(ubj, WIDTH).scores(rows)

    assert (scores.dtype.name, scores.shape) == ("float64", (count,))
    assert scores.tolist() == the_package(ubj).inplace_predict(rows).tolist()


@models
@rows_at_a_time
def test_contributions_are_those_of_the_package(name: str, count: int) -> None:
    ubj, rows = a_file(name), some_rows(count)

    contributions = NativeBooster.open(ubj, WIDTH).contributions(rows)

    assert (contributions.dtype.name, contributions.shape) == ("float64", (count, WIDTH + 1))
    assert contributions.tolist() == the_package(ubj).predict(xgboost.DMatrix(rows), pred_contribs=True).tolist()


def test_categories_count_as_in_the_package_where_it_is_told_of_them() -> None:
    """The model itself knows which features are categories: the rows need not say so."""
    ubj, rows = a_file("deep", categories=40), a_block(2_000, seed=5, categories=40).features
    told = xgboost.DMatrix(rows, feature_types=["float", "float", "c"], enable_categorical=True)

    contributions = NativeBooster.open(ubj, WIDTH).contributions(rows)

    assert contributions.tolist() == the_package(ubj).predict(told, pred_contribs=True).tolist()


@models
def test_scores_are_those_of_the_graph(name: str) -> None:
    model = a_fitted_model(rounds=20, parameters=MODELS[name])
    rows = some_rows(2_000)

    scores = NativeBooster.open(model.native_files()[NATIVE_FILE], WIDTH).scores(rows)

    assert scores == pytest.approx(Scorer(model.to_onnx(), NoCalibration()).scores(rows), abs=1e-6)


def test_no_rows_have_no_scores_and_no_contributions() -> None:
    booster = NativeBooster.open(a_file(), WIDTH)

    assert booster.scores(some_rows(0)).shape == (0,)
    assert booster.contributions(some_rows(0)).shape == (0, WIDTH + 1)


def test_answers_stay_as_they_are_when_the_booster_is_asked_again() -> None:
    """XGBoost uses the same memory for the next answer."""
    booster, rows = NativeBooster.open(a_file(), WIDTH), some_rows(40)
    scores, contributions = booster.scores(rows[:20]), booster.contributions(rows[:20])
    before = scores.tolist(), contributions.tolist()

    booster.scores(rows[20:])
    booster.contributions(rows[20:])

    assert (scores.tolist(), contributions.tolist()) == before


def test_threads_may_ask_at_once() -> None:
    booster, rows = NativeBooster.open(a_file("deep"), WIDTH), some_rows(2_000)
    parts = [rows[start : start + 50] for start in range(0, 2_000, 50)]
    expected = [(booster.scores(part).tolist(), booster.contributions(part).tolist()) for part in parts]

    with ThreadPoolExecutor(8) as threads:
        got = list(
            threads.map(lambda part: (booster.scores(part).tolist(), booster.contributions(part).tolist()), parts * 5)
        )

    assert got == expected * 5


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((2, WIDTH - 1), dtype=np.float32),
        np.zeros((2, WIDTH), dtype=np.float64),
        np.zeros((WIDTH, 2), dtype=np.float32).T,
        np.zeros((4, WIDTH), dtype=np.float32)[::2],
    ],
    ids=["narrow", "float64", "by columns", "with gaps"],
)
def test_rows_that_xgboost_would_misread_are_never_given_to_it(rows: Float32Matrix) -> None:
    booster = NativeBooster.open(a_file(), WIDTH)

    with pytest.raises(ValueError, match="expected contiguous float32 of 3"):
        booster.scores(rows)
    with pytest.raises(ValueError, match="expected contiguous float32 of 3"):
        booster.contributions(rows)


@pytest.mark.parametrize(
    ("ubj", "cause"),
    [
        (b"", "it is empty"),
        (b"{}", "Invalid model format"),
        (b"no model at all", "Unknown construct"),
    ],
)
def test_a_file_that_xgboost_cannot_read_is_refused(ubj: bytes, cause: str) -> None:
    with pytest.raises(ArtifactError, match=rf"XGBoost cannot use model\.ubj \((?!\[)(?!.*\.cc).*{cause}.*Train again"):
        NativeBooster.open(ubj, WIDTH)


@pytest.mark.parametrize("length", [-5, 1_000])
def test_a_file_that_was_cut_short_is_refused(length: int) -> None:
    with pytest.raises(ArtifactError, match=r"XGBoost cannot use model\.ubj"):
        NativeBooster.open(a_file()[:length], WIDTH)


def test_a_model_of_other_features_is_refused() -> None:
    with pytest.raises(ArtifactError, match=r"takes 3 features .* expected 4 features"):
        NativeBooster.open(a_file(), WIDTH + 1)


@pytest.mark.parametrize(
    "parameters",
    [{"objective": "reg:squarederror", "base_score": 7.0}, {"objective": "multi:softprob", "num_class": 3}],
)
def test_a_model_of_another_objective_is_refused(parameters: dict[str, object]) -> None:
    block = a_block()
    data = xgboost.DMatrix(block.features, label=block.labels)
    booster = xgboost.train(parameters, data, num_boost_round=1)

    with pytest.raises(ArtifactError, match=r"model\.ubj"):
        NativeBooster.open(bytes(booster.save_raw("ubj")), WIDTH)


def test_a_booster_is_freed_with_its_object(monkeypatch: pytest.MonkeyPatch) -> None:
    freed: list[object] = []
    library = xgboost_native._library()
    monkeypatch.setattr(library, "XGBoosterFree", freed.append)
    booster = NativeBooster.open(a_file(), WIDTH)
    gone = weakref.ref(booster)

    del booster
    gc.collect()

    assert gone() is None
    assert len(freed) == 1


def test_xgboost_keeps_silent_and_its_verbosity(capfd: pytest.CaptureFixture[str]) -> None:
    ubj = a_file()
    with xgboost.config_context(verbosity=3), ThreadPoolExecutor(1) as thread:
        booster = NativeBooster.open(ubj, WIDTH)
        kept = xgboost.get_config()["verbosity"]
        thread.submit(booster.contributions, some_rows(5)).result()

    assert kept == 3
    assert capfd.readouterr() == ("", "")


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    ubj = a_file()
    xgboost_native._library.cache_clear()
    monkeypatch.setattr(xgboost_native, "LIBRARIES", ("libnothing.so",))

    with pytest.raises(SettingError, match=r"not installed.*libnothing\.so.*Install xgboost-cpu"):
        NativeBooster.open(ubj, WIDTH)


def test_neither_xgboost_nor_what_it_needs_is_imported(tmp_path: Path) -> None:
    path = tmp_path / NATIVE_FILE
    path.write_bytes(a_file())
    program = f"""
import sys
from pathlib import Path
import numpy
from fraud_detect.estimators.xgboost_native import NativeBooster
booster = NativeBooster.open(Path({str(path)!r}).read_bytes(), {WIDTH})
booster.contributions(numpy.zeros((1, {WIDTH}), numpy.float32))
print([name for name in ("xgboost", "scipy", "sklearn", "pandas", "onnx") if name in sys.modules])
"""

    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert (outcome.stdout, outcome.stderr) == ("[]\n", "")
