"""The summary of a comparison as one page of HTML: no network, no script, light and dark.

Knows summaries. Never knows files, how figures were made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fraud_detect.training.comparison.plot import dot_plot
from fraud_detect.training.comparison.summary import MAIN, Line, Summary
from fraud_detect.training.comparison.table import figure, interval_text, words


@dataclass(frozen=True)
class _Column:
    """A column of figures: its head, the figure of a line, and whether less is better."""

    head: str
    value: Callable[[Line], float]
    text: Callable[[Line], str]
    less_is_better: bool = False


def _mean(head: str, name: str, *, less_is_better: bool = False) -> _Column:
    return _Column(head, lambda line: line.means[name], lambda line: figure(line, name), less_is_better)


COLUMNS: Sequence[_Column] = (
    _Column(
        "average precision",
        lambda line: line.means[MAIN],
        lambda line: f"{figure(line, MAIN)} ({interval_text(line)})".replace(" ", "\u00a0"),
    ),
    _Column("worst fold", lambda line: line.minimum, lambda line: f"{line.minimum:.3f}"),
    _mean("ROC AUC", "roc_auc"),
    _mean("recall at 1 % false positives", "recall_at_1_percent_fpr"),
    _mean("F1 at the threshold", "f1"),
    _mean("Brier score", "brier", less_is_better=True),
    _mean("calibration error", "expected_calibration_error", less_is_better=True),
    _mean("CPU seconds to train", "seconds_to_train", less_is_better=True),
    _mean("µs a row", "microseconds_a_row", less_is_better=True),
)

STYLE = Markup("""
:root{color-scheme:light dark;
--ink:#1f2328;--quiet:#57606a;--paper:#fbfaf8;--line:#d9d7d2;--best:#1d4ed8;--behind:#6b7280}
@media(prefers-color-scheme:dark){:root{--ink:#e6e4df;--quiet:#a8adb5;--paper:#15171a;--line:#3a3f46;--best:#8fb4ff;
--behind:#9aa3af}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:74rem;margin:0 auto;
padding:1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}p,li{max-width:46rem}
svg{width:100%;max-width:60rem;height:auto;font-size:13px}svg text{fill:var(--ink)}
svg .grid{stroke:var(--line)}svg .whisker{stroke:currentColor;stroke-width:2}svg .worst{stroke:currentColor}
svg circle{fill:currentColor}.alike{color:var(--best)}.behind{color:var(--behind)}
fieldset{border:1px solid var(--line);border-radius:.4rem;display:flex;flex-wrap:wrap;gap:.2rem 1rem}
.scroll{overflow-x:auto}table{display:block;min-width:72rem;font-size:.9rem;font-variant-numeric:tabular-nums}
thead,tbody{display:flex;flex-direction:column}
tr{display:grid;grid-template-columns:11.5rem 8.5rem 11.5rem repeat(8,minmax(4.8rem,1fr));align-items:baseline;
border-bottom:1px solid var(--line)}
th,td{padding:.3rem .5rem;text-align:right;font-weight:400}th{text-align:left}
thead th{color:var(--quiet);font-size:.85rem}
tr.alike,tr.behind{color:inherit}tr.alike th{color:var(--best);font-weight:600}
pre{border:1px solid var(--line);border-radius:.4rem;padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}
@media print{fieldset{display:none}table{min-width:0;font-size:9px}.scroll{overflow:visible}
tr{grid-template-columns:2fr 2fr 2.4fr repeat(8,1fr)}}
""")
"""Rows are boxes with an order, so that the choice of one of the buttons sorts them without a script."""

PAGE = Markup(
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
    'content="width=device-width,initial-scale=1"><title>Comparison of fraud models</title><style>{}{}</style></head>\n'
    "<body><h1>Comparison of fraud models</h1>\n{}\n{}{}</body></html>\n"
)


def as_html(summary: Summary, best: Mapping[str, str] | None) -> str:
    """Return the page; `best` are the hyperparameters that train the best configuration."""
    said = Markup("\n").join(Markup("<p>{}</p>").format(each) for each in words(summary, "those in blue"))
    sorting = Markup("").join(
        Markup("body:has(#by{}:checked) tbody tr{{order:var(--by{})}}\n").format(place, place)
        for place in range(len(COLUMNS))
    )
    body = Markup("{}{}{}").format(*(part(summary) for part in (_plot, _table, _unfinished)))
    return str(PAGE.format(STYLE, sorting, said, body, _best(best)))


def _plot(summary: Summary) -> Markup:
    if not summary.lines:
        return Markup("")
    note = "The dot is the mean, the line its 95 % interval, the stroke the worst fold. Blue: like the best."
    return Markup("<h2>Average precision</h2><p>{}</p>{}\n").format(note, dot_plot(summary))


def _table(summary: Summary) -> Markup:
    if not summary.lines:
        return Markup("")
    heads = ("algorithm", "resampler", *(column.head for column in COLUMNS))
    head = Markup("").join(Markup('<th role="columnheader" scope="col">{}</th>').format(each) for each in heads)
    orders = [_order(summary.lines, column) for column in COLUMNS]
    rows = [_row(line, [order[place] for order in orders]) for place, line in enumerate(summary.lines)]
    return Markup(
        '<h2>All figures</h2>{}<div class="scroll" tabindex="0"><table role="table"><thead role="rowgroup">'
        '<tr role="row">{}</tr></thead><tbody role="rowgroup">\n{}</tbody></table></div>\n'
    ).format(_buttons(), head, Markup("").join(rows))


def _buttons() -> Markup:
    checked = Markup(" checked")
    buttons = (
        Markup('<label><input type="radio" name="by" id="by{}"{}> {}</label>').format(
            place, checked if place == 0 else "", column.head
        )
        for place, column in enumerate(COLUMNS)
    )
    return Markup("<fieldset><legend>Best first by</legend>{}</fieldset>").format(Markup("").join(buttons))


def _order(lines: Sequence[Line], column: _Column) -> Sequence[int]:
    """Return the place of each line when they are sorted by a column, what is not defined last."""

    def key(place: int) -> float:
        value = column.value(lines[place])
        return math.inf if not math.isfinite(value) else value if column.less_is_better else -value

    ranked = sorted(range(len(lines)), key=key)
    return [ranked.index(place) for place in range(len(lines))]


def _row(line: Line, order: Sequence[int]) -> Markup:
    style = ";".join(f"--by{number}:{place}" for number, place in enumerate(order))
    cells = Markup("").join(Markup('<td role="cell">{}</td>').format(column.text(line)) for column in COLUMNS)
    return Markup(
        '<tr role="row" class="{}" style="{}"><th role="rowheader" scope="row">{}</th><td role="cell" '
        'style="text-align:left">{}</td>{}</tr>\n'
    ).format("alike" if line.is_like_the_best else "behind", style, *line.pair, cells)


def _unfinished(summary: Summary) -> Markup:
    if not summary.unfinished:
        return Markup("")
    total = summary.folds * summary.repeats
    items = Markup("").join(
        Markup("<li>{} with {}: {} of {} folds. {}</li>").format(*line.pair, line.cells, total, " ".join(line.reasons))
        for line in summary.unfinished
    )
    return Markup("<h2>Without all figures</h2><ul>{}</ul>\n").format(items)


def _best(best: Mapping[str, str] | None) -> Markup:
    if best is None:
        return Markup("")
    return Markup("<h2>The best</h2><p>This hyperparameters.json trains it:</p><pre>{}</pre>\n").format(
        json.dumps(best, indent=2)
    )
