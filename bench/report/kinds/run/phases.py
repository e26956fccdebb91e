"""Where a step's time goes: data, forward, backward, optimizer, and what the loop itself takes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from bench.report.charts import Picture
from bench.report.document import blocks
from bench.report.document.blocks import Paragraph, Part, Section, bullets, paragraphs
from bench.report.document.numbers import percent
from bench.report.kinds.run import sentences
from bench.report.kinds.run.tables import figures, of_group, phase_table

if TYPE_CHECKING:
    from bench.records.schema import CellSummary
    from bench.report.document.groups import Group

UNAVAILABLE = "Unavailable: this run has no good trial of the phases pass."


def section(all_groups: Sequence[Group], drawn: Sequence[Picture] = ()) -> Section:
    """A sentence a runner at each group's representative batch size, and all phases in a table."""
    parts = [part for group in all_groups if (part := _part(group, drawn)) is not None]
    said = _caution([cell for group in all_groups for cell in group.cells]) if parts else UNAVAILABLE
    return blocks.section("Where a step's time goes", parts, Paragraph(said))


def _part(group: Group, drawn: Sequence[Picture]) -> Part | None:
    cells = [cell for cell in group.at(group.representative) if cell.phases_us]
    if not cells:
        return None
    return of_group(
        group,
        Paragraph(f"{group.where}:"),
        bullets(map(sentences.split, cells)),
        paragraphs(sentence for cell in cells if (sentence := sentences.evaluation(cell)) is not None),
        figures(drawn, group, "phases"),
        phase_table(group),
    )


def _caution(cells: Sequence[CellSummary]) -> str:
    """Say how far these runs are from the timed ones."""
    slower = [
        sum(cell.phases_us.values()) / cell.step_time_us.value - 1
        for cell in cells
        if cell.phases_us and cell.step_time_us
    ]
    sentence = (
        f": the steps of this run were longer than the timed ones by {percent(median(slower))} (median)"
        if slower
        else ""
    )
    return (
        "Phases come from one run of each loop, whose hooks and, on an accelerator, whose waits for the device "
        f"between phases slow it down{sentence}. Read them as shares."
    )
