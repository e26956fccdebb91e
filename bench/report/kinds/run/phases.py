"""Where a step's time goes: data, forward, backward, optimizer, and what the loop itself takes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from bench.report.charts import Picture, shown
from bench.report.document.numbers import percent
from bench.report.document.tables import phase_table
from bench.report.document.text import escape, folded
from bench.report.kinds.run import sentences

if TYPE_CHECKING:
    from bench.records.schema import CellSummary
    from bench.report.document.groups import Group


def section(told: Sequence[Group], drawn: Sequence[Picture] = ()) -> str:
    """Write a sentence a runner at each group's representative batch size, and all phases in a folded table."""
    parts = ["## Where a step's time goes"]
    for group in told:
        cells = [cell for cell in group.at(group.representative) if cell.phases_us]
        if cells:
            parts += [
                escape(f"{group.where}:"),
                "\n".join(f"- {escape(sentences.split(cell))}" for cell in cells),
                *shown(drawn, group.title, "phases"),
                folded(f"All phases, {group.title}", phase_table(group).markdown()),
            ]
    if len(parts) == 1:
        return "\n\n".join([*parts, "Unavailable: this run has no good trial of the phases pass."])
    return "\n\n".join([*parts, escape(_caution([cell for group in told for cell in group.cells]))])


def _caution(cells: Sequence[CellSummary]) -> str:
    """Say how far these runs are from the timed ones."""
    slower = [
        sum(cell.phases_us.values()) / cell.step_time_us.value - 1
        for cell in cells
        if cell.phases_us and cell.step_time_us
    ]
    told = (
        f": the steps of this run were longer than the timed ones by {percent(median(slower))} (median)"
        if slower
        else ""
    )
    return (
        "Phases come from one run of each loop, whose hooks and, on an accelerator, whose waits for the device "
        f"between phases slow it down{told}. Read them as shares."
    )
