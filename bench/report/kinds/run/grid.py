"""The compact table of a run: a row a cell where there are few, else a row a loop and a column a batch size."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.report.document import columns, numbers
from bench.report.document.blocks import Table, table
from bench.report.document.columns import NO_DIFFERENCE, NO_REASON, NOTHING, Column
from bench.report.document.groups import STATUS_WORDS, Group, groups, same_as_baseline
from bench.report.document.tables import Notes, batch_and_runner, figure_or_why, tabulated
from bench.report.kinds.run import max_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import CellSummary, Pass, Summary

MAX_ROWS = 18
"""A run of more cells gets the table by batch size."""
SHOWN: dict[Pass, tuple[Column, ...]] = {
    "timing": columns.TIME[:4],
    "counting": columns.COUNTERS,
    "phases": columns.PHASES,
}
"""What a run was for: the first of its passes that is here."""
DROPPABLE: dict[Pass, tuple[str, ...]] = {
    "timing": ("samples_per_second",),
    "counting": ("allocations", "device_syncs", "tensor_bytes", "c_calls"),
    "phases": ("phases_us", "phase_optimizer_us", "phase_forward_us"),
}
"""The keys of columns that a narrow terminal does without, in that order."""
CAPTION = "Step time over the hand-written loop's by batch size; pytorch: its own step time. ~: no difference found."


def grid(summary: Summary) -> Table | None:
    """Return the table; None for a run without cells."""
    all_groups = groups(summary)
    several_sizes = any(len(group.batch_sizes) > 1 for group in all_groups)
    if "timing" in summary.run.settings.passes and len(summary.cells) > MAX_ROWS and several_sizes:
        return _by_batch_size(all_groups)
    return by_cell(summary)


def by_cell(summary: Summary) -> Table | None:
    """Return the table with a row a cell, however many there are; None for a run without cells."""
    if max_batch.is_searched(summary):
        return max_batch.table(summary)
    all_groups = groups(summary)
    kind = next((kind for kind in SHOWN if kind in summary.run.settings.passes), None)
    if not all_groups or kind is None:
        return None
    cells = [(group, cell) for group in all_groups for cell in group.cells]
    return _by_cell(cells, SHOWN[kind], DROPPABLE[kind], titled=len(all_groups) > 1)


def _by_cell(
    cells: Sequence[tuple[Group, CellSummary]], asked: Sequence[Column], droppable: tuple[str, ...], *, titled: bool
) -> Table:
    titles = {id(cell): group.title for group, cell in cells}
    asked = columns.compared(asked, alone=all(group.is_one_script for group, _ in cells))
    shown = [column for column in asked if any(column.text(cell) is not None for _, cell in cells)] or asked[:1]
    whole = tabulated(
        [cell for _, cell in cells],
        shown,
        lambda cell: ({"workload": titles[id(cell)]} if titled else {}) | batch_and_runner(cell),
    )
    by_key = {column.key: column.header for column in shown}
    return replace(whole, droppable=tuple(by_key[key] for key in droppable if key in by_key))


def _by_batch_size(all_groups: Sequence[Group]) -> Table:
    notes, titled = Notes(), len(all_groups) > 1
    sizes = sorted({size for group in all_groups for size in group.batch_sizes})
    rows = (
        (
            *([group.title] if titled else []),
            runner,
            *(_short(group, runner, size, notes) for size in sizes),
        )
        for group in all_groups
        for runner in group.runners
    )
    keys = (*(["workload"] if titled else []), "runner")
    headers = (*keys, *(f"{size:,}" for size in sizes))
    droppable = tuple(f"{size:,}" for size in sizes[1:-1])
    made = table(headers, rows, names=len(keys), droppable=droppable, caption=CAPTION)
    return replace(made, notes=tuple(notes.texts))


def _short(group: Group, runner: str, size: int, notes: Notes) -> str:
    """`~`, a ratio, or for the hand-written loop `363 µs`."""
    cell = next((row for row in group.at(size) if row.runner == runner), None)
    if cell is None:
        return NOTHING
    if cell.status != "ok":
        return notes.mark(STATUS_WORDS[cell.status], cell.reason or NO_REASON)
    if cell.equivalence.verdict == "baseline" and cell.step_time_us is not None:
        return f"{numbers.number(cell.step_time_us.value)} µs"
    if cell.ratio is None or not cell.equivalence.proven:
        return figure_or_why(cell, columns.TIME[2], notes)
    return NO_DIFFERENCE if same_as_baseline(cell) else numbers.times(cell.ratio)
