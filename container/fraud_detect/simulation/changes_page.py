"""The reference page of the changes, made from their declarations.

Knows the declared changes. Never knows how a change comes about.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from fraud_detect.simulation.changes import MOST_CHANGES, Change
from fraud_detect.simulation.drift import models

COMMON = ("kind", "start", "end")
TYPES: Mapping[Any, str] = {int: "integer", float: "number"}

HEAD = f"""# Drift

Made by `fraud-detect simulate --list-changes`.

`fraud-detect simulate --drift FILE` simulates a world that changes. A file is a JSON list of at most {MOST_CHANGES}
changes; the option may be repeated, and the lists are joined. From 2018-04-16 on two and a half times the frauds, and
amounts in cents by mistake for three days:

```json
[
  {{"kind": "fraud_rate", "start": "2018-04-16", "factor": 2.5}},
  {{"kind": "broken_feature", "start": "2018-04-20", "end": "2018-04-23", "fault": "unit_change", "factor": 100}}
]
```

Every change has a `kind` and a `start`, the first day on which it goes on; with an `end`, a later date, it goes on up
to the day before. `start` must be a simulated day, and `end` may be the day after the last. Changes of one kind and of
several may overlap: factors multiply, shifts add, and broken columns break one after the other in the order of the
list.

With the same seed, rows before a change's start are those of the world without it, whatever else changes. From its
start on, as much stays as can: a broken column leaves all others, and closed terminals leave who buys and when.

## `LABEL_TIME`

With `--label-delay-days N`, or a change of the kind `late_labels`, tables end in the column `LABEL_TIME`: when it
becomes known whether the transaction was a fraud, N days (7 where only `late_labels` asks for the column) after
`TX_DATETIME`.

## `drift.json`

Beside the data, `drift.json` says what happened, so that a detector of drift can be scored: `seed` and `parameters` of
the world, its `rows` and `frauds`, and under `changes`, in the order of the list, for each

- `kind`, `start`, `end`, and all its `numbers`, defaults included;
- `concepts`: what it moves. `covariate`: the distribution of inputs; `prior`: the share of frauds; `concept`: which
  inputs mean fraud; `quality`: whether inputs are what they say; `label`: when labels are known;
- `columns`: those in which it shows first. What is computed from them, such as features, is not listed;
- `touched`: how many `rows`, and `frauds` among them, it had a hand in, and on which `first_day` and `last_day` (null
  if there are none), counted as they were written; what counts is said below for each kind. Transactions that did not
  take place because of a change cannot be counted.

Readers of the folder (`fraud-detect features` and `train`) skip the file. A run without changes writes none, and
removes an earlier one.
"""


def as_markdown() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(line for kind, model in models().items() for line in _section(kind, model))])


def _section(kind: str, model: type[Change]) -> Iterator[str]:
    yield from (f"## `{kind}`", "", inspect.getdoc(model) or "", "")
    yield from ("| name | type | range | default | meaning |", "|---|---|---|---|---|")
    for name, field in model.model_fields.items():
        if name not in COMMON:
            yield f"| {' | '.join(_cells(name, field))} |"
    yield from ("", f"Concepts: {', '.join(model.concepts)}. Touched: {model.touches}.", "")


def _cells(name: str, field: FieldInfo) -> Sequence[str]:
    plain = [kind for kind in (get_args(field.annotation) or (field.annotation,)) if kind is not type(None)]
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    type_name = "choice" if choices else TYPES[plain[0]]
    span = ", ".join(map(str, choices)) if choices else _range(field)
    default = "" if field.is_required() or field.default is None else f"{field.default}"
    return f"`{name}`", type_name, span, default, field.description or ""


def _range(field: FieldInfo) -> str:
    low = next(bound for bound in field.metadata if isinstance(bound, Ge | Gt))
    high = next(bound for bound in field.metadata if isinstance(bound, Le | Lt))
    least = f"[{low.ge:,}" if isinstance(low, Ge) else f"({low.gt:,}"
    return f"{least}, {high.le:,}]" if isinstance(high, Le) else f"{least}, {high.lt:,})"
