"""Each notebook runs from its first cell to its last, and is kept without outputs."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("FRAUD_DETECT_DATA", REPOSITORY.parent / "shared" / "data"))
CARDS = DATA / "creditcard_sample" / "creditcard_sample.csv.gz"
BANKNOTES = DATA / "banknote" / "banknote_authentication.csv"
NOTEBOOKS = sorted((REPOSITORY / "sagemaker_notebooks").glob("*.ipynb"))
TRANSACTIONS = "02_transactions_features_and_time.ipynb"
LIMIT_SECONDS = 600

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(LIMIT_SECONDS),
    pytest.mark.skipif(
        importlib.util.find_spec("nbclient") is None and os.environ.get("CI") != "true",
        reason="nbclient is not installed: scripts/setup full",
    ),
]


def read(path: Path) -> Any:
    import nbformat

    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_without_outputs(path: Path) -> None:
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def executed(name: str, folder: Path, *shown: str, **environment: str) -> Any:
    """Return the notebook `name` after it has run, with cells at its end that print what the expressions `shown` are.

    Its temporary folder is `folder`, and `environment` is set on top of the usual one.
    """
    from nbclient import NotebookClient

    path = REPOSITORY / "sagemaker_notebooks" / name
    notebook = read(path)
    notebook.cells.extend(_shown(expression) for expression in shown)
    client = NotebookClient(
        notebook, timeout=LIMIT_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HANDBOOK_TRANSACTIONS", raising=False)
        for variable, value in {"TMPDIR": str(folder), **environment}.items():
            patch.setenv(variable, value)
        return client.execute()


def check_nothing_is_warned_of_or_left(notebook: Any, folder: Path) -> None:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert list(folder.glob("fraud-detect-notebook-*")) == []


@pytest.mark.skipif(not CARDS.exists(), reason="the card sample is not on this machine")
def test_explore_and_compare_tells_chance_from_skill_on_cards(tmp_path: Path) -> None:
    leak = "json.dumps({'before': before.mean(), 'inside': inside.mean(), 'test': test['average_precision']})"
    best = "found['average_precision'].max()"

    notebook = executed("01_explore_and_compare.ipynb", tmp_path, leak, best, CARD_TRANSACTIONS=str(CARDS))

    figures, best_of_all = (_value(cell) for cell in notebook.cells[-2:])
    assert figures["before"] > 0.99 > 0.9 > figures["inside"]
    assert best_of_all > 0.75
    assert figures["test"] > 0.8
    check_nothing_is_warned_of_or_left(notebook, tmp_path)


@pytest.mark.skipif(not BANKNOTES.exists(), reason="the banknotes are not on this machine")
def test_banknotes_are_told_apart_by_support_vectors(tmp_path: Path) -> None:
    shown = "found['f1'].to_json()", "answers['predicted_label'].to_json()"

    notebook = executed("05_banknotes.ipynb", tmp_path, *shown, BANKNOTES=str(BANKNOTES))

    f1, labels = (_value(cell) for cell in notebook.cells[-2:])
    assert f1["svm"] >= 0.998
    assert list(labels.values()) == [1, 0, 1]
    check_nothing_is_warned_of_or_left(notebook, tmp_path)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """Return the notebook of transactions, executed, and the temporary folder that it had for itself."""
    folder = tmp_path_factory.mktemp("temporary")
    folds = (
        "json.dumps({f'{features}, {kind}': each['mean']['average_precision'] "
        "for (features, kind), each in found.items()})"
    )
    return executed(TRANSACTIONS, folder, "ours.AP.to_json()", folds), folder


def test_transactions_features_and_time_reproduces_the_handbooks_order(done: tuple[Any, Path]) -> None:
    """With simulated transactions: extended features beat the handbook's, a forest beats a small tree."""
    models, folds = (_value(cell) for cell in done[0].cells[-2:])

    assert models["random forest"] > models["decision tree, depth 2"] > 0.3
    assert folds["extended, none"] > folds["handbook, none"] > 0.5


def test_transactions_features_and_time_warns_of_nothing_and_leaves_nothing(done: tuple[Any, Path]) -> None:
    check_nothing_is_warned_of_or_left(*done)


def _shown(expression: str) -> Any:
    import nbformat

    return nbformat.v4.new_code_cell(f"print({expression})")


def _value(cell: Any) -> Any:
    return json.loads(cell.outputs[0].text)
