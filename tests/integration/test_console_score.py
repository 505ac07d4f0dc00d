"""A console over a trained model and its real server: what the page of the API says, works, and so does trouble."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from console_process import ConsoleProcess
from fraud_detect.entrypoints.train import train_root
from running_server import PATIENCE_SECONDS, Server
from training_factories import REPOSITORY, a_root

pytestmark = pytest.mark.alone

PAGE = (REPOSITORY / "docs" / "console-score.md").read_text(encoding="utf-8")
ONE, SEVERAL = re.findall(r"```bash\n(curl .*?)```", PAGE, flags=re.DOTALL)
(ANSWER,) = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
EXPLAINED_TO = 1e-6


def a_shop_table(rows: int = 2_000) -> pd.DataFrame:
    """Return purchases of which those abroad, at night and of large amounts are frauds more often."""
    rng = np.random.default_rng(0)
    amount, hour, abroad = rng.gamma(1, 100, rows).round(2), rng.integers(24, size=rows), rng.random(rows) < 0.2
    shop = rng.choice(["food", "fuel", "online", None], rows, p=[0.5, 0.2, 0.2, 0.1])
    odds = 3 * (amount / 150 + 2 * abroad + 1.5 * (hour < 6) + (shop == "online") - 4)
    fraud = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)
    flags = np.where(abroad, "true", "false")
    return pd.DataFrame({"is_fraud": fraud, "amount": amount, "hour": hour, "abroad": flags, "shop": shop})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = a_root(tmp_path_factory.mktemp("root"), {"num_round": "40"}, train=a_shop_table())
    assert train_root(folder) == 0
    return folder


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    with Server(root, "alone", SAGEMAKER_CONTAINER_LOG_LEVEL="ERROR") as running:
        yield running


@pytest.fixture(scope="module")
def console(root: Path, server: Server) -> Iterator[ConsoleProcess]:
    with ConsoleProcess(root, f"http://127.0.0.1:{server.port}") as running:
        yield running


def said(console: ConsoleProcess, command: str) -> Any:
    """Return what a command of the page prints, as JSON."""
    environment = {"CONSOLE": console.url, "TOKEN": console.token(), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_row_is_answered_as_the_page_says(console: ConsoleProcess) -> None:
    told, answer = json.loads(ANSWER), said(console, ONE)
    assert answer.keys() == told.keys()
    assert [reason["feature"] for reason in answer["reasons"]] == [reason["feature"] for reason in told["reasons"]]
    assert answer["verdict"] == told["verdict"]
    assert answer["probability"] == pytest.approx(told["probability"], abs=0.02)


def test_console_and_endpoint_agree(console: ConsoleProcess, server: Server) -> None:
    features = json.loads(ONE.split("-d '")[1].rpartition("'")[0])["features"]
    body = json.dumps({"instances": [features]}).encode()
    (direct,) = server.send("/invocations", body, "application/json").json["predictions"]
    answer = said(console, ONE)
    assert (answer["probability"], answer["label"]) == (direct["probability"], direct["predicted_label"])


def test_reasons_and_the_rest_add_up(console: ConsoleProcess) -> None:
    answer = said(console, ONE)
    whole = answer["base_value"] + answer["other_contributions"] + sum(r["contribution"] for r in answer["reasons"])
    assert whole == pytest.approx(answer["raw_score"], abs=EXPLAINED_TO)


def test_several_rows_are_answered_as_the_page_says(console: ConsoleProcess) -> None:
    answer = said(console, SEVERAL)
    assert [(row["verdict"], row["reasons"]) for row in answer["rows"]] == [("legitimate", [])] * 2


def test_a_server_that_is_gone_is_said_without_where_it_was(root: Path) -> None:
    with Server(root, "alone") as going, ConsoleProcess(root, f"http://127.0.0.1:{going.port}") as running:
        assert "probability" in said(running, ONE)
        going.process.terminate()
        going.process.wait(PATIENCE_SECONDS)
        answer = said(running, ONE)
        assert (answer["error"], str(going.port) in answer["message"]) == ("The model does not answer", False)
        assert f"127.0.0.1:{going.port}" in running.log
