"""Samplers that leave out rows of one class that lie among the other one, also after SMOTE.

Knows distances and SMOTE. Never knows models, splits, files.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_detect.errors import TableError
from fraud_detect.resampling.distances import Between, Crowd, Places, between, have_nearer, nearest
from fraud_detect.resampling.encoding import Encoding
from fraud_detect.resampling.over import smote
from fraud_detect.resampling.resampled import Resampled, Resampling
from fraud_detect.schema import Float32Matrix

EDITED_NEIGHBOURS = 3  # as Wilson has it
MANY_PAIRS = 5_000_000_000  # a minute on one core

logger = logging.getLogger(__name__)


def tomek_links(
    features: Float32Matrix, labels: NDArray[np.uint8], categorical: Sequence[bool], _resampling: Resampling
) -> Resampled:
    """Leave out each legitimate row that has a fraud as its nearest row and is the nearest one to it (Tomek 1976).

    Only frauds and the rows nearest to them are asked for their neighbours: time grows with frauds times rows.
    """
    sides = _Sides.of("tomek_links", features, labels, categorical, features[:0])
    _, legitimate = _links(sides, sides.between())
    return sides.without(np.arange(0), legitimate)


def smote_tomek(
    features: Float32Matrix, labels: NDArray[np.uint8], categorical: Sequence[bool], resampling: Resampling
) -> Resampled:
    """Make frauds by SMOTE, then leave out both rows of each Tomek link (Batista et al. 2003), frauds too."""
    made = smote(features, labels, categorical, resampling).synthetic
    sides = _Sides.of("smote_tomek", features, labels, categorical, made)
    return sides.without(*_links(sides, sides.between()))


def smote_enn(
    features: Float32Matrix, labels: NDArray[np.uint8], categorical: Sequence[bool], resampling: Resampling
) -> Resampled:
    """Make frauds by SMOTE, then leave out rows, frauds too, near which there are others (Batista et al. 2004).

    Edited nearest neighbours (Wilson 1972): a row stays if its three nearest rows are of its own class.

    Raises
    ------
    TableError
        If no fraud, or no legitimate row, stays.
    """
    made = smote(features, labels, categorical, resampling).synthetic
    sides = _Sides.of("smote_enn", features, labels, categorical, made)
    opposite = sides.between()
    lost = [
        np.flatnonzero(~have_nearer(crowd, squares, EDITED_NEIGHBOURS))
        for crowd, squares in zip((sides.frauds, sides.legitimate), opposite.squares, strict=True)
    ]
    return sides.without(*lost)


@dataclass(frozen=True)
class _Sides:
    """Both classes, of the real rows and `synthetic` frauds after them."""

    sampler: str
    labels: NDArray[np.uint8]
    synthetic: Float32Matrix
    frauds: Crowd
    legitimate: Crowd

    @classmethod
    def of(
        cls,
        sampler: str,
        features: Float32Matrix,
        labels: NDArray[np.uint8],
        categorical: Sequence[bool],
        synthetic: Float32Matrix,
    ) -> _Sides:
        """Return the classes of `features` and `synthetic`, encoded by what `features` have."""
        encoding = Encoding.of(features, categorical)
        frauds = np.concatenate((features[labels == 1], synthetic))
        legitimate = Crowd(features, np.flatnonzero(labels == 0), encoding)
        return cls(sampler, labels, synthetic, Crowd(frauds, np.arange(len(frauds)), encoding), legitimate)

    def between(self) -> Between:
        """Return for both classes the nearest row of the other one; says so first, as it may take long."""
        pairs = len(self.frauds) * len(self.legitimate)
        level = logging.WARNING if pairs > MANY_PAIRS else logging.INFO
        counts = len(self.frauds), len(self.legitimate)
        logger.log(level, "%s: measuring %.1e distances, of %d frauds and %d others", self.sampler, pairs, *counts)
        return between(self.frauds, self.legitimate)

    def without(self, frauds: Places, legitimate: Places) -> Resampled:
        """Return what stays without these numbers of both classes."""
        if len(frauds) == len(self.frauds) or len(legitimate) == len(self.legitimate):
            raise TableError(
                f"{self.sampler} leaves no {'fraud' if len(frauds) == len(self.frauds) else 'legitimate row'}",
                expected="rows of both classes that lie among their own",
                remedy="Set resampler=smote or none.",
            )
        real = np.flatnonzero(self.labels)
        left_out = np.union1d(real[frauds[frauds < len(real)]], self.legitimate.places[legitimate])
        synthetic = np.delete(self.synthetic, frauds[frauds >= len(real)] - len(real), axis=0)
        lost = len(self.synthetic) - len(synthetic)
        logger.info("%s: %d real rows and %d synthetic ones left out", self.sampler, len(left_out), lost)
        return Resampled(np.delete(np.arange(len(self.labels)), left_out) if len(left_out) else None, synthetic)


def _links(sides: _Sides, opposite: Between) -> tuple[Places, Places]:
    """Return the numbers of the frauds and of the legitimate rows in Tomek links."""
    to_legitimate, to_fraud = opposite.numbers
    frauds = np.flatnonzero(to_fraud[to_legitimate] == np.arange(len(sides.frauds)))
    legitimate, squares = to_legitimate[frauds], opposite.squares[0][frauds]
    linked = np.ones(len(frauds), dtype=bool)
    for crowd, members in ((sides.frauds, frauds), (sides.legitimate, legitimate)):
        if len(crowd) > 1:  # the nearest of its own class is the row itself, the next one another
            linked &= nearest(crowd.part(members), crowd, 2)[0][:, 1] >= squares
    return frauds[linked], legitimate[linked]
