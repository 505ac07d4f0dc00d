"""Counts and times of requests, for Prometheus: of all workers together, whichever of them is asked.

Knows prometheus_client and the folder that the workers share. Never knows Flask, models.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fraud_detect.serving.tally import Tally

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METRICS_FOLDER = "metrics"
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client reads it when it is imported, and keeps the values of each process in a file there."""
SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histogram's buckets."""


class Metrics:
    """What this process has counted, and what all of them have. `folder` is None where there is only this one."""

    def __init__(self, folder: Path | None = None) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self._folder, self._registry = folder, CollectorRegistry()
        requests = Counter("fraud_detect_requests", "Requests answered.", ("route", "status"), registry=self._registry)
        self._rows = Counter("fraud_detect_rows", "Rows scored.", registry=self._registry)
        self._alerts = Counter("fraud_detect_alerts", "Rows predicted as fraud.", registry=self._registry)
        self._probability = Counter(
            "fraud_detect_probability", "Sum of the fraud probabilities of the rows scored.", registry=self._registry
        )
        seconds = Histogram(
            "fraud_detect_request_seconds",
            "Time from the arrival of a request's headers in a worker to its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        # Finding a label's value takes longer than counting.
        self._requests_of = cache(requests.labels)
        self._seconds_of = cache(seconds.labels)

    def observe(self, route: str, status: int, seconds: float, tally: Tally | None) -> None:
        """Count a request to `route` that was answered with `status` after `seconds`, and what it scored."""
        self._requests_of(route, status).inc()
        self._seconds_of(route).observe(seconds)
        if tally is not None:
            self._rows.inc(tally.rows)
            self._probability.inc(tally.probability_sum)
            if tally.alerts:
                self._alerts.inc(tally.alerts)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        if self._folder is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def make_folder(run_folder: Path) -> Path:
    """Return the folder in `run_folder` that the workers share, made if need be."""
    folder = run_folder / METRICS_FOLDER
    folder.mkdir(exist_ok=True)
    return folder
