"""A port is held, and left without the loss of a connection."""

from __future__ import annotations

import socket
import sys

import pytest

from fraud_detect.errors import SettingError
from fraud_detect.serving.listener import bound, turn_away

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's")


def a_listener() -> socket.socket:
    listener = bound("127.0.0.1", 0)
    listener.listen()
    return listener


def test_a_bound_socket_has_the_address() -> None:
    with bound("127.0.0.1", 0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_a_port_in_use_is_an_error_that_names_it() -> None:
    with a_listener() as taken, pytest.raises(SettingError, match=f"Port {taken.getsockname()[1]} is in use"):
        bound("127.0.0.1", taken.getsockname()[1])


def test_an_address_of_another_machine_is_an_error_that_names_it() -> None:
    with pytest.raises(SettingError, match=r"Cannot listen on http://192\.0\.2\.1:8080"):
        bound("192.0.2.1", 8080)


@only_linux
def test_who_comes_after_the_end_is_turned_away() -> None:
    with a_listener() as listener:
        turn_away([listener])

        with pytest.raises(TimeoutError):
            socket.create_connection(listener.getsockname(), timeout=0.1)


@only_linux
def test_who_came_before_the_end_is_taken() -> None:
    with a_listener() as listener, socket.create_connection(listener.getsockname()) as client:
        turn_away([listener])
        taken, _ = listener.accept()
        client.sendall(b"a request")

        assert taken.recv(100) == b"a request"
        taken.close()
