"""What one trial cannot tell by itself: the cost of an epoch's end, and throughput, from all trials of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bench.analyse.cells.collector import collector_us_per_step
from bench.analyse.statistics.signed_rank import signed_rank_estimate
from bench.plan import length as lengths
from bench.records.schema import Estimate

if TYPE_CHECKING:
    from bench.analyse.cells.trial_figures import TrialFigures
    from bench.records.schema import Cell, Length


def complete(timed: Sequence[TrialFigures], cell: Cell, length: Length) -> tuple[TrialFigures, ...]:
    """Add what an epoch costs, and throughput: an epoch's end is so rare that all trials of a cell tell of it together.

    A step takes, with its share of all that happens between steps, its mean and what epochs and the
    collector add to it.
    """
    by_turns = [trial for trial in timed if trial.collections is not None]
    if not by_turns:
        return tuple(timed)
    cost, paused_us = epoch_cost(by_turns, cell, length), collector_us_per_step(by_turns)
    return tuple(_complete(trial, None if cost is None else cost.value, paused_us, length) for trial in timed)


def _complete(figures: TrialFigures, epoch_us: float | None, paused_us: float, length: Length) -> TrialFigures:
    if figures.mean_us is None or not figures.step_us:
        return figures
    whole_us = figures.mean_us + (epoch_us or 0.0) / length.steps_per_epoch + paused_us
    per_second = figures.samples / whole_us * 1e6 if figures.samples else None
    return replace(figures, epoch_us=epoch_us, samples_per_second=per_second, longer=whole_us / figures.step_us)


def epoch_cost(timed: Sequence[TrialFigures], cell: Cell, length: Length) -> Estimate | None:
    """What the steps around an epoch's end take beyond steady ones, in µs, place by place, whichever do the work.

    None where epochs are too short to have an end, and where a place was never among the kept steps. No block tells it
    alone; the interval is that of a jackknife's pseudo-values, from what it would be without each of the blocks.
    """
    if not lengths.has_ends(cell.workers, length.steps_per_epoch):
        return None
    edge = lengths.edge_steps(cell.workers)
    row_of = {block: row for row, block in enumerate(dict.fromkeys(trial.block for trial in timed))}
    seen = np.zeros((len(row_of), 2, 2 * edge + 1))  # of each block: µs and steps, at each place
    for trial in timed:
        for place, sums in trial.ends_us.items():
            seen[row_of[trial.block], :, place + edge] += sums
    us, steps = seen.sum(axis=0)
    if not steps.all():
        return None
    cost_us, blocks = float((us / steps).sum()), len(row_of)
    others_us, other_steps = us - seen[:, 0], steps - seen[:, 1]
    if not other_steps.all():
        return Estimate(value=cost_us)
    without_us = (others_us / other_steps).sum(axis=1)
    interval = signed_rank_estimate(blocks * cost_us - (blocks - 1) * without_us)
    return None if interval is None else interval.model_copy(update={"value": cost_us})
