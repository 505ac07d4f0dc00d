"""The notebooks for SageMaker, in its local mode: from first cell to last by Jupyter with SDK 2, and one with SDK 3."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest
from docker_engine import REPOSITORY
from sdk_client import Client

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]

NOTEBOOKS = REPOSITORY / "sagemaker_notebooks"
SCORE = r"^[01],[0-9.e-]+\s*$"
TRAIN, TUNE = "03_train_and_deploy", "04_tune_and_transform"


def executed(client: Client, name: str) -> Any:
    """Return the notebook with its outputs."""
    jupyter = client.python.with_name("jupyter")
    done = client.folder / f"{name}.ipynb"
    client.run(jupyter, "execute", f"--output={done}", NOTEBOOKS / f"{name}.ipynb", WHERE="local", IMAGE=client.image)
    return json.loads(done.read_text())


def outputs_of(notebook: Any, fragment: str) -> list[Any]:
    """Return the outputs of the only cell of code with `fragment`."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    [outputs] = [cell["outputs"] for cell in code if fragment in "".join(cell["source"])]
    return list(outputs)


def said_by(notebook: Any, fragment: str) -> str:
    """Return what the cell with `fragment` prints; the container's log is among it."""
    return "".join("".join(each.get("text", ())) for each in outputs_of(notebook, fragment))


def value_of(notebook: Any, fragment: str) -> str:
    """Return the value that the cell with `fragment` ends with."""
    [value] = ["".join(each["data"]["text/plain"]) for each in outputs_of(notebook, fragment) if "data" in each]
    return value


def reasons_of(prediction: Any) -> int:
    return len({each["feature"] for each in prediction["reasons"]})


@pytest.fixture(scope="module")
def trained_and_deployed(sdk2: Client) -> Any:
    return executed(sdk2, TRAIN)


def test_endpoint_answers_each_row_and_explains_one(trained_and_deployed: Any) -> None:
    scores = re.findall(SCORE, said_by(trained_and_deployed, 'print(reply["Body"]'), re.MULTILINE)

    assert len(scores) == 4
    assert reasons_of(ast.literal_eval(value_of(trained_and_deployed, "explain=3"))) == 3


def test_best_of_a_search_scores_a_file(sdk2: Client) -> None:
    notebook = executed(sdk2, TUNE)

    assert len(re.findall(SCORE, said_by(notebook, "print(scores)"), re.MULTILINE)) == 4
    assert "tuning_best_average_precision=" in said_by(notebook, "tune_trials")


def test_notebooks_leave_nothing(trained_and_deployed: Any, sdk2: Client) -> None:  # noqa: ARG001 (by then they ran)
    assert sdk2.containers() == []
    assert list(sdk2.folder.glob("fraud-detect-notebook-*")) == []
    assert sdk2.outside.asked == []


def test_the_same_cells_run_with_sdk_3(sdk3: Client) -> None:
    notebook = json.loads((NOTEBOOKS / f"{TRAIN}.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]

    program = f"__import__('os').chdir({str(NOTEBOOKS)!r})\n" + "\n".join(cells)
    found = sdk3.values(program, "prediction", WHERE="local", IMAGE=sdk3.image)

    assert reasons_of(found["prediction"]) == 3
    assert sdk3.containers() == []
    assert sdk3.outside.asked == []
