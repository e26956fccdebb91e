"""Stacked bars, one a runner: where the step goes, and what the memory holds.

The parts stand in one order and one colour each, their figures inside, the sum at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.records.cells import FLOOR
from bench.records.metrics import parts
from bench.report.charts import frame
from bench.report.charts.frame import Spec, quantity
from bench.report.charts.theme import SMALL_PX, Style
from bench.report.document.groups import Group
from bench.report.document.numbers import number
from bench.report.document.text import listed

PHASES, CATEGORIES, DEVICE = (
    {part: metric.legend for part, metric in parts(field).items()}
    for field in ("phases_us", "tensor_bytes_by_category", "device_memory_bytes")
)
CROWDING = 2.0
STEP_PX, CHARACTER_SHARE = 31, 0.0125
"""A figure is written into its part where that is so many of the longest bar's width a character."""
UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes"))

Stacks = Mapping[str, Mapping[str, float]]
"""A figure by runner and part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """What the kinds of stacked bars differ in."""

    title: str
    caption: str
    axis: str
    parts: Mapping[str, str]
    """By key, what the legend calls it, in the order of the stack: five at most."""
    factor: float = 1.0
    """From the figures' unit to the axis'."""


def phases(group: Group, style: Style) -> Spec:
    """Draw where the step goes at the representative batch size: the time in µs of the five phases."""
    cells = group.at(group.representative)
    stacks = {cell.runner: {str(key): us for key, us in cell.phases_us.items()} for cell in cells if cell.phases_us}
    plot = Plot(
        title=f"Where the step goes, {group.where}",
        caption="The median steady step by phase, in runs of their own that measuring slows down: read it as shares. "
        "At the end the sum.",
        axis="time per step, µs",
        parts=PHASES,
    )
    return _draw(plot, stacks, style)


def tensor_memory(group: Group, style: Style) -> Spec:
    """Draw what the tensors alive at a steady step's peak are for, at the representative batch size.

    `floor`, which holds all of its batches at once, is left out where its bar would leave the others no room.
    """
    cells = group.at(group.representative)
    held = {cell.runner: cell.tensor_bytes_by_category for cell in cells if cell.tensor_bytes_by_category}
    others = {runner: stack for runner, stack in held.items() if runner != FLOOR}
    crowded = sum(held.get(FLOOR, {}).values()) > CROWDING * _most(others)
    stacks = others if others and crowded else held
    factor, unit = _unit(stacks)
    caption = "Tensors alive at the peak of a steady step, the dataset's left out. At the end the sum."
    plot = Plot(
        title=f"Tensor memory, {group.where}",
        caption=caption + (f" Without {FLOOR}, which holds all batches." if stacks is others else ""),
        axis=f"tensor memory, {unit}",
        parts=CATEGORIES,
        factor=factor,
    )
    return _draw(plot, stacks, style)


def device_memory(group: Group, style: Style) -> Spec:
    """Draw the device's peak memory at the representative batch size, each part on top of what it contains."""
    stacks = device_stacks(group)
    factor, unit = _unit(stacks)
    known = max(map(len, stacks.values()), default=0)
    partly = [style.name(runner) for runner, stack in stacks.items() if len(stack) < known]
    plot = Plot(
        title=f"Device memory, {group.where}",
        caption="Peaks of all turns: tensors, what torch's allocator holds beyond them, "
        "and what the driver counts beyond that at the last step."
        + (f" Not all of them are known of {listed(partly)}." if partly else ""),
        axis=f"device memory, {unit}",
        parts=DEVICE,
        factor=factor,
    )
    return _draw(plot, stacks, style)


def device_stacks(group: Group) -> dict[str, dict[str, float]]:
    """Return by runner what each peak adds to the one that it contains, in bytes; nothing without device memory."""
    stacks: dict[str, dict[str, float]] = {}
    for cell in group.at(group.representative):
        below, stack = 0.0, {}
        for kind in DEVICE:
            value: float | None = getattr(cell.device_memory_bytes, kind)
            if value is not None:
                stack[kind], below = max(value - below, 0.0), max(value, below)
        if stack:
            stacks[cell.runner] = stack
    return stacks


def _most(stacks: Stacks) -> float:
    return max((sum(stack.values()) for stack in stacks.values()), default=0.0)


def _unit(stacks: Stacks) -> tuple[float, str]:
    most = _most(stacks)
    size, name = next((unit for unit in UNITS if most >= unit[0]), UNITS[-1])
    return 1 / size, name


def _draw(plot: Plot, stacks: Stacks, style: Style) -> Spec:
    """Draw one bar a runner."""
    figures = {runner: _positive(plot, stack) for runner, stack in stacks.items()}
    most = _most(figures)
    place = 0 if most >= 100 else -1 if most >= 10 else -2  # the last digit worth writing, the same for all of a chart
    table = [row for runner, stack in figures.items() for row in _rows(runner, stack, most, place)]
    sums = {runner: sum(stack.values()) for runner, stack in figures.items()}
    y = {"field": "runner", "type": "nominal", "sort": None, "axis": frame.names_axis(style)}
    spec: Spec = {
        "height": {"step": STEP_PX},
        "encoding": {"y": y | {"scale": {"paddingInner": 0.35, "paddingOuter": 0.2}}},
        "layer": [
            {"data": {"values": table}, "layer": _parts(plot, style)},
            _sums([{"runner": runner, "sum": value, "shown": number(value, place)} for runner, value in sums.items()]),
        ],
    }
    return frame.framed(style, plot.title, [plot.caption], spec)


def _positive(plot: Plot, stack: Mapping[str, float]) -> dict[str, float]:
    """In the axis' unit, by the legend's words; a rest that came out below nothing by noise is nothing."""
    return {name: max(stack.get(key, 0.0), 0.0) * plot.factor for key, name in plot.parts.items()}


def _rows(runner: str, stack: Mapping[str, float], most: float, place: int) -> list[Spec]:
    rows: list[Spec] = []
    for rank, (part, value) in enumerate(stack.items()):
        shown = number(value, place)
        inside = shown if value > CHARACTER_SHARE * (len(shown) + 0.5) * most else ""
        rows.append({"runner": runner, "part": part, "rank": rank, "value": value, "shown": shown, "inside": inside})
    return [row for row in rows if row["value"] > 0]


def _parts(plot: Plot, style: Style) -> list[Spec]:
    """Draw the parts, and write each one's figure into it."""
    theme, names = style.theme, list(plot.parts.values())
    colours = theme.parts if len(names) == len(theme.parts) else theme.parts[::2]
    dark = sum(colour in theme.parts[:2] for colour in colours)
    legend = {"title": None, "orient": "top", "symbolType": "square", "columns": 0, "columnPadding": 14}
    part = {"field": "part", "type": "nominal"}
    stacked = {"order": quantity("rank"), "detail": part}
    bars = stacked | {
        "x": quantity("value", stack="zero", scale={"nice": False}, axis={"title": plot.axis}),
        "color": part | {"scale": {"domain": names, "range": list(colours)}, "legend": legend},
        "tooltip": frame.tooltip({"runner": "runner", "part": "part", plot.axis: "shown"}),
    }
    figures = stacked | {
        "x": quantity("value", stack="zero", bandPosition=0.5),
        "text": {"field": "inside"},
        "color": {"condition": {"test": f"datum.rank < {dark}", "value": theme.on_dark}, "value": theme.on_light},
    }
    return [
        {"mark": {"type": "bar", "stroke": theme.background, "strokeWidth": 1}, "encoding": bars},
        {"mark": {"type": "text", "fontSize": SMALL_PX}, "encoding": figures},
    ]


def _sums(sums: Sequence[Spec]) -> Spec:
    """Write the sums at the ends of the bars."""
    text = {"x": quantity("sum"), "text": {"field": "shown"}}
    return {"data": {"values": sums}, "mark": {"type": "text", "align": "left", "dx": 6}, "encoding": text}
