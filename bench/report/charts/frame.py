"""What all charts share: their frame, and one colour, shape and dash for each runner. Charts are Vega-Lite as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from bench.report.charts.names import SUBTITLE_CHARACTERS, TITLE_CHARACTERS
from bench.report.charts.theme import TEXT_PX, Style, config

LEGEND_ROW_PX = 22
WIDTH_PX = 720
"""What a chart takes with all its words: the column of a code host."""

Spec = dict[str, Any]
ONCE: Spec = {"data": {"values": [{}]}}
"""The data of what a chart has once, such as a line."""


def framed(style: Style, title: str, caption: Sequence[str], spec: Spec) -> Spec:
    """Return the finished chart: its title, how to read it, the theme, and all of it inside `WIDTH_PX`."""
    fit = {"width": WIDTH_PX, "autosize": {"type": "fit-x", "contains": "padding"}}
    return {"title": head(title, caption), "config": config(style.theme)} | fit | spec


def head(title: str, caption: Sequence[str]) -> Spec:
    """Return a title and what is written below it, in as many lines as they need."""
    below = [line for text in caption for line in textwrap.wrap(text, SUBTITLE_CHARACTERS)]
    return {"text": textwrap.wrap(title, TITLE_CHARACTERS), "subtitle": below}


def quantity(field: str, **more: Any) -> Spec:
    """Return the encoding of a number."""
    return {"field": field, "type": "quantitative"} | more


def names_axis(style: Style) -> Spec:
    """Return the axis that writes runners left of the plot."""
    text = {"labelColor": style.theme.ink, "labelFontSize": TEXT_PX, "labelPadding": 10}
    names = {runner: style.name(runner) for runner in style.runners}
    return {"title": None, "domain": False, "ticks": False, "labelExpr": called(names)} | text


def called(names: Mapping[str, str]) -> str:
    """Return the expression that writes a value by its name."""
    return f"{json.dumps(names)}[datum.value]"


def by_runner(style: Style, channel: str, legend: Spec | None = None) -> Spec:
    """Tell runners apart by `channel`: color, shape or strokeDash. All layers of a chart name all runners."""
    marks = [style.mark(runner) for runner in style.runners]
    ranges = {
        "color": [style.colour(runner) for runner in style.runners],
        "shape": [mark.shape for mark in marks],
        "strokeDash": [list(mark.dash) for mark in marks],
    }
    scale = {"domain": list(style.runners), "range": ranges[channel]}
    return {"field": "runner", "type": "nominal", "scale": scale, "legend": legend}


def dots(style: Style, legend: Spec | None = None) -> Spec:
    """Return a layer of dots with an edge that sets off those behind; hollow where a row is `same`."""
    colour, back = by_runner(style, "color", legend), style.theme.background
    encoding = {
        "shape": by_runner(style, "shape", legend),
        "fill": {"condition": {"test": "datum.same", "value": back}} | colour,
        "stroke": {"condition": {"test": "datum.same"} | colour, "value": back},
        "strokeWidth": {"condition": {"test": "datum.same", "value": 1.8}, "value": 0.8},
    }
    return {"mark": {"type": "point", "size": 85, "opacity": 1}, "encoding": encoding}


def legend(runners: Sequence[str], names: Mapping[str, str]) -> Spec:
    """Return the legend right of the plot that has `runners` in their order, by colour and shape.

    Vega-Lite has one legend for all channels of a field, and draws none where one channel goes without. Dashes around
    a symbol would spoil its shape.
    """
    shown = {"values": list(runners), "labelExpr": called(names), "symbolStrokeWidth": 0}
    return {"title": None, "orient": "right"} | shown


def height(least_px: int, names: int) -> Spec:
    """Return the height of a chart beside a legend of so many names, which would be cut where it is longer."""
    return {"height": max(least_px, LEGEND_ROW_PX * (names + 1))}


def tooltip(fields: Mapping[str, str]) -> list[Spec]:
    """What a page shows where the pointer is: fields by the name that they have there."""
    return [{"field": field, "type": "nominal", "title": name} for name, field in fields.items()]


def cell_tooltip(title: str) -> list[Spec]:
    """What it shows of a cell: runner, batch size, and the figure as `shown`."""
    return tooltip({"runner": "runner", "batch size": "batch", title: "shown"})
