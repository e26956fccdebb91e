"""How step times are spread: the share of steps that take no longer, by runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.records.schema import STEP_QUANTILES
from bench.report.charts import frame
from bench.report.charts.frame import Spec, quantity
from bench.report.charts.theme import Style
from bench.report.document.groups import Group
from bench.report.document.numbers import number

HEIGHT_PX = 270
TICKS = 15
"""So many make Vega-Lite tick less than a decade in even steps: by digits, 1,000 to 2,000 would have none between."""


def distribution(group: Group, style: Style) -> Spec:
    """Draw how step times are spread at the representative batch size: the `step_quantiles_us` of its rows, in µs.

    These leave out the slowest steps: one in a thousand that took fifty times as long would leave all others no room.
    """
    cells = group.at(group.representative)
    quantiles_us = {cell.runner: cell.step_quantiles_us for cell in cells if cell.step_quantiles_us}
    medians = {runner: quantiles[STEP_QUANTILES // 2] for runner, quantiles in quantiles_us.items()}
    table = [
        {"runner": runner, "us": us, "share": 100 * rank / STEP_QUANTILES}
        for runner, quantiles in quantiles_us.items()
        for rank, us in enumerate(quantiles)
    ]
    middle = [{"runner": name, "us": us, "share": 50.0, "shown": _us(us)} for name, us in medians.items()]
    layers = _curves(table, middle, style, _legend(medians, style))
    spec = frame.height(HEIGHT_PX, len(medians)) | {"encoding": _axes(), "layer": layers}
    caption = "The share of steady steps that take no longer: further left is faster. "
    caption += "Each runner's slowest 0.5 % is left out."
    return frame.framed(style, f"Step times, {group.where}", [caption], spec)


def _us(us: float) -> str:
    return f"{number(us)} µs"


def _legend(medians: Mapping[str, float], style: Style) -> Spec:
    """Name the curves with their medians, the fastest first."""
    names = {runner: f"{style.name(runner)}, {_us(us)}" for runner, us in medians.items()}
    return frame.legend(sorted(medians, key=lambda runner: medians[runner]), names) | {"title": "runner, median"}


def _axes() -> Spec:
    x = {"title": "step time, µs, log scale", "grid": False, "domain": True, "ticks": True, "tickCount": TICKS}
    return {
        "x": quantity("us", scale={"type": "log", "nice": False, "padding": 8}, axis=x),
        "y": quantity("share", axis={"title": "share of steps, %", "tickCount": 4}),
    }


def _curves(table: Sequence[Spec], middle: Sequence[Spec], style: Style, legend: Spec) -> list[Spec]:
    """Draw the curves, and a dot at each median."""
    colour, dash = (frame.by_runner(style, channel, legend) for channel in ("color", "strokeDash"))
    lines = {"color": colour, "strokeDash": dash, "order": quantity("share")}
    dots = frame.dots(style, legend)
    dots["encoding"] |= {"tooltip": frame.tooltip({"runner": "runner", "median": "shown"})}
    return [
        {"data": {"values": table}, "mark": {"type": "line", "strokeWidth": 1.8}, "encoding": lines},
        {"data": {"values": middle}} | dots,
    ]
