"""Errors say got, expected, remedy, and know whose fault they are."""

from __future__ import annotations

import pickle

import pytest

from fraud_detect import errors


def an_error(kind: type[errors.UserError] = errors.TableError) -> errors.UserError:
    return kind("The label has 3 values", expected="two", remedy="Check the column.")


def subclasses(kind: type) -> list[type]:
    return [kind, *(below for child in kind.__subclasses__() for below in subclasses(child))]


def test_the_message_has_its_three_parts_in_order() -> None:
    assert str(an_error()) == "The label has 3 values; expected two. Check the column."


@pytest.mark.parametrize("kind", subclasses(errors.UserError))
def test_an_error_survives_the_way_between_processes(kind: type[errors.UserError]) -> None:
    error = an_error(kind)

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes

    assert type(copy) is kind
    assert (copy.got, copy.expected, copy.remedy) == (error.got, error.expected, error.remedy)


def test_every_error_of_a_request_has_its_own_status() -> None:
    kinds = [kind for kind in subclasses(errors.RequestError)[1:] if not kind.__subclasses__()]
    statuses = {kind.__name__: kind.status for kind in kinds}  # type: ignore[attr-defined]

    assert statuses == {
        "BadRequest": 400,
        "NotAcceptable": 406,
        "PayloadTooLarge": 413,
        "UnsupportedMediaType": 415,
        "NotLoaded": 404,
        "AlreadyLoaded": 409,
        "Busy": 503,
        "OutOfMemory": 507,
    }


def test_a_stop_is_nobodys_fault() -> None:
    assert not issubclass(errors.Stopped, errors.UserError)
