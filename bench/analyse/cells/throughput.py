"""What one trial cannot tell by itself: the cost of an epoch's end, and throughput, from all trials of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.analyse.cells.collector import collector_us_per_step
from bench.plan import length as lengths

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
    epoch_us, paused_us = epoch_cost_us(by_turns, cell, length), collector_us_per_step(by_turns)
    return tuple(_complete(trial, epoch_us, paused_us, length) for trial in timed)


def _complete(figures: TrialFigures, epoch_us: float | None, paused_us: float, length: Length) -> TrialFigures:
    if figures.mean_us is None or not figures.step_us:
        return figures
    whole_us = figures.mean_us + (epoch_us or 0.0) / length.steps_per_epoch + paused_us
    per_second = figures.samples / whole_us * 1e6 if figures.samples else None
    return replace(figures, epoch_us=epoch_us, samples_per_second=per_second, longer=whole_us / figures.step_us)


def epoch_cost_us(timed: Sequence[TrialFigures], cell: Cell, length: Length) -> float | None:
    """What the steps around an epoch's end take beyond steady ones, place by place, whichever of them do the work.

    None where epochs are too short to have an end, and where a place was never among the kept steps.
    """
    if not lengths.has_ends(cell.workers, length.steps_per_epoch):
        return None
    edge = lengths.edge_steps(cell.workers)
    total_us = 0.0
    for place in range(-edge, edge + 1):
        seen = [trial.ends_us[place] for trial in timed if place in trial.ends_us]
        if not seen:
            return None
        total_us += sum(us for us, _ in seen) / sum(count for _, count in seen)
    return total_us
