"""What hosts say to each other, by XGBoost's own collective: one thread is one host."""

from __future__ import annotations

import numpy as np
import pytest

from fraud_detect.evaluation.ranking import average_precision_of
from fraud_detect.hosts import ALONE, Hosts, documents, in_order, on_any, own, sums
from host_factories import on_hosts

COUNT = 3


def test_sums_and_flags_are_of_all_hosts() -> None:
    found = on_hosts(COUNT, lambda hosts: (sums(hosts, hosts.rank, 1), on_any(hosts, hosts.rank == 2, False)))

    assert found == [([3, 3], [True, False])] * COUNT


@pytest.mark.parametrize("kind", ["uint8", "uint32", "float32", "float64"])
def test_what_is_gathered_is_bit_for_bit_what_each_has(kind: str) -> None:
    parts = [np.array([[np.pi, -0.0], [1e-38, 7]] * rank, dtype=kind).reshape(-1, 2) for rank in range(COUNT)]
    if kind.startswith("float"):
        parts[2][0, 0] = np.nan

    found = on_hosts(COUNT, lambda hosts: hosts.gather(parts[hosts.rank]))

    assert {each.tobytes() for each in found} == {np.concatenate(parts).tobytes()}


def test_nothing_can_be_gathered() -> None:
    found = on_hosts(COUNT, lambda hosts: hosts.gather(np.empty((0, 4), dtype=np.float32)).shape)

    assert found == [(0, 4)] * COUNT


def test_documents_are_of_each_host() -> None:
    texts = [None, {"a": ["é", 1, True]}, []]

    assert on_hosts(COUNT, lambda hosts: documents(hosts, texts[hosts.rank])) == [texts] * COUNT


def test_rows_are_put_in_the_order_that_one_host_has_them_in() -> None:
    numbers = np.random.default_rng(0).permutation(20)
    values = numbers * 10

    def ordered(hosts: Hosts) -> list[int]:
        rows = slice(hosts.rank * 5, 20 if hosts.rank == COUNT - 1 else hosts.rank * 5 + 5)
        return in_order(hosts, numbers[rows], values[rows])[0].tolist()

    assert on_hosts(COUNT, ordered) == [list(range(0, 200, 10))] * COUNT


def test_each_host_finds_its_own_among_what_was_gathered() -> None:
    chosen = np.array([0, 3, 4, 8])

    found = on_hosts(COUNT, lambda hosts: own(hosts, chosen, hosts.rank + 2).tolist())

    assert found == [[0], [1, 2], [3]]


def test_average_precision_is_that_of_all_rows() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(50, size=500).astype(np.float32), (rng.random(500) < 0.1).astype(np.uint8)

    def measured(hosts: Hosts) -> float:
        rows = slice(hosts.rank, None, hosts.count)
        return average_precision_of(labels[rows], scores[rows], hosts)

    assert on_hosts(COUNT, measured) == [average_precision_of(labels, scores)] * COUNT


def test_average_precision_of_a_host_without_rows_is_that_of_the_others() -> None:
    labels, scores = np.array([0, 1, 0], dtype=np.uint8), np.array([0.1, 0.4, 0.7])

    def measured(hosts: Hosts) -> float:
        rows = slice(0, 0 if hosts.rank else None)
        return average_precision_of(labels[rows], scores[rows], hosts)

    assert on_hosts(2, measured) == [0.5, 0.5]


def test_one_host_says_nothing() -> None:
    values = np.arange(3)

    assert ALONE.gather(values) is values
    assert ALONE.total(values) is values
