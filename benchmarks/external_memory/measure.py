"""Train in a container with little memory, and print whether it came through, its time, and what its memory held.

What the kernel keeps of files counts towards the limit, too, and is let go when memory is needed: the program's own is
what it cannot do without.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

TABLE = Path(__file__).with_name("table.py")
STATISTICS = ("/sys/fs/cgroup/memory.stat", "/sys/fs/cgroup/memory/memory.stat")
"""Of control groups, version 2 and 1."""
OWN = ("anon", "total_rss")
SECONDS_BETWEEN_LOOKS = 1.0
OUT_OF_MEMORY = 137


def docker(*arguments: str) -> str:
    """Return what docker prints, nothing if it fails."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def own_bytes(container: str) -> int:
    """Return the memory that the programs in `container` have for themselves, 0 once they have ended."""
    for path in STATISTICS:
        lines = [line.split() for line in docker("exec", container, "cat", path).splitlines()]
        for name, number in lines:
            if name in OWN:
                return int(number)
    return 0


def train(root: Path, image: str, memory: str) -> tuple[int, float, int, str]:
    """Return exit code, seconds, the most own bytes seen and the log of a training in `root`."""
    limits = ("--memory", memory, "--memory-swap", memory)
    started, most = time.monotonic(), 0
    container = docker("run", "--detach", *limits, "--volume", f"{root}:/opt/ml", image, "train").strip()
    if not container:
        sys.exit("docker did not start the container")
    try:
        while docker("inspect", "--format", "{{.State.Running}}", container).strip() == "true":
            most = max(most, own_bytes(container))
            time.sleep(SECONDS_BETWEEN_LOOKS)
        seconds = time.monotonic() - started
        code = int(docker("inspect", "--format", "{{.State.ExitCode}}", container))
        log = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True).stderr
    finally:
        docker("rm", "--force", container)
    return code, seconds, most, log


def configure(root: Path, rounds: int, resampler: str, external_memory: str) -> None:
    """Write the job's hyperparameters."""
    job = {"num_round": str(rounds), "early_stopping_rounds": "0", "resampler": resampler}
    (root / "input/config").mkdir(parents=True)
    path = root / "input/config/hyperparameters.json"
    path.write_text(json.dumps({**job, "external_memory": external_memory}))


@click.command()
@click.option("--image", default="fraud-detect", show_default=True)
@click.option("--rows", type=int, default=20_000_000, show_default=True)
@click.option("--rounds", type=int, default=10, show_default=True)
@click.option("--resampler", default="none", show_default=True)
@click.option("--memory", default="6g", show_default=True, help="As Docker's --memory; there is no swap.")
@click.option("--in-memory", is_flag=True, help="Keep the table in memory, to see whether it would have fitted.")
def main(image: str, rows: int, rounds: int, resampler: str, memory: str, in_memory: bool) -> None:
    """Train on a table of 30 columns, in files of Parquet."""
    with tempfile.TemporaryDirectory(prefix="fraud-detect-benchmark-") as name:
        root = Path(name)
        (root / "input/data/train").mkdir(parents=True)
        subprocess.run([sys.executable, str(TABLE), str(root / "input/data/train"), str(rows)], check=True)
        configure(root, rounds, resampler, "false" if in_memory else "true")
        code, seconds, most, log = train(root, image, memory)
    outcome = {0: "done", OUT_OF_MEMORY: "killed for lack of memory"}.get(code, f"exit code {code}\n{log}")
    where = "in memory" if in_memory else "on disk"
    click.echo(
        f"{rows:,} rows x 30 columns {where}, {rounds} rounds, resampler={resampler}, --memory {memory}: {outcome}"
    )
    click.echo(f"{seconds:.0f} s; the programs' own memory was {most / 2**30:.2f} GiB at most")


if __name__ == "__main__":
    main()
