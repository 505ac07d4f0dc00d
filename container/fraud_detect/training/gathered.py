"""Rows of several hosts in one place, a sample of them where they are many: for what people look at.

Knows rows and hosts. Never knows what is shown.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fraud_detect.hosts import Hosts, in_order, order, own, sums
from fraud_detect.tables.table import Rows
from fraud_detect.training.partition import Parts
from fraud_detect.training.predictions import Predictions

MOST_BYTES = 128 << 20
"""Of the features of a part."""

logger = logging.getLogger(__name__)


def gathered(
    parts: Parts, held_out: Mapping[str, Predictions], hosts: Hosts
) -> tuple[Parts, Mapping[str, Predictions]]:
    """Return the parts of all hosts with the predictions of the `held_out` ones, both evenly spaced samples if large.

    On one host they are what was given.
    """
    if hosts.count == 1:
        return parts, held_out
    rows, made = {}, {}
    for name, part in (("training", parts.training), ("validation", parts.validation), ("test", parts.test)):
        if part is None:
            continue
        places = _places(part, hosts)
        rows[name] = _taken(part, places, hosts)
        if name in held_out:
            known = held_out[name]
            made[name] = replace(known, labels=known.labels[places], probabilities=known.probabilities[places])
    whole = Parts(rows["training"], rows["validation"], rows.get("test"), (), parts.left_out_rows)
    return replace(whole, validation_channel=parts.validation_channel), made


def _places(part: Rows, hosts: Hosts) -> NDArray[np.intp]:
    """Return which rows of all hosts are shown, of those in the order of their numbers."""
    (count,) = sums(hosts, len(part))
    most = max(1, MOST_BYTES // (4 * part.features.shape[1]))
    if count <= most:
        return np.arange(count)
    logger.warning("the report shows every %s row of a part with %s rows", f"{count / most:.1f}th", f"{count:,}")
    return np.linspace(0, count - 1, most).astype(np.intp)


def _taken(part: Rows, places: NDArray[np.intp], hosts: Hosts) -> Rows:
    chosen = part.take(own(hosts, order(hosts, part.numbers)[places], len(part)))
    features, labels, *times = in_order(
        hosts, chosen.numbers, chosen.features, chosen.labels, *([] if chosen.times is None else [chosen.times])
    )
    return Rows(features, labels, times[0] if times else None)
