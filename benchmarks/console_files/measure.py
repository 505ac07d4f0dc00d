"""Upload a file to a console that scores with a real server, as a browser does, and print how long each step took."""

from __future__ import annotations

import json
import os
import platform
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from console_browser import PATIENCE_SECONDS, Browser
from memory import BYTES_PER_MB, peak_bytes, resident_bytes
from processes import Program, free_port, running, workers

from fraud_detect.serving.cpus import available_cpus

TABLE = Path(__file__).parents[1] / "train" / "table.py"
OWN = Path(sys.executable).with_name("fraud-detect")
TRAINED_ROWS, ROUNDS = 100_000, 200
PAUSE_SECONDS = 0.1
NAME, PASSWORD = "measurer", secrets.token_urlsafe(16)
HEADINGS = (
    *("rows", "MB", "upload s", "scores s", "reasons and writing s", "until shown s", "download s"),
    *("console MB before", "at most"),
)


@dataclass(frozen=True)
class Course:
    """What one file took: seconds of each step, and the console's memory before and at most."""

    rows: int
    megabytes: float
    upload: float
    scoring: float
    writing: float
    download: float
    before_mb: float
    most_mb: float

    @property
    def until_shown(self) -> float:
        """Seconds from the first byte sent to the table in the page."""
        return self.upload + self.scoring + self.writing


def course_of(browser: Browser, console: int, content: bytes, rows: int) -> Course:
    """Return what a file takes; `console` is the process that answers."""
    before, start = resident_bytes(console), time.monotonic()
    sent = browser.post("/files", "/files", file=("rows.csv", content))
    address, uploaded, wrote = sent.headers["Location"], time.monotonic(), None
    while (told := json.loads(browser.get(f"{address}/progress").data))["state"] in ("waiting", "scoring"):
        if wrote is None and told["step"].startswith("explaining"):
            wrote = time.monotonic()
        assert time.monotonic() - start < PATIENCE_SECONDS, told
        time.sleep(PAUSE_SECONDS)
    assert told["state"] == "done", browser.get(address).data.decode()
    done = time.monotonic()
    assert len(browser.get(f"{address}/scored.csv").data) > len(content)
    fetched, wrote = time.monotonic(), wrote or done
    return Course(
        rows,
        len(content) / BYTES_PER_MB,
        uploaded - start,
        wrote - uploaded,
        done - wrote,
        fetched - done,
        before / BYTES_PER_MB,
        peak_bytes(console) / BYTES_PER_MB,
    )


@contextmanager
def a_console(root: Path, server_workers: int) -> Iterator[tuple[Browser, int]]:
    """Give a browser that is logged in to a console over the model in `root`, and the process that answers it."""
    port, own = free_port(), free_port()
    served, seen = (f"http://127.0.0.1:{number}" for number in (port, own))
    server = Program(
        [OWN, "serve", "--root", root, "--port", str(port), "--host", "127.0.0.1"],
        {"MODEL_SERVER_WORKERS": str(server_workers), "SAGEMAKER_CONTAINER_LOG_LEVEL": "WARNING"},
        f"{served}/ping",
    )
    console = Program([OWN, "console", "--endpoint", served, "--root", root, "--port", str(own)], {}, f"{seen}/ping")
    account = [OWN, "accounts", "add", NAME, "--root", root, "--role", "analyst"]
    subprocess.run(
        account, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "FRAUD_DETECT_PASSWORD": PASSWORD}
    )
    with running(server, root / "server.log"), running(console, root / "console.log") as leader:
        browser = Browser(seen)
        browser.post("/log-in", "/log-in", name=NAME, password=PASSWORD)
        (process,) = workers(leader)
        yield browser, process


def a_model(folder: Path) -> Path:
    """Return a folder in the layout of /opt/ml with a model of 30 columns."""
    root = folder / "root"
    (root / "input/config").mkdir(parents=True)
    (root / "input/data/train").mkdir(parents=True)
    (root / "input/data/train/train.csv").write_bytes(a_table(folder, TRAINED_ROWS))
    job = {"num_round": ROUNDS, "early_stopping_rounds": 0, "resampler": "none", "bootstrap_samples": 0}
    (root / "input/config/hyperparameters.json").write_text(json.dumps({name: str(job[name]) for name in job}))
    done = subprocess.run([OWN, "train", "--root", root], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return root


def a_table(folder: Path, rows: int) -> bytes:
    """Return a table of `rows` rows and 30 columns, its label first, as CSV."""
    subprocess.run([sys.executable, TABLE, folder, str(rows)], check=True)
    return (folder / "train.csv").read_bytes()


@click.command()
@click.option("--rows", type=int, multiple=True, default=(100_000, 700_000), show_default=True)
@click.option("--workers", "server_workers", type=int, default=2, show_default=True, help="Of the endpoint.")
def main(rows: tuple[int, ...], server_workers: int) -> None:
    """Tell how long files take from the first byte sent to the table in the page, and to the scored file."""
    setting = f"xgboost, {ROUNDS} rounds, 30 columns, {server_workers} workers, reasons for 10,000 rows"
    click.echo(f"{available_cpus()} CPUs ({platform.machine()}), {setting}\n")
    click.echo(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}")
    with (
        tempfile.TemporaryDirectory(prefix="fraud-detect-benchmark-") as name,
        a_console(a_model(Path(name)), server_workers) as (browser, process),
    ):
        for number in rows:
            each = course_of(browser, process, a_table(Path(name), number), number)
            times = (each.upload, each.scoring, each.writing, each.until_shown, each.download)
            memory = f"{each.before_mb:.0f} | {each.most_mb:.0f}"
            seconds = " | ".join(f"{value:.1f}" for value in times)
            click.echo(f"| {each.rows:,} | {each.megabytes:.0f} | {seconds} | {memory} |")


if __name__ == "__main__":
    main()
