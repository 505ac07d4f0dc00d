"""Samplers that make frauds and keep every real row.

Knows imbalanced-learn, features and labels of the training part. Never knows models, splits, files.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import TableError
from fraud_detect.resampling.distances import Crowd, nearest
from fraud_detect.resampling.encoding import Encoding
from fraud_detect.resampling.nominal import Nominal
from fraud_detect.resampling.resampled import Resampled, Resampling
from fraud_detect.schema import Float32Matrix

BORDER_NEIGHBOURS = 10  # of which at least half are legitimate around a fraud on the border (Han et al. 2005)
NOTHING_MADE = "No samples will be generated"

logger = logging.getLogger(__name__)


def smote(
    features: Float32Matrix, labels: NDArray[np.uint8], categorical: Sequence[bool], resampling: Resampling
) -> Resampled:
    """Make frauds between frauds by SMOTE (Chawla et al. 2002), SMOTE-NC with categories.

    SMOTE looks at frauds only, so only they are handed to it: memory is that of the frauds and of the result.
    Distances are taken between standardised columns. A missing number is replaced by its median for the distance,
    and is missing in the synthetic row if it is in most of its neighbours.

    Raises
    ------
    TableError
        If there are fewer than two frauds.
    """
    from imblearn.over_sampling import SMOTE, SMOTENC

    wanted = _wanted("smote", labels, resampling)
    if wanted == 0:
        return Resampled(None, features[:0])
    frauds = features[labels == 1]
    encoding = _encoding(frauds, categorical)
    encoded = encoding.apply(frauds)
    options = _options("smote", labels, resampling, wanted)
    categories = encoding.categories
    sampler = SMOTENC(categorical_features=categories, **options) if categories else SMOTE(**options)
    # The samplers insist on a second class, and never look at its rows.
    rows, classes = np.concatenate((encoded[:1], encoded)), np.append(0, np.ones(len(frauds), dtype=np.int8))
    return _made("smote", encoding.undo(np.asarray(_added(sampler, rows, classes), dtype=np.float32)), len(frauds))


def borderline_smote(
    features: Float32Matrix, labels: NDArray[np.uint8], categorical: Sequence[bool], resampling: Resampling
) -> Resampled:
    """Make frauds as SMOTE does, from those on the border alone: borderline-1 of Han et al. (2005).

    On the border are frauds of whose ten nearest rows at least half, but not all, are legitimate.

    Raises
    ------
    TableError
        If there are fewer than two frauds, or none is on the border.
    """
    from imblearn.over_sampling import BorderlineSMOTE

    wanted = _wanted("borderline_smote", labels, resampling)
    if wanted == 0:
        return Resampled(None, features[:0])
    border = min(BORDER_NEIGHBOURS, len(labels) - 1)
    options = _options("borderline_smote", labels, resampling, wanted)
    sampler = BorderlineSMOTE(m_neighbors=border, **options)
    synthetic = _by_surroundings(features, labels, categorical, sampler, border)
    if len(synthetic) == 0:
        raise _far_apart("borderline_smote", "on the border, with as many legitimate rows as frauds around it")
    return _made("borderline_smote", synthetic, int(labels.sum()))


def adasyn(
    features: Float32Matrix, labels: NDArray[np.uint8], categorical: Sequence[bool], resampling: Resampling
) -> Resampled:
    """Make frauds as SMOTE does, the more from a fraud the more legitimate rows are around it (He et al. 2008).

    How many come from each is rounded, so that their number is not exactly what the ratio says.

    Raises
    ------
    TableError
        If there are fewer than two frauds, or no fraud has a legitimate row among its nearest.
    """
    from imblearn.over_sampling import ADASYN

    wanted = _wanted("adasyn", labels, resampling)
    if wanted == 0:
        return Resampled(None, features[:0])
    options = _options("adasyn", labels, resampling, wanted)
    options["n_neighbors"] = options.pop("k_neighbors")
    try:
        synthetic = _by_surroundings(features, labels, categorical, ADASYN(**options), options["n_neighbors"])
    except RuntimeError as error:
        raise _far_apart("adasyn", "with a legitimate row among its nearest") from error
    except ValueError as error:
        if NOTHING_MADE not in str(error):
            raise
        synthetic = features[:0]
    return _made("adasyn", synthetic, int(labels.sum()))


def random_over(
    features: Float32Matrix, labels: NDArray[np.uint8], _categorical: Sequence[bool], resampling: Resampling
) -> Resampled:
    """Repeat frauds, drawn at random with replacement.

    Raises
    ------
    TableError
        If there is no fraud.
    """
    from imblearn.over_sampling import RandomOverSampler

    wanted = _wanted("random_over", labels, resampling, fewest=1)
    if wanted == 0:
        return Resampled(None, features[:0])
    frauds = np.flatnonzero(labels)
    sampler = RandomOverSampler(sampling_strategy={1: wanted}, random_state=resampling.seed)
    # The sampler insists on a second class, and draws among the rows of the first.
    classes = np.append(0, np.ones(len(frauds), dtype=np.int8))
    sampler.fit_resample(np.arange(len(classes)).reshape(-1, 1), classes)
    drawn = frauds[sampler.sample_indices_[len(classes) :] - 1]
    return _made("random_over", features[drawn], len(frauds))


def _wanted(sampler: str, labels: NDArray[np.uint8], resampling: Resampling, *, fewest: int = 2) -> int:
    """Return how many frauds there should be, 0 if there are as many already."""
    frauds = int(labels.sum())
    wanted = round(resampling.ratio * (len(labels) - frauds + resampling.elsewhere))
    if wanted <= frauds:
        logger.info("%s: %d frauds already reach the ratio %g; none made", sampler, frauds, resampling.ratio)
        return 0
    if frauds < fewest:
        raise TableError(
            f"The training part has {frauds} fraud rows",
            expected=f"at least {fewest} to make others from",
            remedy="Add frauds, or set resampler=none.",
        )
    return wanted


def _options(sampler: str, labels: NDArray[np.uint8], resampling: Resampling, wanted: int) -> dict[str, Any]:
    """Return what the library's samplers are told."""
    frauds, neighbours = int(labels.sum()), resampling.k_neighbors
    if frauds <= neighbours:
        logger.warning("%s: %d frauds allow k_neighbors=%d, not %d", sampler, frauds, frauds - 1, neighbours)
    neighbours = min(neighbours, frauds - 1)
    return {"sampling_strategy": {1: wanted}, "k_neighbors": neighbours, "random_state": resampling.seed}


def _encoding(rows: Float32Matrix, categorical: Sequence[bool]) -> Encoding:
    encoding = Encoding.of(rows, categorical)
    if not encoding.numbers:
        raise TableError(
            "The table has no number column",
            expected="at least one for synthetic rows to lie between others",
            remedy="Set resampler=none.",
        )
    return encoding


def _far_apart(sampler: str, where: str) -> TableError:
    return TableError(
        f"No fraud of the training part lies near legitimate rows, so {sampler} has none to begin with",
        expected=f"a fraud {where}",
        remedy="Set resampler=smote or none.",
    )


def _by_surroundings(
    features: Float32Matrix, labels: NDArray[np.uint8], categorical: Sequence[bool], sampler: Any, around: int
) -> Float32Matrix:
    """Return what `sampler` makes, which looks at the `around` nearest rows of each fraud and at no others.

    So only they are handed to it, beside all frauds: what it makes is the same, and memory is that of these rows.
    """
    encoding = _encoding(features, categorical)
    frauds, legitimate = (Crowd(features, np.flatnonzero(labels == label), encoding) for label in (1, 0))
    logger.info("looking for the %d nearest of %d legitimate rows to %d frauds", around, len(legitimate), len(frauds))
    _, near = nearest(frauds, legitimate, min(around, len(legitimate)))
    places = np.union1d(frauds.places, legitimate.places[near.ravel()])
    encoded = encoding.apply(features[places])
    nominal = Nominal.of(encoded, encoding)
    return encoding.undo(nominal.undo(_added(sampler, nominal.apply(encoded), labels[places])))


def _added(sampler: Any, rows: Any, labels: NDArray[np.integer]) -> Any:
    """Return the rows that `sampler` adds to `rows`."""
    with warnings.catch_warnings():
        # True and wanted: the few rows of the other class are no majority.
        warnings.filterwarnings("ignore", message="After over-sampling, the number of samples")
        resampled, _ = sampler.fit_resample(rows, labels)
    return resampled[len(labels) :]


def _made(sampler: str, synthetic: Float32Matrix, frauds: int) -> Resampled:
    logger.info("%s: %d frauds made from %d", sampler, len(synthetic), frauds)
    return Resampled(None, synthetic)
