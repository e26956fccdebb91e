"""One row a runner and batch size: a dot with its 95 % interval, and the figure beside it as the table has it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bench.records.schema import CellSummary
from bench.report.charts import frame, rows
from bench.report.charts.frame import Spec
from bench.report.charts.theme import Style, Theme
from bench.report.document.columns import WRITTEN, Text
from bench.report.document.groups import Group, baseline_of

READ = f"Right of the line is slower. Bars: 95 % intervals. {rows.HOLLOW}"
HIGHER_IS_BETTER = "Samples per second, higher is better. Bars: 95 % intervals."
DECIDED = "Right of the line is slower. Bars: the intervals that decide. Hollow: no difference shown."
ROW_PX, PAD_PX = 18, 16
MAX_REACH, MIN_REACH = 1.5, math.log(2.0)
"""How far out an interval is drawn, in widths of the dots' own range, and at least on a log axis.

An interval that tells nothing shall not squeeze all others: where it is cut, there is an arrow.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """What the kinds of forest differ in."""

    title: str
    axis: str
    cells: Sequence[CellSummary]
    figure: rows.Figure
    text: Text
    """The figure as the table has it, `~` first where there is no difference."""
    same: float | None = None
    """The value that means no difference, drawn as a line: 1 of ratios, whose axis is logarithmic."""
    band: tuple[float, float] | None = None
    caption: str

    @property
    def log(self) -> bool:
        """Whether figures are ratios."""
        return self.same == 1.0


def ratios(group: Group, style: Style) -> Spec:
    """Draw step time over the hand-written loop's, without `floor`, on a logarithmic axis with a line at 1."""
    plot = Plot(
        title=f"Ratio to {baseline_of(group.cells)}, {group.title}",
        axis=f"step time \N{DIVISION SIGN} that of {baseline_of(group.cells)}, log scale",
        cells=rows.loops(group),
        figure=rows.compared("ratio"),
        text=WRITTEN["ratio"],
        same=1.0,
        caption=f"{READ}{rows.without_floor(group)}",
    )
    return _draw(plot, group, style)


def changes(group: Group, style: Style, *, margin: float, text: Text) -> Spec:
    """Draw step time of a candidate over its baseline's, from the `ratio` of its rows; `text` writes it.

    `margin` (0.03 for 3 %) is drawn as a band around the line at 1: what the check lets pass.
    """
    plot = Plot(
        title=f"Candidate over baseline, {group.title}",
        axis="step time \N{DIVISION SIGN} that of the baseline, log scale",
        cells=group.cells,
        figure=lambda cell: cell.ratio,
        text=text,
        same=1.0,
        band=(1 / (1 + margin), 1 + margin),
        caption=f"{DECIDED} The band is the margin of {100 * margin:g} %.",
    )
    return _draw(plot, group, style)


def overhead(group: Group, style: Style) -> Spec:
    """Draw step time minus the hand-written loop's, without `floor`, in µs, with a line at 0."""
    plot = Plot(
        title=f"Overhead in µs per step, {group.title}",
        axis=f"step time minus that of {baseline_of(group.cells)}, µs",
        cells=rows.loops(group),
        figure=rows.compared("overhead_us"),
        text=WRITTEN["overhead_us"],
        same=0.0,
        caption=f"{READ}{rows.without_floor(group)}",
    )
    return _draw(plot, group, style)


def throughput(group: Group, style: Style) -> Spec:
    """Draw samples a second of every runner, from 0."""
    plot = Plot(
        title=f"Throughput, {group.title}",
        axis="samples per second",
        cells=group.cells,
        figure=rows.throughput,
        text=rows.throughput_text,
        caption=HIGHER_IS_BETTER,
    )
    return _draw(plot, group, style)


def _draw(plot: Plot, group: Group, style: Style) -> Spec:
    """Draw one row a cell of the plot, in their order; of several batch sizes, without runners that have no figure."""
    kept = {cell.runner for cell in plot.cells if len(group.batch_sizes) == 1 or plot.figure(cell) is not None}
    absent = rows.missing([cell for cell in plot.cells if cell.runner not in kept], plot.figure, style.name)
    table = _table(plot, [cell for cell in plot.cells if cell.runner in kept], style)
    spec: Spec = {
        "height": {"step": ROW_PX},
        "data": {"values": table},
        "encoding": {"y": _names(table, style)},
        "layer": [*_behind(plot, style.theme), *_figures(plot, style), _words()],
    }
    return frame.framed(style, plot.title, [plot.caption, absent], spec)


def _table(plot: Plot, cells: Sequence[CellSummary], style: Style) -> list[Spec]:
    """Return the rows from the top: the cells, and above those of a batch size one that names it."""
    table: list[Spec] = []
    for size, at in groupby(cells, key=lambda cell: cell.batch_size):
        table += [{"name": f"batch {size:,}", "shown": ""}] if size else []
        table += [{"name": style.name(cell.runner)} | rows.row(cell, plot.figure, plot.text) for cell in at]
    return [{"row": index} | row for index, row in enumerate(table)]


def _names(table: Sequence[Spec], style: Style) -> Spec:
    """Write the names left of the plot, batch sizes apart from runners."""
    heads = [row["row"] for row in table if "runner" not in row]
    weight = {"condition": {"test": f"indexof({heads}, datum.value) >= 0", "value": "bold"}, "value": "normal"}
    names = json.dumps([row["name"] for row in table])
    axis = frame.names_axis(style) | {"labelExpr": f"{names}[datum.value]", "labelFontWeight": weight}
    return {"field": "row", "type": "ordinal", "axis": axis}


def _behind(plot: Plot, theme: Theme) -> list[Spec]:
    """Draw the band of the margin, and the line of no difference, from top to bottom."""
    across: Spec = {"y": {"value": 0}, "y2": {"value": "height"}}
    layers: list[Spec] = []
    if plot.band:
        low, high = plot.band
        band = {"x": _x(plot, datum=low), "x2": {"datum": high}} | across
        layers.append(frame.ONCE | {"mark": {"type": "rect", "color": theme.band, "opacity": 1}, "encoding": band})
    if plot.same is not None:
        line = {"x": _x(plot, datum=plot.same)} | across
        layers.append(frame.ONCE | {"mark": {"type": "rule", "color": theme.ink}, "encoding": line})
    return layers


def _figures(plot: Plot, style: Style) -> list[Spec]:
    """Draw intervals, arrows where one is cut, and dots."""
    low, high = _domain(plot)
    colour, dots = frame.by_runner(style, "color"), frame.dots(style)
    bars = {"x": _x(plot, field="low"), "x2": {"field": "high"}, "color": colour}
    dots["encoding"] |= {"x": _x(plot, field="value"), "tooltip": frame.cell_tooltip(plot.axis)}
    return [
        {"mark": {"type": "rule", "strokeWidth": 1.8}, "encoding": bars},
        _arrow("triangle-left", 0, f"isValid(datum.low) && datum.low < {low}", colour),
        _arrow("triangle-right", "width", f"datum.high > {high}", colour),
        dots,
    ]


def _arrow(shape: str, x: int | str, cut: str, colour: Spec) -> Spec:
    mark = {"type": "point", "shape": shape, "filled": True, "opacity": 1, "size": 50}
    return {"transform": [{"filter": cut}], "mark": mark, "encoding": {"x": {"value": x}, "color": colour}}


def _words() -> Spec:
    """Write the figures right of the plot."""
    mark = {"type": "text", "align": "left", "dx": 12}
    return {"mark": mark, "encoding": {"x": {"value": "width"}, "text": {"field": "shown"}}}


def _x(plot: Plot, **what: Any) -> Spec:
    """All layers share the axis; what lies beyond its ends is drawn at them."""
    scale: Spec = {"type": "log" if plot.log else "linear", "domain": _domain(plot), "nice": False, "clamp": True}
    padding = {} if plot.same is None else {"padding": PAD_PX}
    return {"type": "quantitative", "scale": scale | padding, "axis": {"title": plot.axis}} | what


def _domain(plot: Plot) -> list[float]:
    """Hold all dots, and of the intervals what lies within reach of them."""
    figures = [figure for figure in map(plot.figure, plot.cells) if figure is not None]
    dots = [0.0 if plot.same is None else plot.same, *(plot.band or ()), *(figure.value for figure in figures)]
    onto, back, least = (math.log, math.exp, MIN_REACH) if plot.log else (float, float, 0.0)
    low, high = onto(min(dots)), onto(max(dots))
    reach = max(MAX_REACH * (high - low), least)
    lowest, highest = back(low - reach), back(high + reach)
    ends = (end for figure in figures for end in (figure.low, figure.high) if end is not None)
    held = [*dots, *(min(max(end, lowest), highest) for end in ends)]
    return [min(held), max(held)]
