"""What hosts tell each other beside the training, over real connections."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from fraud_detect.errors import TableError
from fraud_detect.sagemaker import line
from fraud_detect.sagemaker.roll_call import PORT, Caller, Failure, RollCall
from host_factories import loopback_names

NAMES = ["algo-1", "algo-2"]
Meet = Callable[..., list[Caller]]


def nothing() -> None:
    pass


@pytest.fixture
def meet() -> Iterator[Meet]:
    """Return a function that lets hosts call the first one."""
    (address,) = loopback_names(1)
    opened: list[Any] = []

    def callers(prepare: Callable[[Mapping[str, Any]], None] = lambda _: None) -> list[Caller]:
        opened.append(RollCall(address, NAMES, prepare))
        opened[:0] = [Caller(socket.create_connection((address, PORT), 5), name, NAMES[0]) for name in NAMES]
        return opened[: len(NAMES)]

    yield callers
    for each in opened:
        each.close()


def together(*works: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)


def test_each_learns_what_all_have(meet: Meet) -> None:
    one, two = meet()
    found: list[Any] = []

    together(*(lambda caller=caller: found.append(caller.roll({"of": caller.name}, nothing)) for caller in (one, two)))

    assert found == [{name: {"of": name} for name in NAMES}] * 2


def test_all_learn_why_one_fails(meet: Meet) -> None:
    one, two = meet()

    two.fail("The label is missing", 1)

    assert one.wait_for_failure(5) == two.wait_for_failure(5) == Failure("algo-2", "The label is missing", 1)


def test_a_host_that_calls_late_learns_why_the_first_has_failed() -> None:
    (address,) = loopback_names(1)
    roll_call = RollCall(address, NAMES, lambda _: None)
    one = Caller(socket.create_connection((address, PORT), 5), "algo-1", "algo-1")
    one.fail("The hyperparameters are wrong", 1)
    one.wait_for_failure(5)
    one.close()
    leaving = threading.Thread(target=roll_call.close)
    leaving.start()

    two = Caller(socket.create_connection((address, PORT), 5), "algo-2", "algo-1")

    assert two.wait_for_failure(5) == Failure("algo-1", "The hyperparameters are wrong", 1)
    two.close()
    leaving.join(5)
    assert not leaving.is_alive()


def test_a_host_that_hangs_up_before_all_are_done_is_gone(meet: Meet) -> None:
    one, two = meet()

    two.close()

    failure = one.wait_for_failure(5)
    assert failure is not None
    assert failure.host == "algo-2"
    assert "gone" in failure.cause


def test_a_first_host_that_hangs_up_is_gone_for_the_others() -> None:
    (address,) = loopback_names(1)
    with socket.create_server((address, PORT)) as first:
        caller = Caller(socket.create_connection((address, PORT), 5), "algo-2", "algo-1")
        first.accept()[0].close()

        failure = caller.wait_for_failure(5)

    assert failure is not None
    assert failure.host == "algo-1"
    caller.close()


def test_a_host_that_waits_learns_that_another_failed(meet: Meet) -> None:
    one, two = meet()

    together(lambda: one.roll({}, nothing), lambda: two.fail("no room", 2))

    assert one.failure == Failure("algo-2", "no room", 2)


def test_what_cannot_be_prepared_fails_all(meet: Meet) -> None:
    def refuse(_has: Mapping[str, Any]) -> None:
        raise TableError("no rows", expected="some", remedy="Add them.")

    one, two = meet(refuse)

    together(*(lambda caller=caller: caller.roll({}, nothing) for caller in (one, two)))

    assert two.failure == Failure("algo-1", "no rows; expected some. Add them.", 1)


def test_none_leaves_before_all_are_done(meet: Meet) -> None:
    one, two = meet()
    left = threading.Event()
    first = threading.Thread(target=lambda: (one.done(), left.set()))
    first.start()

    assert not left.wait(0.3)
    two.done()
    first.join(5)

    assert left.is_set()
    assert one.failure is two.failure is None


def test_a_stranger_is_not_heard(meet: Meet) -> None:
    one, _two = meet()
    (address, _port) = one._line._connection.getpeername()
    stranger = Caller(socket.create_connection((address, PORT), 5), "algo-9", NAMES[0])

    stranger.fail("nonsense", 1)

    assert one.wait_for_failure(0.5) is None
    stranger.close()


def test_a_first_host_that_is_silent_is_gone_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a machine loses its power: nothing closes the connection."""
    monkeypatch.setattr(line, "SECONDS_OF_SILENCE", 0.3)
    (address,) = loopback_names(1)
    with socket.create_server((address, PORT)) as first:
        caller = Caller(socket.create_connection((address, PORT), 5), "algo-2", "algo-1")
        silent, _ = first.accept()

        failure = caller.wait_for_failure(5)

    assert failure is not None
    assert failure.host == "algo-1"
    silent.close()
    caller.close()


def test_a_host_that_only_beats_is_alive(meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "SECONDS_OF_SILENCE", 0.5)
    monkeypatch.setattr(line, "SECONDS_BETWEEN_BEATS", 0.1)
    one, _two = meet()

    assert one.wait_for_failure(1.2) is None
