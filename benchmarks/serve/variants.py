"""Ways to run gunicorn, each with our view and with a constant one.

Knows gunicorn's options and lines of our nginx configuration. Never knows how sides are driven.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bodies import csv
from comparison import HEADS, compare
from setting import Setting
from sides import Server, Side, Stack
from tables import table
from wrk import Load

VIEWS = ("scoring", "constant")
KEPT = (
    ("zone model_server 64k;", "zone model_server 64k;\n        keepalive 32;"),
    ("Connection close;", 'Connection "";'),
)
"""What turns our nginx configuration into one that keeps connections to gunicorn."""
ONE_THREAD = {"worker_class": "gthread", "threads": 1}
FOUR_THREADS = {"worker_class": "gthread", "threads": 4}

Variant = tuple[Mapping[str, object], Sequence[tuple[str, str]], bool]

CLASSES: Mapping[str, Variant] = {
    "as shipped": ({}, (), True),
    "sync, gunicorn's own": ({"worker_class": "sync"}, (), True),
    "gthread, 1 thread": (ONE_THREAD, (), True),
    "gthread, 1 thread, kept": ({**ONE_THREAD, "keepalive": 75}, KEPT, True),
    "gthread, 4 threads, kept": ({**FOUR_THREADS, "keepalive": 75}, KEPT, True),
}
ALONE: Mapping[str, Variant] = {f"{threads} threads": ({"threads": threads}, (), False) for threads in (2, 4, 8, 16)}
BUFFERS: Mapping[str, Variant] = {
    size: ({}, (("client_body_buffer_size 1m;", f"client_body_buffer_size {size};"),), True)
    for size in ("1m", "128k", "16k")
}
VARIANTS: Mapping[str, Mapping[str, Variant]] = {"classes": CLASSES, "alone": ALONE, "buffers": BUFFERS}
ROWS = {"buffers": 1000}
"""Rows of a body, where it is not one."""


def report(setting: Setting, compared: str, connections: int) -> None:
    """Print how requests go with each of the variants `compared`, all of them in the same rounds."""
    variants = VARIANTS[compared]
    views = VIEWS if ROWS.get(compared, 1) == 1 else VIEWS[:1]  # the constant one reads no body: a large one breaks off
    sides = {(name, view): _side(name, view, variant) for name, variant in variants.items() for view in views}
    found = compare(
        setting, list(sides.values()), Load(csv(setting.workload.table, ROWS.get(compared, 1)), connections)
    )
    lines: list[Sequence[str]] = []
    for name in variants:
        names = [sides[name, view].name for view in views]
        lines += found.lines(set(names), names[0])
    print(table(HEADS, lines))


def _side(name: str, view: str, variant: Variant) -> Side:
    options, changes, with_nginx = variant
    stack = Stack(view, options, changes, with_nginx)
    return Side(f"{name}, {view}", Server(f"{name}, {view}", stack.program))
