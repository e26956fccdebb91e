"""Figures against batch size, one line a runner, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.charts import forest, frame, rows
from bench.report.charts.frame import Spec, quantity
from bench.report.charts.theme import Look
from bench.report.document.columns import WRITTEN
from bench.report.document.groups import Group

HEIGHT_PX, PAD_PX = 280, 18
DODGE_PX = 8
"""Overheads lie so close that their intervals would hide each other; on a rising line it would mislead."""
INTERVALS = "Bars: 95 % intervals."


def throughput(group: Group, look: Look) -> Spec:
    """Draw samples a second against batch size, both axes logarithmic; dots in a row for a single batch size."""
    if len(group.batch_sizes) == 1:
        return forest.throughput(group, look)
    table = [rows.row(cell, rows.throughput, rows.throughput_text) for cell in group.cells]
    scale = {"type": "log", "nice": False, "padding": PAD_PX}
    title = "samples a second"
    at_labels = {"condition": {"test": "datum.label", "value": 1}, "value": 0}
    places = {
        "x": quantity("batch", scale=scale, axis=_batch_axis() | {"values": group.batch_sizes}),
        "y": quantity("value", scale=scale, axis={"title": title, "format": "~s", "gridOpacity": at_labels}),
    }
    told = f"Samples a second, higher is better. {INTERVALS}"
    missing = rows.missing(group.cells, rows.throughput, look.name)
    spec = {"height": HEIGHT_PX, "data": frame.data(table), "layer": _lines(table, look, places, title)}
    return frame.framed(look, f"Throughput, {group.title}", [told, missing], spec)


def overhead(group: Group, look: Look) -> Spec:
    """Draw what each loop adds to the hand-written loop's step against batch size, without `floor`."""
    if len(group.batch_sizes) == 1:
        return forest.overhead(group, look)
    cells, figure = rows.loops(group), rows.compared("overhead_us")
    table = [rows.row(cell, figure, WRITTEN["overhead_us"]) for cell in cells]
    title = "overhead, µs a step"
    places = {
        "x": {"field": "batch", "type": "ordinal", "scale": {"type": "point", "padding": 0.3}, "axis": _batch_axis()},
        "xOffset": {"field": "runner", "type": "nominal", "scale": _side_by_side(table)},
        "y": quantity("value", scale={"nice": False, "padding": PAD_PX}, axis={"title": title}),
    }
    zero = {"mark": {"type": "rule", "color": look.theme.ink}, "encoding": {"y": {"datum": 0}}}
    told = f"Step time minus that of the hand-written loop, the line at 0. {INTERVALS} Hollow: no difference."
    missing = rows.missing(cells, figure, look.name)
    layers = [zero | frame.ONCE, *_lines(table, look, places, title)]
    return frame.framed(
        look,
        f"Overhead in µs a step, {group.title}",
        [f"{told}{rows.without_floor(group)}", missing],
        {"height": HEIGHT_PX, "data": frame.data(table), "layer": layers},
    )


def _batch_axis() -> Spec:
    shown = {"grid": False, "domain": True, "ticks": True, "labelAngle": 0, "format": ","}
    return {"title": "batch size, samples"} | shown


def _side_by_side(table: Sequence[Spec]) -> Spec:
    """Return how far from its batch size each runner's figures lie."""
    runners = list(dict.fromkeys(row["runner"] for row in table if "value" in row))
    end = DODGE_PX * (len(runners) - 1) / 2
    return {"domain": runners, "range": [-end, end]}


def _lines(table: Sequence[Spec], look: Look, places: Spec, title: str) -> list[Spec]:
    """Draw intervals below lines below points; the legend has the lines in the order of their ends."""
    last = {row["runner"]: row["value"] for row in table if "value" in row}
    ends = sorted(last, key=lambda runner: last[runner], reverse=True)
    legend = frame.legend(ends, {runner: look.name(runner) for runner in ends})
    colour, shape, dash = (frame.by_runner(look, channel, legend) for channel in ("color", "shape", "strokeDash"))
    back = look.theme.background
    bars = {"y": places["y"] | {"field": "low"}, "y2": {"field": "high"}, "color": colour}
    dots = {
        "shape": shape,
        "fill": {"condition": {"test": "datum.same", "value": back}} | colour,
        "stroke": {"condition": {"test": "datum.same"} | colour, "value": back},
        "strokeWidth": {"condition": {"test": "datum.same", "value": 1.8}, "value": 0.8},
        "tooltip": frame.cell_tooltip(title),
    }
    return [
        {"mark": {"type": "rule", "strokeWidth": 1.6}, "encoding": places | bars},
        {"mark": {"type": "line", "strokeWidth": 1.8}, "encoding": places | {"color": colour, "strokeDash": dash}},
        {"mark": {"type": "point", "size": 62, "opacity": 1}, "encoding": places | dots},
    ]
