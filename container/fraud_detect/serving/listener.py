"""The port, and its end without the loss of a request.

A program that closes its port drops the connections that wait there: the system has accepted them, and their requests,
in its name. So new ones are turned away first, while the program takes what waits.

Knows sockets. Never knows nginx, gunicorn, processes.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from fraud_detect.errors import SettingError

TAKE_SECONDS = 0.1
"""How long a program has to take the connections that wait, and those whose handshake is under way."""
SO_ATTACH_FILTER = 26
_DROP_SYN = (
    (0x30, 0, 0, 13),  # load the byte of TCP's header that holds its flags
    (0x45, 0, 1, 0x02),  # go on if SYN is set, else over the next line
    (0x06, 0, 0, 0),  # drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # let it pass whole
)
"""A program of the kernel's packet filter, which wants no privilege: code, two jumps, operand."""


def address(host: str) -> str:
    """Return `host` as it stands before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def bound(host: str, port: int) -> socket.socket:
    """Return a socket with this address, for a program to listen on.

    Raises
    ------
    SettingError
        If it cannot be had: a server's own message would come late and say less.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        where = f"http://{address(host)}:{port}"
        got = f"Port {port} is in use" if error.errno == errno.EADDRINUSE else f"Cannot listen on {where}: {error}"
        raise SettingError(
            got,
            expected="a free port of this machine, above 1023 unless root serves",
            remedy="Choose another with --port or SAGEMAKER_BIND_TO_PORT, or stop what listens there.",
        ) from None
    return listener


def turn_away(listeners: Sequence[socket.socket]) -> None:
    """Let no further connection begin; those that have begun pass.

    A client that comes now tries again a second later, and is refused once nobody listens. Only Linux can do this.
    """
    if sys.platform != "linux":
        return
    lines = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in _DROP_SYN))
    program = struct.pack("HP", len(_DROP_SYN), ctypes.addressof(lines))
    for listener in listeners:
        with suppress(OSError):  # a sandbox without filters: some connections may be lost, as anywhere
            listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def close_gently(listener: socket.socket) -> None:
    """Give up our hold on a port that another program listens on, after it has taken what waits there."""
    turn_away([listener])
    time.sleep(TAKE_SECONDS)
    listener.close()
