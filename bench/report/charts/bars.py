"""Stacked bars, one a runner: where the step goes, and what the memory holds."""

from __future__ import annotations

import altair as alt

from bench.records.metrics import parts
from bench.report.charts.stacks import Plot, Stacks, draw
from bench.report.charts.theme import Look
from bench.report.document.groups import FLOOR, Group
from bench.report.document.text import listed

PHASES, CATEGORIES, DEVICE = (
    {part: metric.legend for part, metric in parts(field).items()}
    for field in ("phases_us", "tensor_bytes_by_category", "device_memory_bytes")
)
CROWDING = 2.0
UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes"))


def phases(phases_us: Stacks, look: Look | None = None, *, where: str = "") -> alt.LayerChart:
    """Draw where the step goes: `phases_us` is the time in µs of the five phases by runner; `where` ends the title."""
    plot = Plot(
        title=_where("Where the step goes", where),
        told="The median steady step by phase, in runs of their own that measuring slows down: read it as shares. "
        "At the end the sum.",
        axis="time in a step, µs",
        parts=PHASES,
    )
    return draw(plot, phases_us, look)


def tensor_memory(bytes_by_category: Stacks, look: Look | None = None, *, where: str = "") -> alt.LayerChart:
    """Draw what the tensors alive at a steady step's peak are for, in bytes by runner and category.

    `floor`, which holds all of its batches at once, is left out where its bar would leave the others no room.
    """
    look = (look or Look()).knowing(list(bytes_by_category))
    others = {runner: stack for runner, stack in bytes_by_category.items() if runner != FLOOR}
    crowded = sum(bytes_by_category.get(FLOOR, {}).values()) > CROWDING * _most(others)
    stacks = others if others and crowded else bytes_by_category
    factor, unit = _unit(stacks)
    told = "Tensors alive at the peak of a steady step, the dataset's left out. At the end the sum."
    plot = Plot(
        title=_where("Tensor memory", where),
        told=told + (f" Without {FLOOR}, which holds all batches." if stacks is others else ""),
        axis=f"tensor memory, {unit}",
        parts=CATEGORIES,
        factor=factor,
    )
    return draw(plot, stacks, look)


def device_memory(group: Group, look: Look | None = None) -> alt.LayerChart:
    """Draw the device's peak memory at the representative batch size, each part on top of what it contains."""
    stacks = device_stacks(group)
    factor, unit = _unit(stacks)
    look = (look or Look()).knowing(group.runners)
    known = max(map(len, stacks.values()), default=0)
    partly = [look.name(runner) for runner, stack in stacks.items() if len(stack) < known]
    plot = Plot(
        title=f"Device memory, {group.title}, batch {group.representative:,}",
        told="Peaks of all turns: tensors, what torch's allocator holds beyond them, "
        "and what the driver counts beyond that at the last step."
        + (f" Not all of them are known of {listed(partly)}." if partly else ""),
        axis=f"device memory, {unit}",
        parts=DEVICE,
        factor=factor,
    )
    return draw(plot, stacks, look)


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


def _where(title: str, where: str) -> str:
    return f"{title}, {where}" if where else title


def _most(stacks: Stacks) -> float:
    return max((sum(stack.values()) for stack in stacks.values()), default=0.0)


def _unit(stacks: Stacks) -> tuple[float, str]:
    most = _most(stacks)
    size, name = next((unit for unit in UNITS if most >= unit[0]), UNITS[-1])
    return 1 / size, name
