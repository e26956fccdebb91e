"""How stacked bars are drawn: parts in one order and one colour each, their figures inside, the sum at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from bench.report.charts import parts
from bench.report.charts.spans import Span, covering
from bench.report.charts.theme import SMALL_PX, Look
from bench.report.document.numbers import number

BAR_PX, STEP_PX = 20, 31

Stacks = Mapping[str, Mapping[str, float]]
"""A figure by runner and part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """What the kinds of stacked bars differ in."""

    title: str
    told: str
    axis: str
    parts: Mapping[str, str]
    """By key, what the legend calls it, in the order of the stack: five at most."""
    factor: float = 1.0
    """From the figures' unit to the axis'."""


def draw(plot: Plot, stacks: Stacks, look: Look | None) -> alt.LayerChart:
    """Draw one bar a runner."""
    look = (look or Look()).knowing(list(stacks))
    sums = {runner: sum(_positive(plot, stack).values()) for runner, stack in stacks.items()}
    place = _place(max(sums.values(), default=0.0))
    ends = {runner: number(total, place) for runner, total in sums.items()}
    taken = parts.text_px([look.name(runner) for runner in stacks]) + parts.text_px(list(ends.values())) + 48
    x = covering([0.0, *sums.values()], round(parts.WIDTH_PX - taken))
    height = STEP_PX * len(stacks)
    y = Span(low=0.0, high=float(height), size_px=height)
    rows = [row for rank, name in enumerate(stacks) for row in _row(plot, stacks[name], name, rank, x, place)]
    names = [
        {"name": look.name(runner), "y": STEP_PX * (rank + 0.5), "end": sums[runner], "shown": ends[runner]}
        for rank, runner in enumerate(stacks)
    ]
    layers = [_bars(plot, rows, x, y, look), *_inside(rows, x, y, look), *_names(names, x, y)]
    return parts.titled(layers, look.theme, plot.title, [plot.told], width=x.size_px, height=height)


def _positive(plot: Plot, stack: Mapping[str, float]) -> dict[str, float]:
    """In the axis' unit; a rest that came out below nothing by noise is nothing."""
    return {key: max(stack.get(key, 0.0), 0.0) * plot.factor for key in plot.parts}


def _row(plot: Plot, stack: Mapping[str, float], runner: str, rank: int, x: Span, place: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    end, middle = 0.0, STEP_PX * (rank + 0.5)
    for index, (key, value) in enumerate(_positive(plot, stack).items()):
        start, end, shown = end, end + value, number(value, place)
        fits = x.pixel(value) - x.pixel(0.0) > parts.text_px([shown]) + 4
        row: dict[str, Any] = {"runner": runner, "part": plot.parts[key], "start": start, "end": end, "shown": shown}
        row |= {"top": middle - BAR_PX / 2, "bottom": middle + BAR_PX / 2, "y": middle, "middle": (start + end) / 2}
        rows.append(row | {"dark": index < 2, "fits": fits})
    return [row for row in rows if row["end"] > row["start"]]


def _place(most: float) -> int:
    """The last digit that is worth writing where the longest bar is `most`: the same for all of a chart."""
    return 0 if most >= 100 else -1 if most >= 10 else -2


def _bars(plot: Plot, rows: Sequence[Mapping[str, Any]], x: Span, y: Span, look: Look) -> alt.Chart:
    colours = look.theme.parts if len(plot.parts) == len(look.theme.parts) else look.theme.parts[::2]
    legend = alt.Legend(
        title=None, orient="top", direction="horizontal", symbolType="square", columns=0, offset=10, columnPadding=14
    )
    domain = list(plot.parts.values())
    fields = {"runner": "runner:N", "part": "part:N", plot.axis: "shown:N"}
    drawn: alt.Chart = (
        parts.chart(rows)
        .mark_rect(stroke=look.theme.background, strokeWidth=1)
        .encode(
            x=alt.X("start:Q", scale=parts.scale(x), axis=parts.axis(x, plot.axis, domain=False, ticks=False)),
            x2=alt.X2("end:Q"),
            y=alt.Y("top:Q", scale=parts.scale(y, reverse=True), axis=None),
            y2=alt.Y2("bottom:Q"),
            color=alt.Color("part:N", scale=alt.Scale(domain=domain, range=list(colours)), sort=domain, legend=legend),
            tooltip=[alt.Tooltip(field, title=name) for name, field in fields.items()],
        )
    )
    return drawn


def _inside(rows: Sequence[Mapping[str, Any]], x: Span, y: Span, look: Look) -> list[alt.Chart]:
    """Write each part's figure into it, where it is wide enough."""
    shown = [row for row in rows if row["fits"]]
    return [
        parts.chart([row for row in shown if row["dark"] == dark])
        .mark_text(align="center", baseline="middle", color=colour, fontSize=SMALL_PX)
        .encode(
            x=alt.X("middle:Q", scale=parts.scale(x)),
            y=alt.Y("y:Q", scale=parts.scale(y, reverse=True), axis=None),
            text=alt.Text("shown:N"),
        )
        for dark, colour in ((True, look.theme.on_dark), (False, look.theme.on_light))
    ]


def _names(names: Sequence[Mapping[str, Any]], x: Span, y: Span) -> list[alt.Chart]:
    """Write runners left of the bars, and sums at their ends."""
    base = parts.chart(names).encode(y=alt.Y("y:Q", scale=parts.scale(y, reverse=True), axis=None))
    left = base.mark_text(align="right", baseline="middle").encode(**parts.px(x=-8), text=alt.Text("name:N"))
    ends = base.mark_text(align="left", baseline="middle", dx=6)
    return [left, ends.encode(x=alt.X("end:Q", scale=parts.scale(x)), text=alt.Text("shown:N"))]
