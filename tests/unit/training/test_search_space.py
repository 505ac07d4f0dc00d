"""What a search may vary fits what is declared of families, resamplers and their hyperparameters."""

from __future__ import annotations

from typing import Any

import pytest

from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.resampling.registry import SAMPLERS
from fraud_detect.sagemaker.hyperparameters import parse
from fraud_detect.training.parameters import names_of
from fraud_detect.training.search import DIGITS
from fraud_detect.training.search_space import FAMILY_SPACES, FAST, RESAMPLER_SPACES, RESAMPLERS, WEIGHT, Dimension

OF_FAMILIES = [(name, each) for name in FAMILIES for each in FAMILY_SPACES.get(name, ())]
OF_RESAMPLERS = [(name, each) for name in SAMPLERS for each in (*RESAMPLER_SPACES.get(name, ()), WEIGHT)]


def ends(dimension: Dimension) -> list[Any]:
    return list(dimension.choices) or [dimension.low, dimension.high]


@pytest.mark.parametrize(("family", "dimension"), OF_FAMILIES)
def test_a_family_takes_all_that_is_tried_of_it(family: str, dimension: Dimension) -> None:
    assert dimension.name in names_of(FAMILIES[family].parameters)
    for value in ends(dimension):
        parse({"algorithm": family, dimension.name: value})


@pytest.mark.parametrize(("resampler", "dimension"), OF_RESAMPLERS)
def test_a_resampler_takes_all_that_is_tried_of_it(resampler: str, dimension: Dimension) -> None:
    for value in ends(dimension):
        parse({"resampler": resampler, dimension.name: value})


@pytest.mark.parametrize(
    ("given", "dimension"),
    [
        *(({"algorithm": family}, each) for family, each in OF_FAMILIES),
        *(({"resampler": resampler}, each) for resampler, each in OF_RESAMPLERS),
    ],
)
def test_the_search_could_come_to_every_default(given: dict[str, str], dimension: Dimension) -> None:
    default = parse(given).by_name()[dimension.name]

    assert dimension.contains(default)
    assert dimension.choices or float(f"{default:.{DIGITS}g}") == default


@pytest.mark.parametrize("dimension", [each for _, each in (*OF_FAMILIES, *OF_RESAMPLERS)])
def test_a_range_has_two_ends_and_a_logarithm_if_it_asks_for_one(dimension: Dimension) -> None:
    assert dimension.choices or dimension.low < dimension.high
    assert not dimension.log or dimension.low > 0


def test_without_a_word_some_families_and_resamplers_are_searched() -> None:
    assert set(FAST) & set(FAMILIES)
    assert set(RESAMPLERS) & set(SAMPLERS)
