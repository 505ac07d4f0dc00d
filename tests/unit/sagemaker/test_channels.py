"""Channels are where inputdataconfig.json or the folders say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fraud_detect.errors import SettingError, TableError
from fraud_detect.sagemaker.channels import channels
from fraud_detect.sagemaker.configuration import read_object
from fraud_detect.sagemaker.layout import DEFAULT_ROOT, Layout
from training_factories import configure


def a_layout(root: Path, *folders: str, config: object = None) -> Layout:
    for folder in folders:
        (root / "input" / "data" / folder).mkdir(parents=True)
    if config is not None:
        configure(root, "inputdataconfig", config)
    return Layout(root)


@pytest.mark.parametrize(("name", "meant"), [("validaton", "validation"), ("reason-codes", "reason_codes")])
def test_a_misspelt_channel_is_not_passed_over(name: str, meant: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=rf"'{name}'.*'{meant}' to be meant"):
        channels(a_layout(tmp_path, "train", name))


def test_all_paths_come_from_the_root() -> None:
    paths = {
        str(getattr(Layout(Path("/r")), name)) for name, kind in vars(Layout).items() if isinstance(kind, property)
    }

    assert paths == {
        "/r/checkpoints",
        "/r/input/config/checkpointconfig.json",
        "/r/input/config/hyperparameters.json",
        "/r/input/config/inputdataconfig.json",
        "/r/input/config/resourceconfig.json",
        "/r/input/data",
        "/r/model",
        "/r/output/data",
        "/r/output/failure",
    }
    assert Path("/opt/ml") == DEFAULT_ROOT


def test_without_a_configuration_the_folders_are_the_channels(tmp_path: Path) -> None:
    found = channels(a_layout(tmp_path, "train", "validation"))

    data = tmp_path / "input" / "data"
    assert found == {"train": data / "train", "validation": data / "validation"}


@pytest.mark.parametrize("entry", [{}, {"TrainingInputMode": "File"}, {"TrainingInputMode": "FastFile"}, None])
def test_every_key_of_a_channel_may_be_absent(entry: object, tmp_path: Path) -> None:
    found = channels(a_layout(tmp_path, "train", config={"train": entry}))

    assert found == {"train": tmp_path / "input" / "data" / "train"}


def test_folders_that_the_configuration_does_not_name_are_no_channels(tmp_path: Path) -> None:
    assert list(channels(a_layout(tmp_path, "train", "test", config={"train": {}}))) == ["train"]


def test_a_channel_in_pipe_mode_is_its_first_pipe(tmp_path: Path) -> None:
    layout = a_layout(tmp_path, "unused", config={"train": {"TrainingInputMode": "Pipe"}})
    os.mkfifo(layout.data / "train_0")

    assert channels(layout) == {"train": layout.data / "train_0"}


def test_a_pipe_that_does_not_exist_is_named(tmp_path: Path) -> None:
    layout = a_layout(tmp_path, config={"train": {"TrainingInputMode": "Pipe"}})

    with pytest.raises(TableError, match=r"'train' is in Pipe mode, and there is no .*train_0"):
        channels(layout)


def test_a_channel_that_is_not_known_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert list(channels(a_layout(tmp_path, "train", "training"))) == ["train"]
    assert "channel training is not used; known channels are train, validation, test, reason_codes" in caplog.text


@pytest.mark.parametrize(("folders", "found"), [(["training"], "training"), ([], "none")])
def test_without_a_train_channel_the_others_are_named(folders: list[str], found: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=rf"no channel 'train' \(found: {found}\)"):
        channels(a_layout(tmp_path, *folders))


def test_a_configuration_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_object(tmp_path / "absent.json") == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [("[1]", "holds a list"), ("{", "cannot be read"), ("", "cannot be read"), ("1", "holds a int")],
)
def test_a_configuration_that_is_no_object_is_refused(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "inputdataconfig.json"
    path.write_text(content)

    with pytest.raises(SettingError, match=words):
        read_object(path)


def test_a_configuration_may_hold_any_values(tmp_path: Path) -> None:
    document = {
        "train": {"ContentType": "text/csv", "RecordWrapperType": "None", "S3DistributionType": "FullyReplicated"}
    }
    (tmp_path / "a.json").write_text(json.dumps(document))

    assert read_object(tmp_path / "a.json") == document


def test_a_folder_that_the_configuration_does_not_name_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    layout = a_layout(tmp_path, "train", "validation", config={"train": {}})

    assert list(channels(layout)) == ["train"]
    assert "validation is not used" in caplog.text
