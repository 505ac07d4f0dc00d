"""A user's fault becomes one message and exit code 1 on the command line.

Knows Click. Never knows what failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from fraud_detect.errors import UserError


@contextmanager
def faults_shown() -> Iterator[None]:
    """Turn a `UserError` of the block into Click's message on standard error, without a traceback."""
    try:
        yield
    except UserError as error:
        raise click.ClickException(str(error)) from error
