"""What a search for the largest batch came to, loop by loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.plan import max_batch
from bench.plan.comparison_groups import cells
from bench.plan.max_batch import Search
from bench.records.schema import LargestBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Cell, Run, Trial


def largest_batches(run: Run, trials: Sequence[Trial]) -> list[LargestBatch]:
    """One for each cell of the plan, in its order; none where nothing was looked for."""
    if max_batch.PASS not in run.settings.passes:
        return []
    searched = [trial for trial in trials if trial.phase == max_batch.PASS]
    return [_of(cell, Search.of(cell, searched)) for cell in cells(run.settings)]


def _of(cell: Cell, search: Search) -> LargestBatch:
    largest, failing = search.largest, search.smallest_failing
    limit = search.broken or failing
    return LargestBatch(
        cell=cell,
        trains=None if largest is None else largest.cell.batch_size,
        peak_bytes=None if largest is None else _peak_bytes(largest),
        fails=None if failing is None else failing.cell.batch_size,
        status=None if limit is None else limit.status,
        reason=None if limit is None else limit.reason,
        is_over=search.next_size is None,
    )


def _peak_bytes(trial: Trial) -> int | None:
    memory = trial.memory
    if memory is None:
        return None
    return memory.host_rss_bytes if trial.cell.device == "cpu" else memory.device_reserved_bytes
