"""The parts that charts share: scales, titles, labels at the ends of lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from bench.report.charts.names import SUBTITLE_CHARACTERS, TITLE_CHARACTERS, lines
from bench.report.charts.spans import Span, apart
from bench.report.charts.theme import Look, Theme, config

WIDTH_PX = 720
"""The most a chart may take: the column of a code host."""
LABEL_GAP_PX = 15
CHARACTER_PX = 6.4
"""A generous mean of a sans-serif of twelve pixels."""

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class EndLabel:
    """What is written beside the end of a line, at `x` and `y` in the data's own units."""

    runner: str
    text: str
    x: float
    y: float
    is_early: bool = False
    """Whether the line ends before others do."""


def chart(rows: Sequence[Row]) -> alt.Chart:
    """Return a chart of nothing yet but its data."""
    return alt.Chart(alt.InlineData(values=[dict(row) for row in rows]))


def scale(span: Span, **more: Any) -> alt.Scale:
    """Return the scale that covers exactly `span`."""
    return alt.Scale(type="log" if span.log else "linear", domain=[span.low, span.high], nice=False, zero=False, **more)


def axis(span: Span, title: str, *, values: Sequence[float] | None = None, **more: Any) -> alt.Axis:
    """Return an axis with round values, and grid lines at them."""
    usual: dict[str, Any] = {"title": title, "values": list(span.ticks() if values is None else values)}
    usual |= {"domain": True, "ticks": True}
    return alt.Axis(**usual | {"labelFlush": False, "format": span.number_format(), "labelOverlap": True} | more)


def runner_colour(look: Look) -> alt.Color:
    """Colour by runner, without a legend. All layers of a chart share it, so that all name every runner."""
    scale = alt.Scale(domain=list(look.runners), range=[look.colour(runner) for runner in look.runners])
    return alt.Color("runner:N", scale=scale, legend=None)


def runner_shape(look: Look) -> alt.Shape:
    """Shape by runner, without a legend."""
    scale = alt.Scale(domain=list(look.runners), range=[look.mark(runner).shape for runner in look.runners])
    return alt.Shape("runner:N", scale=scale, legend=None)


def runner_dash(look: Look) -> alt.StrokeDash:
    """Dash by runner, without a legend."""
    scale = alt.Scale(domain=list(look.runners), range=[list(look.mark(runner).dash) for runner in look.runners])
    return alt.StrokeDash("runner:N", scale=scale, legend=None)


def text_px(texts: Sequence[str]) -> float:
    """About the width of the longest of `texts`."""
    return max((len(text) for text in texts), default=0) * CHARACTER_PX


def end_labels(labels: Sequence[EndLabel], x: Span, y: Span, look: Look) -> list[alt.Chart]:
    """Write the labels in a column right of the plot, each at its line's height, moved where two would overlap.

    A thin rule leads from the line's end to its label. Of a line that ends before the others it would cross the plot
    and look like figures: it starts at the plot's edge.
    """
    placed = apart([y.pixel(label.y) for label in labels], LABEL_GAP_PX, 0.0, y.size_px)
    rows = [
        {"runner": label.runner, "text": label.text, "at": y.value(pixel)}
        | ({"x": x.high, "y": y.value(pixel)} if label.is_early else {"x": label.x, "y": label.y})
        for label, pixel in zip(labels, placed, strict=True)
    ]
    base = chart(rows).encode(y=alt.Y("at:Q", scale=scale(y)))
    leader = base.mark_rule(opacity=0.6, strokeWidth=1).encode(
        x=alt.X("x:Q", scale=scale(x)),
        **px(x2=x.size_px + 12),
        y=alt.Y("y:Q", scale=scale(y)),
        y2=alt.Y2("at:Q"),
    )
    text = base.mark_text(align="left", baseline="middle").encode(**px(x=x.size_px + 16), text=alt.Text("text:N"))
    return [leader.encode(color=runner_colour(look)), text]


def titled(
    layers: Sequence[alt.Chart], theme: Theme, title: str, subtitle: Sequence[str] = (), **size: float
) -> alt.LayerChart:
    """Return the finished chart: its size, its title, how to read it, and the theme."""
    finished: alt.LayerChart = (
        alt.LayerChart(layer=list(layers)).properties(title=head(title, subtitle), **size).configure(**config(theme))
    )
    return finished


def head(title: str, subtitle: Sequence[str]) -> alt.TitleParams:
    """Return a title and what is written below it, in as many lines as they need."""
    below = [line for text in subtitle if text for line in lines(text, SUBTITLE_CHARACTERS)]
    return alt.TitleParams(text=lines(title, TITLE_CHARACTERS), subtitle=below or alt.Undefined)


def px(**places: float) -> dict[str, Any]:
    """Return encodings that lie at the same pixel for every row: `px(x=600)`."""
    kinds: dict[str, Any] = {"x": alt.XValue, "x2": alt.X2Value, "y": alt.YValue}
    return {channel: kinds[channel](value) for channel, value in places.items()}


def over(base: alt.Chart, rows: Sequence[Row]) -> alt.Chart:
    """Return `base` with the same encodings over other rows."""
    other: alt.Chart = base.properties(data=alt.InlineData(values=[dict(row) for row in rows]))
    return other


def tooltip(title: str) -> list[alt.Tooltip]:
    """What a page shows where the pointer is: runner, batch size, and the figure as `shown`."""
    fields = {"runner": "runner:N", "batch size": "batch:Q", title: "shown:N"}
    return [alt.Tooltip(field, title=name) for name, field in fields.items()]
