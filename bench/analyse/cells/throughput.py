"""What one trial cannot tell by itself: the cost of an epoch's end, and throughput, from all trials of a cell."""

from __future__ import annotations

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


def complete(timed: TrialFigures, cell: Cell, length: Length) -> TrialFigures:
    """Add what an epoch costs, and throughput: an epoch's end is so rare that all trials of a cell tell of it together.

    A step takes, with its share of all that happens between steps, its mean and what epochs and the
    collector add to it.
    """
    if not timed.collections.are_known.any():
        return timed
    cost, paused_us = epoch_cost(timed, cell, length), collector_us_per_step(timed.collections)
    steady = np.isfinite(timed.mean_us) & (timed.step_us > 0)
    epoch_us = 0.0 if cost is None else cost.value
    whole_us = np.where(steady, timed.mean_us + epoch_us / length.steps_per_epoch + paused_us, np.nan)
    return replace(
        timed,
        epoch_us=np.where(steady, np.nan if cost is None else cost.value, timed.epoch_us),
        samples_per_second=np.where(steady, timed.samples / whole_us * 1e6, timed.samples_per_second),
        longer=np.where(steady, whole_us / np.where(steady, timed.step_us, np.nan), timed.longer),
    )


def epoch_cost(timed: TrialFigures, cell: Cell, length: Length) -> Estimate | None:
    """What the steps around an epoch's end take beyond steady ones, in µs, place by place, whichever do the work.

    None where epochs are too short to have an end, and where a place was never among the kept steps. No block tells it
    alone; the interval is that of a jackknife's pseudo-values, from what it would be without each of the blocks.
    """
    if not lengths.has_ends(cell.workers, length.steps_per_epoch):
        return None
    blocks, row = np.unique(timed.block[timed.collections.are_known], return_inverse=True)
    seen = np.zeros((len(blocks), timed.ends.shape[1]))  # of each block: µs and steps, at each place in turn
    np.add.at(seen, row, timed.ends[timed.collections.are_known])
    by_block = seen.reshape(len(blocks), -1, 2)
    us, steps = by_block.sum(axis=0).T
    if not steps.all():
        return None
    cost_us = float((us / steps).sum())
    others_us, other_steps = us - by_block[:, :, 0], steps - by_block[:, :, 1]
    if not other_steps.all():
        return Estimate(value=cost_us)
    without_us = (others_us / other_steps).sum(axis=1)
    interval = signed_rank_estimate(len(blocks) * cost_us - (len(blocks) - 1) * without_us)
    return None if interval is None else interval.model_copy(update={"value": cost_us})
