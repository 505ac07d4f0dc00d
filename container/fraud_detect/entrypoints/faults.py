"""What ends a command early becomes one message and an exit code.

Knows Click and signals. Never knows what failed.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from fraud_detect.errors import UserError

ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def faults_shown() -> Iterator[None]:
    """Turn a `UserError` into Click's message, and Ctrl-C, SIGTERM or SIGHUP into a line and exit code 128 + number.

    Such a signal tidies up on its way out. Nothing shows a traceback.
    """
    received = [signal.SIGINT]

    def end(number: int, _frame: FrameType | None) -> None:
        received.append(signal.Signals(number))
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in ENDING}
    try:
        yield
    except UserError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo(f"{received[-1].name}: ended early. No file is half-written; the same command goes on.", err=True)
        sys.exit(128 + received[-1])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
