"""What the report of a run says of one group of rows: its charts and its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document import columns
from bench.report.document.blocks import METRIC, Block, CellTable, Figure, Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


def part(group: Group, blocks: Iterable[Block]) -> Part:
    """What is said of a group, hidden by the filters with its rows."""
    first = group.cells[0]
    facets = {"device": first.device, "workload": first.workload, "profile": first.profile}
    return Part(title=group.title, facets=facets, blocks=tuple(blocks))


def figures(drawn: Sequence[Picture], group: Group, *kinds: str) -> list[Figure]:
    """The charts of one group, kind by kind; those that there are."""
    return [
        Figure(file=picture.file, alt=picture.alt, facets={METRIC: METRICS[kind]})
        for kind in kinds
        for picture in drawn
        if (picture.group, picture.kind) == (group.title, kind)
    ]


def time_table(group: Group) -> CellTable:
    """Step time, throughput, ratio and overhead."""
    return _table(group, "Time", columns.TIME, TIME)


def memory_table(group: Group) -> CellTable:
    """Memory, time to the first step and the cost of an epoch."""
    return _table(group, "Memory and start-up", columns.MEMORY, MEMORY)


def counter_table(group: Group) -> CellTable:
    """Exact counts of a steady step."""
    return _table(group, "Counts of one steady step", columns.COUNTERS, COUNTS)


def collector_table(group: Group) -> CellTable:
    """What Python's collector pauses."""
    title = "Full collections of Python's garbage"
    return CellTable(title=title, cells=group.cells, columns=columns.COLLECTOR, metric=TIME, folded=True)


def phase_table(group: Group) -> CellTable:
    """Where a steady step's time goes."""
    return _table(group, "All phases", columns.PHASES, PHASES, folded=True)


def tensor_table(group: Group) -> CellTable:
    """What the tensors alive at a step's peak are."""
    return _table(group, "What the tensors at the peak are", columns.TENSORS, TENSORS, folded=True)


def _table(group: Group, title: str, shown: Sequence[Column], metric: str, *, folded: bool = False) -> CellTable:
    return CellTable(
        title=title, group=group.title, cells=group.cells, columns=tuple(shown), metric=metric, folded=folded
    )
