"""An artifact is written all or nothing, and read only if every byte is as the manifest says."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from factories import an_artifact
from fraud_detect.artifact import bundle
from fraud_detect.artifact.manifest import MANIFEST, MODEL
from fraud_detect.artifact.scorer import Scorer
from fraud_detect.errors import ArtifactError
from training_factories import DATA, files_of

GOLDEN = DATA / "valid" / "artifact_v1"
BROKEN_MANIFESTS = DATA / "invalid" / "artifacts"
WORDS: Mapping[str, str] = {
    "absolute_path": "lists the file '/etc/passwd'",
    "broken_json": "is not a manifest",
    "byte_order_mark": "is not a manifest (Unexpected UTF-8 BOM",
    "category_twice": "at schema",
    "column_twice": "at schema",
    "descending_isotonic": "at calibration.isotonic",
    "equal_labels": "at labels",
    "falling_isotonic": "at calibration.isotonic",
    "format_as_text": "has the format version '1'",
    "half_a_character": "at its root",
    "hidden_file": "lists the file '.model.onnx'",
    "infinite_hyperparameter": "(-1e999 is not a finite number)",
    "infinite_slope": "(Infinity is not a finite number)",
    "infinite_threshold": "(1e999 is not a finite number)",
    "isotonic_above_one": "at calibration.isotonic",
    "isotonic_below_zero": "at calibration.isotonic",
    "key_twice": "(the key 'algorithm' stands twice)",
    "key_twice_within": "(the key 'value' stands twice)",
    "labels_written_alike": "at labels",
    "latin_1": "is not a manifest ('utf-8' codec",
    "lists_itself": "lists the file 'manifest.json'",
    "missing_key": "at threshold",
    "name_with_nul": "lists the file 'model.onnx\\x00'",
    "nan_metric": "(NaN is not a finite number)",
    "negative_threshold": "at threshold.value",
    "newer_format": "has the format version 2",
    "no_columns": "at schema",
    "no_format": "is not a manifest",
    "not_a_checksum": "at training_data.sha256",
    "not_an_object": "is not a manifest",
    "number_as_text": "at threshold.value",
    "number_for_name": "at schema.columns.0.name",
    "number_with_categories": "at schema",
    "parent_folder": "lists the file '..'",
    "part_of_a_row": "at training_data.rows",
    "path_for_windows": "lists the file '..\\\\model.onnx'",
    "path_into_folder": "lists the file 'weights/model.onnx'",
    "path_to_parent": "lists the file '../model.onnx'",
    "short_checksum": "at files.model.onnx.sha256",
    "text_for_truth": "at schema.columns.0.missing_allowed",
    "truth_for_count": "at training_data.frauds",
    "truth_for_format": "has the format version True",
    "truth_for_number": "at calibration.sigmoid.slope",
    "uneven_isotonic": "at calibration.isotonic",
    "unknown_calibration": "at calibration",
    "unknown_key": "at extra",
    "unknown_key_within": "at schema.columns.0.mean",
    "unknown_kind": "at schema.columns.0.kind",
    "utf_16": "is not a manifest ('utf-8' codec",
    "whole_number_as_fraction": "at training_data.rows",
    "wrong_type": "at training_data.rows",
}


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """Return a copy of the golden artifact."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "model"))


def test_every_broken_manifest_has_its_words() -> None:
    assert {path.stem for path in BROKEN_MANIFESTS.iterdir()} == set(WORDS)


@pytest.mark.parametrize("name", WORDS)
def test_a_broken_manifest_is_refused(name: str, golden: Path) -> None:
    shutil.copy(BROKEN_MANIFESTS / f"{name}.json", golden / MANIFEST)

    with pytest.raises(ArtifactError) as caught:
        bundle.read(golden)

    assert WORDS[name] in caught.value.got


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_bottomless_manifest_is_refused(opening: str, golden: Path) -> None:
    (golden / MANIFEST).write_text(opening * 100_000)

    with pytest.raises(ArtifactError, match="is not a manifest"):
        bundle.read(golden)


def test_a_manifest_with_a_number_of_many_digits_is_refused(golden: Path) -> None:
    """Reading it would take time with the square of its length."""
    (golden / MANIFEST).write_text('{"format_version": ' + "9" * 1_000_000 + "}")

    with pytest.raises(ArtifactError, match="is not a manifest"):
        bundle.read(golden)


def test_a_manifest_above_the_limit_is_not_read(golden: Path) -> None:
    with (golden / MANIFEST).open("r+b") as file:
        file.truncate(bundle.MOST_MANIFEST_BYTES + 1)

    with pytest.raises(ArtifactError, match="is too large"):
        bundle.read(golden)


def test_whole_numbers_may_stand_for_fractions(tmp_path: Path) -> None:
    an_artifact(tmp_path)
    text = (tmp_path / MANIFEST).read_text()
    (tmp_path / MANIFEST).write_text(text.replace('"value": 0.5', '"value": 1'))

    assert bundle.read(tmp_path).manifest.threshold.value == 1.0


def test_the_golden_artifact_is_whole(golden: Path) -> None:
    bundle.read(golden).verify()


@pytest.mark.parametrize("name", [MODEL, "model.ubj"])
def test_a_changed_byte_is_refused(name: str, golden: Path) -> None:
    content = bytearray((golden / name).read_bytes())
    content[len(content) // 2] ^= 1
    (golden / name).write_bytes(content)

    with pytest.raises(ArtifactError, match=f"{name} has the sha256"):
        bundle.read(golden).verify()


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"\n", lambda _: b""])
def test_another_length_is_refused(change: object, golden: Path) -> None:
    (golden / MODEL).write_bytes(change((golden / MODEL).read_bytes()))  # type: ignore[operator]

    with pytest.raises(ArtifactError, match=f"{MODEL} has .* bytes"):
        bundle.read(golden).verify()


def test_a_missing_file_is_refused(golden: Path) -> None:
    (golden / "model.ubj").unlink()

    with pytest.raises(ArtifactError, match=r"Cannot read .*model.ubj"):
        bundle.read(golden).verify()


def test_a_file_larger_than_listed_is_not_read(golden: Path) -> None:
    """Its bytes would not fit in memory: reading them fails the test."""
    with (golden / "model.ubj").open("r+b") as file:
        file.truncate(2**40)

    with pytest.raises(ArtifactError, match=r"model.ubj has 1099511627776 bytes"):
        bundle.read(golden).content("model.ubj")


@pytest.mark.parametrize("name", [MANIFEST, MODEL])
def test_a_link_is_refused(name: str, golden: Path, tmp_path: Path) -> None:
    """Even to the right bytes: it may lead to another file tomorrow."""
    (golden / name).rename(tmp_path / name)
    (golden / name).symlink_to(tmp_path / name)

    with pytest.raises(ArtifactError, match="a symbolic link"):
        bundle.read(golden).verify()


def test_a_folder_in_the_place_of_a_file_is_refused(golden: Path) -> None:
    (golden / MODEL).unlink()
    (golden / MODEL).mkdir()

    with pytest.raises(ArtifactError, match="not a regular file"):
        bundle.read(golden).verify()


@pytest.mark.parametrize("name", [MANIFEST, MODEL])
@pytest.mark.timeout(20)
def test_a_pipe_that_nobody_writes_to_is_refused(name: str, golden: Path) -> None:
    (golden / name).unlink()
    os.mkfifo(golden / name)

    with pytest.raises(ArtifactError, match="not a regular file"):
        bundle.read(golden).content(name)


def test_the_folder_of_a_model_may_be_a_link(golden: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(golden)

    bundle.read(tmp_path / "link").verify()


def test_a_missing_manifest_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="Train a model first"):
        bundle.read(tmp_path)


def test_a_model_that_the_manifest_does_not_list_is_refused(tmp_path: Path) -> None:
    an_artifact(tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**manifest, "files": {}}))

    with pytest.raises(ArtifactError, match=f"lists no {MODEL}"):
        Scorer.open(bundle.read(tmp_path))


def test_a_file_that_the_manifest_does_not_list_cannot_be_read(golden: Path) -> None:
    (golden / "code.py").write_text("print()")

    with pytest.raises(ArtifactError, match=r"lists no code.py"):
        bundle.read(golden).content("code.py")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    written = an_artifact(tmp_path, files={"model.ubj": b"trees"})

    artifact = bundle.read(tmp_path)

    assert artifact.manifest == written
    assert artifact.content("model.ubj") == b"trees"


def test_nothing_but_the_files_is_left_in_the_folder(tmp_path: Path) -> None:
    an_artifact(tmp_path / "new")

    assert set(files_of(tmp_path / "new")) == {MANIFEST, MODEL}
    assert list((tmp_path / "new").glob(".*")) == []


def test_a_failure_while_writing_leaves_the_earlier_model_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_artifact(tmp_path)
    before = files_of(tmp_path)
    monkeypatch.setattr("fraud_detect.artifact.bundle.os.fsync", fails_at_call(2))

    with pytest.raises(OSError, match="No space left"):
        an_artifact(tmp_path, libraries={"another": "1"}, files={"model.ubj": b"trees"})

    assert files_of(tmp_path) == before
    assert list(tmp_path.glob(".*")) == []


def fails_at_call(number: int) -> object:
    calls = iter(range(1, 100))

    def fsync(_: int) -> None:
        if next(calls) == number:
            raise OSError(28, "No space left on device")

    return fsync


def test_the_manifest_takes_its_place_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds a new manifest finds its files too."""
    replaced: list[str] = []
    move = Path.replace

    def recorded(self: Path, target: Path) -> Path:
        replaced.append(target.name)
        return move(self, target)

    monkeypatch.setattr(Path, "replace", recorded)
    an_artifact(tmp_path, files={"model.ubj": b"trees"})

    assert replaced[-1] == MANIFEST
    assert set(replaced) == {MODEL, "model.ubj", MANIFEST}
