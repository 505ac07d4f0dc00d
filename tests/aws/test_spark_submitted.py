"""The application and the zip as uploaded, run by spark-submit where only Python and PySpark can be imported."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from aws_stand_in import StandIn
from click.testing import CliRunner

from fraud_detect.entrypoints.features import command
from fraud_detect.simulation import files
from fraud_detect.simulation.parameters import Parameters
from fraud_detect.simulation.simulate import simulate

SPARK_SUBMIT = Path(sys.executable).with_name("spark-submit")
BARE = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder


class OnlySpark:
    @staticmethod
    def find_spec(name, path=None, target=None):
        found = PathFinder.find_spec(name, path, target)
        installed = found is not None and "site-packages" in str(found.origin or found.submodule_search_locations)
        return None if installed and name.partition(".")[0] not in ("pyspark", "py4j") else found


# The package is to come from the zip: not from the checkout that the environment is linked to.
sys.meta_path[:] = [BuiltinImporter, FrozenImporter, OnlySpark]
sys.path[:] = [path for path in sys.path if not path.rstrip("/").endswith("/container")]
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def transactions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a thousand simulated transactions of 12 days."""
    folder = tmp_path_factory.mktemp("transactions")
    parameters = Parameters(customers=40, terminals=80, days=12, radius=30.0)
    tables = simulate(parameters, np.random.default_rng(0))
    list(files.write(tables, files.prepare(folder, "parquet", parameters)))
    return folder


@pytest.fixture(scope="module")
def program(aws_of_module: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the application and the package as the script uploads them."""
    if (not SPARK_SUBMIT.exists() or shutil.which("java") is None) and os.environ.get("CI") != "true":
        pytest.skip("needs PySpark, which `scripts/setup full` installs, and Java")
    done = aws_of_module.submit("emr-serverless", "--release", "emr-7.13.0", "--python", "/usr/bin/python3.11")
    assert done.status == 0, done.errors
    folder = tmp_path_factory.mktemp("program")
    first_line = done.said.splitlines()[0].replace(" and ", " ")
    for address in first_line.split()[2:]:
        (folder / Path(address).name).write_bytes(aws_of_module.object(address))
    (folder / "sitecustomize.py").write_text(BARE)
    return folder


def spark_submit(program: Path, *arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    paths = {"PYTHONPATH": str(program), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    all_settings = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", **settings}
    options = [word for name, value in all_settings.items() for word in ("--conf", f"{name}={value}")]
    command_line: list[str | Path] = ["--master", "local[2]", *options, "--py-files", program / "fraud_detect.zip"]
    return subprocess.run(
        [SPARK_SUBMIT, *command_line, program / "spark_features.py", *arguments],
        env=os.environ | paths,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def table(folder: Path) -> Sequence[Sequence[Any]]:
    """Return all rows of the day files in `folder`, in the order of their ids."""
    return duckdb.sql(f"FROM '{folder}/*.parquet' ORDER BY TRANSACTION_ID").fetchall()


def by_duckdb(transactions: Path, folder: Path, feature_set: str) -> Sequence[Sequence[Any]]:
    """Return the rows that the command makes on one machine."""
    told = ["--input", str(transactions), "--output", str(folder), "--set", feature_set]
    assert CliRunner().invoke(command, told).exit_code == 0
    return table(folder)


def test_what_is_submitted_computes_the_features_that_one_machine_does(
    program: Path, transactions: Path, tmp_path: Path
) -> None:
    ran = spark_submit(program, "--input", transactions, "--output", tmp_path / "spark", "--set", "extended")
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert table(tmp_path / "spark") == by_duckdb(transactions, tmp_path / "duckdb", "extended")
    assert "INFO wrote 1," in ran.stdout


def test_what_is_submitted_reads_and_writes_a_file_system_of_hadoops(
    program: Path, transactions: Path, tmp_path: Path
) -> None:
    links = {"in": transactions, "out": tmp_path / "spark"}
    (tmp_path / "spark").mkdir()
    mounts = {f"spark.hadoop.fs.viewfs.mounttable.ours.link./{name}": path.as_uri() for name, path in links.items()}
    ran = spark_submit(program, "--input", "viewfs://ours/in", "--output", "viewfs://ours/out", **mounts)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert table(tmp_path / "spark") == by_duckdb(transactions, tmp_path / "duckdb", "handbook")


def test_a_fault_of_the_data_is_said_in_the_jobs_log_without_a_traceback(program: Path, tmp_path: Path) -> None:
    ran = spark_submit(program, "--input", tmp_path / "nothing", "--output", tmp_path / "out")
    assert ran.returncode != 0
    assert "; expected " in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
