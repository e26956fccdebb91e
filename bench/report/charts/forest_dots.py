"""How a forest is drawn: a row of dots with intervals between two columns of words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from bench.report.charts import forest_rows, parts
from bench.report.charts.forest_rows import HEAD_PX, ROW_PX, Plot
from bench.report.charts.spans import Span, covering
from bench.report.charts.theme import Look
from bench.report.document.groups import Group

WIDEST = 4.0
"""An interval that leaves the dots' own range by more than this factor is cut, with an arrow at the cut."""
PAD_PX = 16
HEADS = ("batch", "runner", "")


def draw(plot: Plot, group: Group, look: Look | None) -> alt.LayerChart:
    """Draw one row a cell of the plot, in their order."""
    look = (look or Look()).knowing(group.runners)
    table = forest_rows.table(plot, forest_rows.told(plot, group), look)
    x = _across(plot, table)
    height = (table[-1]["y"] if table else 0.0) + ROW_PX
    y = Span(low=0.0, high=height, size_px=height)
    layers = [*_behind(plot, x, y, look), *_figures(plot, table, x, y, look), *_words(table, x, y, look)]
    return parts.titled(
        layers,
        look.theme,
        plot.title,
        [plot.told, forest_rows.absent(plot, group, look)],
        width=round(x.size_px),
        height=round(height),
    )


def _across(plot: Plot, table: Sequence[dict[str, Any]]) -> Span:
    names, sizes, shown = ([row[key] for row in table] for key in ("name", "size", "shown"))
    taken = parts.text_px([*names, HEADS[1]]) + parts.text_px([*sizes, HEADS[0]]) + parts.text_px(shown) + 64
    width = round(parts.WIDTH_PX - taken)
    dots = [row["value"] for row in table if row["value"] is not None]
    ends = [row[key] for row in table for key in ("low", "high") if row[key] is not None]
    fixed = [0.0 if plot.same is None else plot.same, *(plot.band or ())]
    held = covering([*fixed, *dots], width, log=plot.log)
    lowest, highest = _reach(held)
    span = covering([*fixed, *dots, *(min(max(end, lowest), highest) for end in ends)], width, log=plot.log)
    return span.padded(0 if plot.same is None else PAD_PX, PAD_PX)


def _reach(dots: Span) -> tuple[float, float]:
    """How far out an interval is drawn, so that one that tells nothing doesn't squeeze all others."""
    room = dots.size_px * (WIDEST - 1) / 2
    if dots.log:
        room = max(room, dots.size_px * math.log(2.0) / math.log(dots.high / dots.low))
    return dots.value(-room), dots.value(dots.size_px + room)


def _behind(plot: Plot, x: Span, y: Span, look: Look) -> list[alt.Chart]:
    """Draw the band of the margin, and the line of no difference."""
    layers = []
    extent = {"top": HEAD_PX - 2.0, "bottom": y.high}
    across, top = parts.scale(x), alt.Y("top:Q", scale=parts.scale(y, reverse=True), axis=None)
    if plot.band:
        base = parts.chart([extent | {"low": plot.band[0], "high": plot.band[1]}]).encode(y=top, y2=alt.Y2("bottom:Q"))
        band = base.mark_rect(color=look.theme.band, opacity=1)
        layers.append(band.encode(x=alt.X("low:Q", scale=across), x2=alt.X2("high:Q")))
    if plot.same is not None:
        base = parts.chart([extent | {"same": plot.same}]).encode(y=top, y2=alt.Y2("bottom:Q"))
        layers.append(base.mark_rule(color=look.theme.ink).encode(x=alt.X("same:Q", scale=across)))
    return layers


def _figures(plot: Plot, table: Sequence[dict[str, Any]], x: Span, y: Span, look: Look) -> list[alt.Chart]:
    base = parts.chart(table).encode(
        x=alt.X("value:Q", scale=parts.scale(x), axis=parts.axis(x, plot.axis, domain=False)),
        y=alt.Y("y:Q", scale=parts.scale(y, reverse=True), axis=None),
        color=parts.runner_colour(look),
    )
    dots = [row for row in table if row["value"] is not None]
    return [
        *_intervals(base, [row for row in dots if row["low"] is not None and row["high"] is not None], x),
        _dots(parts.over(base, [row for row in dots if not row["same"]]), look, plot.axis),
        _dots(parts.over(base, [row for row in dots if row["same"]]), look, plot.axis, look.theme.background),
    ]


def _dots(base: alt.Chart, look: Look, title: str, inside: str | None = None) -> alt.Chart:
    mark = {"fill": inside, "strokeWidth": 1.8} if inside else {"filled": True, "strokeWidth": 0}
    drawn: alt.Chart = base.mark_point(opacity=1, size=62, **mark).encode(
        shape=parts.runner_shape(look), tooltip=parts.tooltip(title)
    )
    return drawn


def _intervals(base: alt.Chart, spread: Sequence[dict[str, Any]], x: Span) -> list[alt.Chart]:
    """Draw the bars, cut at the ends of the axis with an arrow there."""
    inside = [row | {"low": max(row["low"], x.low), "high": min(row["high"], x.high)} for row in spread]
    bars = parts.over(base, inside).mark_rule(strokeWidth=1.8)
    layers = [bars.encode(x=alt.X("low:Q", scale=parts.scale(x)), x2=alt.X2("high:Q"))]
    for shape, end, cut in (
        ("triangle-left", x.low, [row for row in spread if row["low"] < x.low]),
        ("triangle-right", x.high, [row for row in spread if row["high"] > x.high]),
    ):
        if cut:
            arrow = parts.over(base, cut).mark_point(shape=shape, filled=True, opacity=1, size=50)
            layers.append(arrow.encode(x=alt.XDatum(end)))
    return layers


def _words(table: Sequence[dict[str, Any]], x: Span, y: Span, look: Look) -> list[alt.Chart]:
    """Write batch size and runner left of the plot and the figure right of it, each column with its head."""
    names = -14
    sizes = names - parts.text_px([*(row["name"] for row in table), HEADS[1]]) - 14
    base = parts.chart(table).encode(y=alt.Y("y:Q", scale=parts.scale(y, reverse=True), axis=None))
    heads = parts.over(base, [{"y": HEAD_PX / 2 - 2}])
    columns = (("size", sizes, HEADS[0]), ("name", names, HEADS[1]))
    shown = base.mark_text(align="left", baseline="middle").encode(
        **parts.px(x=x.size_px + 12), text=alt.Text("shown:N")
    )
    return [
        shown,
        *(_column(base).encode(**parts.px(x=at), text=alt.Text(f"{field}:N")) for field, at, _ in columns),
        *(_column(heads, look).encode(**parts.px(x=at), text=alt.TextValue(text)) for _, at, text in columns),
    ]


def _column(base: alt.Chart, look: Look | None = None) -> alt.Chart:
    colour = look.theme.muted if look else alt.Undefined
    drawn: alt.Chart = base.mark_text(align="right", baseline="middle", color=colour)
    return drawn
