"""The figures that a check of an environment judges: where each comes from, and which way is worse."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from bench.analyse.cells.evidence import Evidence, log_ratios_by_block
from bench.analyse.statistics.signed_rank import block_medians
from bench.analyse.verdicts.verdict import Worse
from bench.plan.upgrade import CANDIDATE
from bench.records.schema import Cell, Counters, FigureGroup, Summary, Trial

ByBlock = Mapping[int, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure that is measured block by block."""

    name: str
    group: FigureGroup
    of: Callable[[Evidence], ByBlock]
    worse: Worse = "higher"
    pairs: Callable[[Evidence, Evidence], ByBlock] | None = None
    """log(one / other) in each block, where that is told by more than one figure a block."""

    def log_ratios(self, own: Evidence, other: Evidence) -> ByBlock:
        """log(own / other) in each block in which both are positive."""
        if self.pairs is not None:
            return self.pairs(own, other)
        theirs = self.of(other)
        both = ((block, value, theirs.get(block, 0.0)) for block, value in self.of(own).items())
        return {block: math.log(value / base) for block, value, base in both if value > 0 and base > 0}


def _of_trials(field: str) -> Callable[[Evidence], ByBlock]:
    return lambda evidence: evidence.by_block(attrgetter(field))


THROUGHPUT = "samples_per_second"
MEASURED = (
    Figure(name="step_time_us", group="time", of=_of_trials("step_us"), pairs=log_ratios_by_block),
    Figure(name=THROUGHPUT, group="time", of=_of_trials("samples_per_second"), worse="lower"),
    Figure(name="device_allocated_bytes", group="memory", of=_of_trials("memory.device_allocated_bytes")),
    Figure(name="device_reserved_bytes", group="memory", of=_of_trials("memory.device_reserved_bytes")),
    Figure(name="host_rss_bytes", group="memory", of=_of_trials("memory.host_rss_bytes")),
    Figure(name="startup_s", group="start", of=_of_trials("startup_s")),
)
COUNTED = ("python_calls", "c_calls", "ops", "syncs", "kernels", "device_syncs", "allocations")
TENSOR_BYTES = "tensor_bytes"
EXACT = (*COUNTED, TENSOR_BYTES)
"""What is counted, not measured."""
IMPORT = "import_s"
GROUPS: dict[str, FigureGroup] = {
    **{figure.name: figure.group for figure in MEASURED},
    **dict.fromkeys(COUNTED, "counters"),
    TENSOR_BYTES: "memory",
    IMPORT: "start",
}


def allowance(metric: str, margin: float) -> float | None:
    """The margin of an exact figure: bytes of tensors have it, since one scalar more is no regression."""
    return margin if metric == TENSOR_BYTES else None


def decides(metric: str, fail_on: Collection[FigureGroup]) -> bool:
    """Whether a check goes on until this figure is decided, and is itself undecided where that cannot be had.

    So it is with all that the check fails on, but for throughput, which is step time once more: it can
    regress, but nobody waits for it. Other figures are judged by the blocks that there are then.
    """
    return GROUPS[metric] in fail_on and metric != THROUGHPUT


def unanswered(summary: Summary) -> list[Cell]:
    """The candidate's cells that lack a verdict on something that the check fails on, because trials failed."""
    asked = set(summary.run.settings.fail_on)
    told: dict[Cell, set[FigureGroup]] = {row.cell: set() for row in summary.cells if row.environment == CANDIDATE}
    for verdict in summary.verdicts:
        told[verdict.cell].add(GROUPS[verdict.metric])
    return [cell for cell, groups in told.items() if not asked <= groups]


def import_s_by_block(trials: Sequence[Trial], cell: Cell) -> ByBlock:
    """Import time of the cell's interpreters, each at the first timed block that it serves: it has imported once.

    Two interpreters import at the same time, in an order that each set draws anew: a figure for ratios, not for a
    table.
    """
    own = ((t.block, t.interpreter) for t in trials if t.cell == cell and t.phase == "timing")
    first: dict[tuple[int, int, int], tuple[int, float]] = {}
    for block, each in own:
        if each is not None:
            first.setdefault((each.pid, each.hash_seed, each.padding_bytes), (block, each.import_s))
    return block_medians(first.values())


def count(counters: Counters, name: str) -> int | None:
    """One counter's value; None where it cannot be had."""
    found = getattr(counters, name)
    return None if found is None else int(found.value)
