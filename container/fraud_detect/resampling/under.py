"""Samplers that leave legitimate rows out and keep every fraud.

Knows imbalanced-learn, features and labels of the training part. Never knows models, splits, files.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fraud_detect.resampling.distances import Crowd, sums_of_nearest
from fraud_detect.resampling.encoding import Encoding
from fraud_detect.resampling.resampled import Resampled, Resampling
from fraud_detect.schema import Float32Matrix

logger = logging.getLogger(__name__)


def random_under(
    features: Float32Matrix, labels: NDArray[np.uint8], _categorical: Sequence[bool], resampling: Resampling
) -> Resampled:
    """Keep as many legitimate rows, drawn at random without replacement, as the ratio allows."""
    from imblearn.under_sampling import RandomUnderSampler

    wanted, legitimate = _wanted("random_under", labels, resampling)
    if wanted >= legitimate:
        return Resampled(None, features[:0])
    sampler = RandomUnderSampler(sampling_strategy={0: wanted}, random_state=resampling.seed)
    sampler.fit_resample(np.arange(len(labels)).reshape(-1, 1), labels)
    return Resampled(np.sort(sampler.sample_indices_), features[:0], drawn_share=wanted / legitimate)


def near_miss(
    features: Float32Matrix, labels: NDArray[np.uint8], categorical: Sequence[bool], resampling: Resampling
) -> Resampled:
    """Keep as many legitimate rows as the ratio allows: those nearest, on average, to their nearest frauds.

    NearMiss-1 of Mani and Zhang (2003), with `k_neighbors` frauds; of equal ones the first are kept. What is kept is
    not drawn at random, and what is left out lies elsewhere: the model knows little of most legitimate rows.
    """
    wanted, legitimate = _wanted("near_miss", labels, resampling)
    if wanted >= legitimate:
        return Resampled(None, features[:0])
    encoding = Encoding.of(features, categorical)
    frauds, others = (Crowd(features, np.flatnonzero(labels == label), encoding) for label in (1, 0))
    logger.info("near_miss: measuring the distances of %d frauds and %d others", len(frauds), len(others))
    sums = sums_of_nearest(others, frauds, min(resampling.k_neighbors, len(frauds)))
    first = np.argsort(sums, kind="stable")[:wanted]
    return Resampled(np.union1d(frauds.places, others.places[first]), features[:0])


def _wanted(sampler: str, labels: NDArray[np.uint8], resampling: Resampling) -> tuple[int, int]:
    """Return how many legitimate rows there should be, and how many there are."""
    frauds = int(labels.sum())
    wanted, legitimate = round(frauds / resampling.ratio), len(labels) - frauds
    if wanted >= legitimate:
        logger.info("%s: %d frauds already reach the ratio %g; none left out", sampler, frauds, resampling.ratio)
    else:
        logger.info("%s: %d of %d legitimate rows are kept", sampler, wanted, legitimate)
    return wanted, legitimate
