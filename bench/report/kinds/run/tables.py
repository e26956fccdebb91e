"""The tables of a run, and what else its report says of one group of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document import blocks, columns
from bench.report.document.blocks import METRIC, Block, CellTable, Content, Figure, Paragraph, Part, Section, paragraphs
from bench.report.document.groups import shared_conditions
from bench.report.document.tables import import_table
from bench.report.document.text import plural
from bench.report.kinds.run import quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Summary
    from bench.report.charts import Picture
    from bench.report.document.columns import Column
    from bench.report.document.groups import Group

TIME, MEMORY, COUNTS, PHASES, TENSORS = "time", "memory and start-up", "exact counts", "phases", "tensor memory"
"""The choices of the metric filter."""
METRICS = {
    "ratios": TIME,
    "throughput": TIME,
    "overhead": TIME,
    "distribution": TIME,
    "phases": PHASES,
    "tensor-memory": TENSORS,
    "device-memory": MEMORY,
}
"""By kind of chart, the choice that shows it."""


def section(summary: Summary, all_groups: Sequence[Group], drawn: Sequence[Picture]) -> Section:
    """Time, memory and imports of every cell, and what limits their figures."""
    equal = [*shared_conditions(summary), plural(summary.run.settings.threads, "thread")]
    return blocks.section(
        "Tables",
        Paragraph(f"Equal in all rows: {', '.join(equal)}."),
        [_of_one(summary, group, drawn) for group in all_groups],
        import_table(summary),
    )


def _of_one(summary: Summary, group: Group, drawn: Sequence[Picture]) -> Part:
    spread = figures(drawn, group, "distribution")
    collected = any(cell.collector_us_per_step is not None for cell in group.cells)
    has_workers = any(cell.workers for cell in group.cells)
    return of_group(
        group,
        _table(group, "Time", columns.compared(columns.TIME, alone=group.is_one_script), TIME),
        paragraphs(quality.noise_floors(summary, group)),
        blocks.folded("How step times are spread", spread),
        _collector_table(group) if collected else None,
        _table(group, "To the end", columns.WHOLE, TIME) if any(cell.whole_s for cell in group.cells) else None,
        _table(group, "Memory and start-up", columns.MEMORY, MEMORY),
        *(_compile_table(group) if any(cell.compile for cell in group.cells) else ()),
        Paragraph(quality.WITHOUT_WORKERS) if has_workers else None,
    )


def of_group(group: Group, *content: Content) -> Part:
    """What is said of a group, hidden by the filters with its rows."""
    first = group.cells[0]
    facets = {"device": first.device_name, "workload": first.workload, "profile": first.profile}
    return blocks.part(group.title, facets, *content)


def figures(drawn: Sequence[Picture], group: Group, *kinds: str) -> list[Figure]:
    """The charts of one group, kind by kind; those that there are."""
    return [
        Figure(file=picture.file, alt=picture.alt, facets={METRIC: METRICS[kind]})
        for kind in kinds
        for picture in drawn
        if (picture.group, picture.kind) == (group.title, kind)
    ]


def counter_table(group: Group) -> CellTable:
    """Exact counts of a steady step."""
    return _table(group, "Counts of one steady step", columns.COUNTERS, COUNTS)


def phase_table(group: Group) -> CellTable:
    """Where a steady step's time goes."""
    return _table(group, "All phases", columns.PHASES, PHASES, folded=True)


def tensor_table(group: Group) -> CellTable:
    """What the tensors alive at a step's peak are."""
    return _table(group, "What the tensors at the peak are", columns.TENSORS, TENSORS, folded=True)


def _collector_table(group: Group) -> CellTable:
    """Without its group in its title, which the table before it names."""
    title = "Full collections of Python's garbage"
    return CellTable(title=title, cells=group.cells, columns=columns.COLLECTOR, metric=TIME, folded=True)


def _compile_table(group: Group) -> list[Block]:
    return [_table(group, "What torch.compile did", columns.COMPILE, MEMORY), Paragraph(quality.COMPILED)]


def _table(group: Group, title: str, shown: Sequence[Column], metric: str, *, folded: bool = False) -> CellTable:
    return CellTable(
        title=title, group=group.title, cells=group.cells, columns=tuple(shown), metric=metric, folded=folded
    )
