"""Where each timed interval lies, in its turn and in its epoch, and what is left out by that."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bench.plan import length as lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.analyse.statistics.signed_rank import Floats
    from bench.records.schema import Trial, TurnLength, Turns


class Places:
    """Where each timed interval lies: in its turn, and in its epoch."""

    def __init__(
        self,
        turns: int,
        turn: TurnLength,
        warmup_steps: int,
        epoch_steps: int,
        workers: int,
        event_steps: tuple[int, ...],
    ) -> None:
        in_turn = np.tile(np.arange(turn.steps), turns)
        self.turns = turns
        # The interval before the tick of step s + 1 is that of step s of its epoch, counted from 0.
        step = warmup_steps + np.arange(len(in_turn))
        in_epoch = step % epoch_steps
        self.kept = in_turn >= turn.cold_steps
        edge = self.edge = lengths.edge_steps(workers)
        # 0 is the interval in which the epoch begins; those of the epoch before it are negative.
        from_end = np.where(in_epoch > epoch_steps // 2, in_epoch - epoch_steps, in_epoch)
        has_ends = lengths.has_ends(workers, epoch_steps)
        at_end: NDArray[np.bool_] = (np.abs(from_end) <= edge) & has_ends
        self.at_event: NDArray[np.bool_] = np.zeros_like(self.kept)
        for every in event_steps:
            self.at_event |= step % every == 0
        self.left_out: NDArray[np.bool_] = at_end | self.at_event
        self.steady: NDArray[np.bool_] = self.kept & ~self.left_out
        ends = self.kept & at_end
        self.ends = {place: ends & (from_end == place) for place in np.unique(from_end[ends]).tolist()}
        """By place around an epoch's end, the kept intervals there."""


_built = lru_cache(maxsize=64)(Places)


def places_of(trial: Trial, turns: Turns, event_steps: tuple[int, ...]) -> Places:
    """Where its intervals lie, which is the same for many trials of a run."""
    epoch = trial.length.steps_per_epoch
    return _built(len(turns.places), turns.length, trial.length.warmup_steps, epoch, trial.cell.workers, event_steps)


def turn_medians_us(intervals_us: Floats, places: Places, *, stride: int) -> Floats:
    """The median of each turn's strides, of which a stride with an epoch's end has no part; a row a trial."""
    trials, kept = len(intervals_us), int(places.kept.sum()) // max(places.turns, 1)
    steps_us = np.where(places.left_out, np.nan, intervals_us)[:, places.kept].reshape(trials * places.turns, kept)
    whole = kept // stride * stride
    if whole:
        steps_us = steps_us[:, :whole].reshape(trials * places.turns, -1, stride).mean(axis=2)
    known = np.isfinite(steps_us).sum(axis=1)
    enough = (known > 0) & (known >= lengths.MIN_STEADY_SHARE * steps_us.shape[1])
    medians_us = np.full(trials * places.turns, np.nan)
    medians_us[enough] = medians(steps_us[enough])
    return medians_us.reshape(trials, places.turns)


def medians(rows: Floats) -> Floats:
    """The median of the numbers in each row; NaN where it has none."""
    ordered = np.sort(rows, axis=1)  # which has what is no number at the end
    known, row = np.isfinite(ordered).sum(axis=1), np.arange(len(ordered))
    has_some = known > 0
    middle = np.full(len(ordered), np.nan)
    row, known = row[has_some], known[has_some]
    middle[has_some] = (ordered[row, (known - 1) // 2] + ordered[row, known // 2]) / 2
    return middle


def ends(intervals_us: Floats, places: Places, mean_us: Floats) -> Floats:
    """What kept steps took at each place around an epoch's end beyond the mean, added up, and how many they were."""
    sums = np.zeros((len(intervals_us), 2 * places.edge + 1, 2))
    for place, there in places.ends.items():
        sums[:, place + places.edge, 0] = rows_of(intervals_us, there, minus=mean_us).sum(axis=1)
        sums[:, place + places.edge, 1] = there.sum()
    sums[np.isnan(mean_us)] = 0.0
    return sums.reshape(len(sums), -1)


def rows_of(intervals_us: Floats, there: NDArray[np.bool_], *, minus: Floats | None = None) -> Floats:
    """Some intervals of each row, side by side in memory: a row's sum is then the same whatever stands next to it."""
    some = np.ascontiguousarray(intervals_us[:, there])
    return some if minus is None else some - minus[:, None]
