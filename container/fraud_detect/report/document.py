"""What a report tells programs: how scores are distributed, and what features are worth.

Knows a job and its importance. Never knows pages, files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fraud_detect.report.data import HeldOut, Job
from fraud_detect.report.distributions import SCORE_ENDS, on_scale
from fraud_detect.report.importance import Importance

SCORE_STEP = 0.1
"""Width of a bin of scores, in log-odds."""


def document(job: Job, worth: Importance) -> Mapping[str, Any]:
    """Return what report.json says of `job`; see docs/report.md."""
    return {
        "part": job.held_out.part,
        "threshold": job.threshold,
        "scores": _scores(job.held_out),
        "importance": {"by": worth.by, "rows": worth.rows, "features": _features(job, worth)},
    }


def _scores(held_out: HeldOut) -> Mapping[str, Any]:
    edges = np.linspace(*SCORE_ENDS, round((SCORE_ENDS[1] - SCORE_ENDS[0]) / SCORE_STEP) + 1).round(1)
    scores = on_scale(held_out.probabilities)
    frauds, legitimate = (np.histogram(scores[held_out.labels == label], edges)[0].tolist() for label in (1, 0))
    return {"edges": edges.tolist(), "frauds": frauds, "legitimate": legitimate}


def _features(job: Job, worth: Importance) -> list[Mapping[str, Any]]:
    """Return every feature, the most important first."""
    return [
        {"name": job.schema.columns[place].name, "value": worth.values[place], "direction": worth.direction[place]}
        for place in worth.order()
    ]
