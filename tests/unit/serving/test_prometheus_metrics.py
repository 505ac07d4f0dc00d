"""What is counted is exposed in Prometheus' format, over all workers together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from fraud_detect.serving.gunicorn import environment
from fraud_detect.serving.metrics import METRICS_FOLDER, SECONDS, Metrics, make_folder

WORKER = """
import sys
from pathlib import Path
from fraud_detect.serving.metrics import Metrics
from fraud_detect.serving.tally import Tally
metrics = Metrics(Path(sys.argv[1]))
for _ in range(3):
    metrics.observe("/invocations", 200, 0.0015, Tally(10, 2, 2.25))
metrics.observe("/invocations", 400, 100.0, None)
print(metrics.exposition().decode())
"""


def samples(text: str) -> dict[tuple[str, str], float]:
    """Return the samples by name and by bucket or status."""
    return {
        (sample.name, sample.labels.get("le") or sample.labels.get("status", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def a_worker(folder: Path) -> dict[tuple[str, str], float]:
    made = make_folder(folder)
    done = subprocess.run(
        [sys.executable, "-c", WORKER, made], env=environment({}, folder), capture_output=True, text=True, check=True
    )
    return samples(done.stdout)


def test_requests_are_counted_by_status_and_rows_in_all(tmp_path: Path) -> None:
    counted = a_worker(tmp_path)

    assert counted["fraud_detect_requests_total", "200"] == 3
    assert counted["fraud_detect_requests_total", "400"] == 1
    assert counted["fraud_detect_rows_total", ""] == 30


def test_alerts_and_probabilities_are_summed_up(tmp_path: Path) -> None:
    counted = a_worker(tmp_path)

    assert counted["fraud_detect_alerts_total", ""] == 6
    assert counted["fraud_detect_probability_total", ""] == 6.75


def test_times_fall_into_buckets(tmp_path: Path) -> None:
    counted = a_worker(tmp_path)

    assert counted["fraud_detect_request_seconds_bucket", "0.001"] == 0
    assert counted["fraud_detect_request_seconds_bucket", "0.002"] == 3
    assert counted["fraud_detect_request_seconds_bucket", str(SECONDS[-1])] == 3
    assert counted["fraud_detect_request_seconds_bucket", "+Inf"] == 4


def test_a_worker_tells_what_those_before_it_have_counted(tmp_path: Path) -> None:
    a_worker(tmp_path)

    assert a_worker(tmp_path)["fraud_detect_rows_total", ""] == 60
    assert [path.suffix for path in (tmp_path / METRICS_FOLDER).iterdir()].count(".db") > 1


def test_one_process_needs_no_folder() -> None:
    metrics = Metrics()
    metrics.observe("/ping", 200, 0.001, None)

    assert samples(metrics.exposition().decode())["fraud_detect_requests_total", "200"] == 1
