"""Figures against batch size, one line a runner, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import altair as alt

from bench.records.schema import Estimate
from bench.report.charts import forest, parts, rows
from bench.report.charts.spans import Span, covering
from bench.report.charts.theme import Look
from bench.report.document.groups import Group
from bench.report.document.numbers import number

HEIGHT_PX = 280
LEFT_PX = 84
"""What the vertical axis takes."""
PAD_PX = 18
DODGE_PX = 6
"""Overheads lie so close that their intervals would hide each other; on a rising line it would mislead."""
INTERVALS = "Bars: 95 % intervals."

Series = Mapping[str, Mapping[int, Estimate]]


def throughput(group: Group, look: Look | None = None) -> Any:
    """Draw samples a second against batch size, both axes logarithmic; dots in a row for a single batch size."""
    if len(group.batch_sizes) == 1:
        return forest.throughput(group, look)
    look = (look or Look()).knowing(group.runners)
    series = rows.series(group.cells, rows.throughput)
    x, labels = _batch_axis(group, _ends(series, group, look), series, 0.0)
    y = covering(_values(series), HEIGHT_PX, log=True).padded(PAD_PX, PAD_PX)
    drawn = _layers(series, x, y, look, title="samples a second", numbers="~s")
    layers = [*drawn, *parts.end_labels(labels, x, y, look)]
    missing = rows.missing(group.cells, rows.throughput, look.name)
    told = f"Samples a second, higher is better. {INTERVALS}"
    return _finished(layers, look, x, f"Throughput, {group.title}", [told, missing])


def overhead(group: Group, look: Look | None = None) -> Any:
    """Draw what each loop adds to the hand-written loop's step against batch size, without `floor`."""
    if len(group.batch_sizes) == 1:
        return forest.overhead(group, look)
    look = (look or Look()).knowing(group.runners)
    compared = rows.loops(group)
    figure = rows.compared("overhead_us")
    series = rows.series(compared, figure)
    base = [parts.EndLabel(runner=name, text=look.name(name), x=max(group.batch_sizes), y=0.0) for name in _base(group)]
    x, labels = _batch_axis(group, [*base, *_ends(series, group, look)], series, DODGE_PX)
    y = covering([0.0, *_values(series)], HEIGHT_PX).padded(PAD_PX, PAD_PX)
    drawn = _layers(series, x, y, look, title="overhead, µs a step", dodge_px=DODGE_PX)
    zero = parts.chart([{"y": 0.0}]).mark_rule(color=look.theme.ink).encode(y=alt.Y("y:Q", scale=parts.scale(y)))
    told = f"Step time minus that of the hand-written loop, the line at 0. {INTERVALS}{rows.without_floor(group)}"
    layers = [*drawn, zero, *parts.end_labels(labels, x, y, look)]
    missing = rows.missing(compared, figure, look.name)
    return _finished(layers, look, x, f"Overhead in µs a step, {group.title}", [told, missing])


def _base(group: Group) -> list[str]:
    return list(dict.fromkeys(cell.runner for cell in group.cells if rows.is_baseline(cell)))


def _ends(series: Series, group: Group, look: Look) -> list[parts.EndLabel]:
    """Label each line at its last figure, and say where it ends before the others do."""
    labels = []
    for runner, figures in series.items():
        last = max(figures)
        is_early = last != max(group.batch_sizes)
        text = look.name(runner) + (f" (to {last:,})" if is_early else "")
        labels.append(parts.EndLabel(runner=runner, text=text, x=last, y=figures[last].value, is_early=is_early))
    return labels


def _batch_axis(
    group: Group, labels: Sequence[parts.EndLabel], series: Series, dodge_px: float
) -> tuple[Span, list[parts.EndLabel]]:
    """Return the axis, and the labels moved to where their lines' last points lie on it."""
    width = parts.WIDTH_PX - LEFT_PX - 24 - parts.text_px([label.text for label in labels])
    x = covering(group.batch_sizes, round(width), log=True).padded(PAD_PX, PAD_PX)
    places = _places(series, x, dodge_px)
    return x, [replace(label, x=places.get((label.runner, int(label.x)), label.x)) for label in labels]


def _values(series: Series) -> list[float]:
    return [value for figures in series.values() for each in figures.values() for value in rows.bounds(each)]


def _layers(
    series: Series, x: Span, y: Span, look: Look, *, title: str, numbers: str | None = None, dodge_px: float = 0.0
) -> list[alt.Chart]:
    """Intervals below lines below points."""
    style: dict[str, Any] = {"format": numbers} if numbers else {}
    places = _places(series, x, dodge_px)
    sizes = sorted({size for _, size in places})
    table = [_row(runner, size, series[runner].get(size), at) for (runner, size), at in places.items()]
    base = parts.chart(table).encode(
        x=alt.X("x:Q", scale=parts.scale(x), axis=parts.axis(x, "batch size, samples", values=sizes, grid=False)),
        y=alt.Y("y:Q", scale=parts.scale(y), axis=parts.axis(y, title, domain=False, ticks=False, grid=True, **style)),
        color=parts.runner_colour(look),
    )
    points = [row for row in table if row["y"] is not None]
    spread = [row for row in points if row["low"] is not None and row["high"] is not None]
    edge = look.theme.background
    return [
        parts.over(base, spread)
        .mark_rule(strokeWidth=1.6)
        .encode(y=alt.Y("low:Q", scale=parts.scale(y)), y2=alt.Y2("high:Q")),
        base.mark_line(strokeWidth=1.8).encode(strokeDash=parts.runner_dash(look)),
        parts.over(base, points)
        .mark_point(filled=True, opacity=1, size=62, stroke=edge, strokeWidth=0.8)
        .encode(shape=parts.runner_shape(look), tooltip=parts.tooltip(title)),
    ]


def _places(series: Series, x: Span, dodge_px: float) -> dict[tuple[str, int], float]:
    """Where each figure lies on the axis of batch sizes: side by side, so that no interval hides another."""
    sizes = sorted({size for figures in series.values() for size in figures})
    pixels = [x.pixel(size) for size in sizes]
    room_px = min((right - left for left, right in pairwise(pixels)), default=x.size_px)
    dodge_px = min(dodge_px, 0.6 * room_px / max(len(series), 1))
    first = -(len(series) - 1) / 2
    return {
        (runner, size): x.value(x.pixel(size) + (first + rank) * dodge_px)
        for rank, runner in enumerate(series)
        for size in sizes
    }


def _row(runner: str, size: int, figure: Estimate | None, x: float) -> dict[str, Any]:
    row: dict[str, Any] = {"runner": runner, "batch": size, "x": x, "y": None, "low": None, "high": None}
    if figure is None:
        return row
    return row | {"y": figure.value, "low": figure.low, "high": figure.high, "shown": _shown(figure)}


def _shown(figure: Estimate) -> str:
    if figure.low is None or figure.high is None:
        return number(figure.value)
    return f"{number(figure.value)} [{number(figure.low)}, {number(figure.high)}]"


def _finished(layers: Sequence[alt.Chart], look: Look, x: Span, title: str, told: list[str]) -> alt.LayerChart:
    return parts.titled(layers, look.theme, title, told, width=x.size_px, height=HEIGHT_PX)
