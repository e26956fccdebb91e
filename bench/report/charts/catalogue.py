"""Which charts a summary has the figures for: their names and what they show, before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from bench.records.schema import CellSummary, Summary
from bench.records.store import slug
from bench.report.charts import bars, distribution, forest, lines, rows
from bench.report.charts.frame import Spec
from bench.report.charts.theme import Style
from bench.report.document.groups import Group, baseline_of, groups

FOLDER = "charts"
LONGEST_STEM = 100

Draw = Callable[[Group, Style], Spec]


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One chart of a report."""

    kind: str
    """throughput, overhead, ratios, phases, tensor-memory, device-memory or distribution."""
    group: str
    """The title of the group of rows that it tells of."""
    file: str
    """Its name in the folder `charts`."""
    alt: str
    """What it shows, for who cannot see it."""
    draw: Callable[[Style], Spec]
    """Make the chart."""


def pictures(summary: Summary) -> list[Picture]:
    """Return what can be drawn, by group and then in the order in which a reader asks."""
    if summary.no_charts is not None:
        return []
    names = _Names()
    return [
        Picture(kind=kind, group=group.title, file=names.of(kind, group), alt=title, draw=partial(draw, group))
        for group in groups(summary)
        for kind, title, draw in _kinds(group)
    ]


class _Names:
    """File names, each once, also where file systems take no notice of capitals."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, kind: str, group: Group) -> str:
        stem = slug(f"{kind}-{group.title}".lower())[:LONGEST_STEM]
        free = (f"{stem}{end}.svg" for end in ("", *(f"-{number}" for number in range(2, len(self._taken) + 3))))
        name = next(name for name in free if name not in self._taken)
        self._taken.add(name)
        return name


def _kinds(group: Group) -> Iterator[tuple[str, str, Draw]]:
    """Which kinds of chart a group has the figures for, with what each shows."""
    one = len(group.batch_sizes) == 1
    against = group.cells[0].at_batch if one else " against batch size"
    title, at = group.title, f"{group.title}{group.at(group.representative)[0].at_batch}"
    baseline = baseline_of(group.cells)
    chosen = group.at(group.representative)
    if _any(group.cells, rows.throughput):
        yield "throughput", f"Samples a second{against}, {title}, by runner.", lines.throughput
    if _any(rows.loops(group), rows.compared("overhead_us")):
        yield "overhead", f"Overhead in µs per step over {baseline}{against}, {title}, by runner.", lines.overhead
    if _any(rows.loops(group), rows.compared("ratio")):
        yield "ratios", f"Step time over that of {baseline}, {title}, by batch size and runner.", forest.ratios
    if any(cell.phases_us for cell in chosen):
        yield "phases", f"Time of a step in data, forward, backward, optimizer and rest, {at}, by runner.", bars.phases
    if any(cell.tensor_bytes_by_category for cell in chosen):
        yield "tensor-memory", f"Peak bytes of live tensors by what they are for, {at}, by runner.", bars.tensor_memory
    if any(value is not None for cell in chosen for value in cell.device_memory_bytes.model_dump().values()):
        yield "device-memory", f"Peak device memory, {at}, by runner.", bars.device_memory
    if any(cell.step_quantiles_us for cell in chosen):
        yield "distribution", f"Distribution of step times, {at}, by runner.", distribution.distribution


def _any(cells: Sequence[CellSummary], figure: rows.Figure) -> bool:
    return any(figure(cell) is not None for cell in cells)
