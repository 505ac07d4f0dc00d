"""Numbers and names as people read them.

Knows numbers and text. Never knows what they mean.
"""

from __future__ import annotations

from math import isfinite

NOTHING = "\N{EN DASH}"
"""What stands for a figure that is not defined."""
LONGEST = 80
"""Characters of a name or a category: tables have longer ones, and the page stays small."""
PERCENT = "\N{NO-BREAK SPACE}%"


def figure(value: float | None) -> str:
    """Return a metric in three decimals."""
    return NOTHING if value is None else f"{value:.3f}"


def short(value: float | None) -> str:
    """Return any number in about three digits: 0.0123, 4.56, 1,230."""
    if value is None or not isfinite(value):
        return NOTHING
    size = abs(value)
    if size >= 1_000_000:
        return f"{value:.3g}"
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def exact(value: float) -> str:
    """Return a float32 as the shortest decimal that names it."""
    return f"{value:.7g}"


def probability(value: float) -> str:
    """Return a probability with as many digits as its distance from 0 and 1 asks for."""
    if value > 0.999:
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return f"{value:.3g}" if value < 0.1 else f"{value:.3f}"


def percent(share: float | None) -> str:
    """Return a share of 1 in per cent."""
    if share is None:
        return NOTHING
    value = 100 * share
    if value == 0 or value >= 99.95:
        return f"{value:.0f}{PERCENT}"
    return f"{value:.1f}{PERCENT}" if value >= 1 else f"{value:.2g}{PERCENT}"


def count(value: float) -> str:
    """Return a whole number with separators."""
    return f"{value:,.0f}"


def signed(value: float) -> str:
    """Return a number in two digits or more with its sign."""
    text = f"{value:+.2f}" if abs(value) >= 0.1 else f"{value:+.2g}"
    return "0" if value == 0 else text.replace("-", "\N{MINUS SIGN}")


def shortened(text: str, most: int = LONGEST) -> str:
    """Return `text`, cut where it is longer than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
