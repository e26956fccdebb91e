"""Figures against batch size, one line a runner, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.charts import forest, frame, rows
from bench.report.charts.frame import Spec, quantity
from bench.report.charts.theme import Style
from bench.report.document.columns import WRITTEN
from bench.report.document.groups import Group

HEIGHT_PX, PAD_PX = 280, 18
DODGE_PX, ROOM_PX = 8, 350
"""Overheads lie so close that their intervals would hide each other: those of a batch size stand so much apart.

All batch sizes together have so much room for that. On the rising lines of throughput it would mislead.
"""
MINUS_BASELINE = (
    "Step time minus that of the hand-written loop, the line at 0. Bars: 95 % intervals. Hollow: no difference."
)
BATCHES = {"title": "batch size, samples", "grid": False, "domain": True, "ticks": True, "labelAngle": 0, "format": ","}
"""The axis of batch sizes."""


def throughput(group: Group, style: Style) -> Spec:
    """Draw samples a second against batch size, both axes logarithmic; dots in a row for a single batch size."""
    if len(group.batch_sizes) == 1:
        return forest.throughput(group, style)
    table = [rows.row(cell, rows.throughput, rows.throughput_text) for cell in group.cells]
    scale = {"type": "log", "nice": False, "padding": PAD_PX}
    at_labels = {"condition": {"test": "datum.label", "value": 1}, "value": 0}
    axis = {"title": "samples per second", "format": "~s", "gridOpacity": at_labels}
    x = quantity("batch", scale=scale, axis=BATCHES | {"values": group.batch_sizes})
    layers = _lines(table, style, {"x": x, "y": quantity("value", scale=scale, axis=axis)})
    caption = [forest.HIGHER_IS_BETTER, rows.missing(group.cells, rows.throughput, style.name)]
    spec = frame.height(HEIGHT_PX, len(style.runners)) | {"data": {"values": table}, "layer": layers}
    return frame.framed(style, f"Throughput, {group.title}", caption, spec)


def overhead(group: Group, style: Style) -> Spec:
    """Draw what each loop adds to the hand-written loop's step against batch size, without `floor`."""
    if len(group.batch_sizes) == 1:
        return forest.overhead(group, style)
    cells, figure = rows.loops(group), rows.compared("overhead_us")
    table = [rows.row(cell, figure, WRITTEN["overhead_us"]) for cell in cells]
    y = quantity("value", scale={"nice": False, "padding": PAD_PX}, axis={"title": "overhead, µs per step"})
    zero = {"mark": {"type": "rule", "color": style.theme.ink}, "encoding": {"y": {"datum": 0}}}
    layers = [frame.ONCE | zero, *_lines(table, style, _side_by_side(table) | {"y": y})]
    caption = f"{MINUS_BASELINE}{rows.without_floor(group)}"
    spec = frame.height(HEIGHT_PX, len(style.runners)) | {"data": {"values": table}, "layer": layers}
    return frame.framed(
        style, f"Overhead in µs per step, {group.title}", [caption, rows.missing(cells, figure, style.name)], spec
    )


def _side_by_side(table: Sequence[Spec]) -> Spec:
    """Return where figures lie from left to right: those of one batch size apart by runner."""
    runners = list(dict.fromkeys(row["runner"] for row in table if "value" in row))
    end = min(DODGE_PX * (len(runners) - 1), ROOM_PX / len({row["batch"] for row in table})) / 2
    offset = {"field": "runner", "type": "nominal", "scale": {"domain": runners, "range": [-end, end]}}
    scale = {"type": "point", "padding": 0.3}
    return {"x": {"field": "batch", "type": "ordinal", "scale": scale, "axis": BATCHES}, "xOffset": offset}


def _lines(table: Sequence[Spec], style: Style, places: Spec) -> list[Spec]:
    """Draw intervals below lines below points; the legend has the lines in the order of their ends."""
    last = {row["runner"]: row["value"] for row in table if "value" in row}
    ends = sorted(last, key=lambda runner: last[runner], reverse=True)
    legend = frame.legend(ends, {runner: style.name(runner) for runner in ends})
    colour, dash = (frame.by_runner(style, channel, legend) for channel in ("color", "strokeDash"))
    bars = {"y": places["y"] | {"field": "low"}, "y2": {"field": "high"}, "color": colour}
    dots = frame.dots(style, legend)
    dots["encoding"] |= places | {"tooltip": frame.cell_tooltip(places["y"]["axis"]["title"])}
    return [
        {"mark": {"type": "rule", "strokeWidth": 1.6}, "encoding": places | bars},
        {"mark": {"type": "line", "strokeWidth": 1.8}, "encoding": places | {"color": colour, "strokeDash": dash}},
        dots,
    ]
