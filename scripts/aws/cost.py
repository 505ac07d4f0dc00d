"""What bills, said before it does, and the user's yes to it.

Knows hours, not prices: those differ by region and over time, and AWS has the page. Never knows which job bills.
"""

from __future__ import annotations

import sys

import click
from faults import Fault
from session import Aws

PRICES = "https://aws.amazon.com/sagemaker/ai/pricing/"


def instance_hours(count: int, instance_type: str, seconds: int) -> str:
    """Return what `count` instances for at most `seconds` come to, as a phrase."""
    hours = seconds / 3600
    return f"{count} x {instance_type} for at most {hours:g} h = at most {count * hours:g} instance-hours"


def agree(aws: Aws, bills: str, *, stop: str, yes: bool) -> None:
    """Say what bills and how to stop it, and return once the user agrees, or has with `yes`.

    Raise `Fault` for a no, and where nobody can be asked. A dry run only says it.
    """
    click.echo(f"AWS bills {bills} ({PRICES}). {stop}", err=True)
    if aws.dry is None and not yes:
        need_yes("Go on?")


def need_yes(question: str) -> None:
    """Return if the user answers yes; raise `Fault` for a no, and where standard input is no terminal."""
    if not sys.stdin.isatty():
        raise Fault(
            "Nobody can be asked whether to go on: standard input is not a terminal",
            expected="a terminal, or --yes",
            remedy="Pass --yes to agree, or --dry-run to see the requests.",
        )
    if not click.confirm(question, err=True):
        raise Fault("The answer was no", expected="a yes", remedy="Nothing was done; run it again to be asked again.")
