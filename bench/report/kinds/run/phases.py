"""Where a step's time goes: data, forward, backward, optimizer, and what the loop itself takes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from bench.report.charts import Picture
from bench.report.document.blocks import Bullets, Paragraph, Part, Section
from bench.report.document.numbers import percent
from bench.report.kinds.run import sentences
from bench.report.kinds.run.parts import figures, part, phase_table

if TYPE_CHECKING:
    from bench.records.schema import CellSummary
    from bench.report.document.groups import Group

TITLE = "Where a step's time goes"


def section(told: Sequence[Group], drawn: Sequence[Picture] = ()) -> Section:
    """A sentence a runner at each group's representative batch size, and all phases in a folded table."""
    parts = [found for group in told if (found := _part(group, drawn)) is not None]
    if not parts:
        nothing = Paragraph(text="Unavailable: this run has no good trial of the phases pass.")
        return Section(title=TITLE, blocks=(nothing,))
    caution = Paragraph(text=_caution([cell for group in told for cell in group.cells]))
    return Section(title=TITLE, blocks=(*parts, caution))


def _part(group: Group, drawn: Sequence[Picture]) -> Part | None:
    cells = [cell for cell in group.at(group.representative) if cell.phases_us]
    if not cells:
        return None
    return part(
        group,
        [
            Paragraph(text=f"{group.title}, batch {group.representative:,}:"),
            Bullets(lines=tuple(map(sentences.split, cells))),
            *figures(drawn, group, "phases"),
            phase_table(group),
        ],
    )


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
