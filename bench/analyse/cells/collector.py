"""What full collections of Python's garbage cost, over all trials of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.analyse.cells.columns import Columns

if TYPE_CHECKING:
    from bench.analyse.statistics.signed_rank import Floats
    from bench.records.schema import Timing, Trial, Turns

Counted = tuple[float, int, int, float, bool]
NOT_COUNTED: Counted = (np.nan, 0, 0, 0.0, True)
"""Of a trial without turns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Collections(Columns):
    """Full collections of Python's garbage, a row a trial."""

    due: Floats
    """How many the timed steps bring, by what survives them; where that is not counted, how many they had. NaN of
    trials that took no turns."""
    steps: NDArray[np.int64]
    """Timed steps, cold ones included."""
    seen: NDArray[np.int64]
    """Those whose pauses tell how long one takes: all of the process but its first, which copies pages."""
    seen_us: Floats
    """What these took."""
    are_whole: NDArray[np.bool_]
    """Whether they look at what was imported, too, as a user's do."""

    @classmethod
    def of(cls, rows: Sequence[Counted]) -> Collections:
        """From `of_trial` or `NOT_COUNTED` of each trial."""
        due, steps, seen, seen_us, are_whole = zip(*rows, strict=True) if rows else ((),) * 5
        return cls(
            due=np.array(due, dtype=np.float64),
            steps=np.array(steps, dtype=np.int64),
            seen=np.array(seen, dtype=np.int64),
            seen_us=np.array(seen_us, dtype=np.float64),
            are_whole=np.array(are_whole, dtype=bool),
        )

    @property
    def are_known(self) -> NDArray[np.bool_]:
        """Of each trial whether it took turns, and so tells."""
        return ~np.isnan(self.due)


def of_trial(trial: Trial, timing: Timing, turns: Turns) -> Counted:
    """Those of one trial that took turns."""
    counted = timing.collector
    if trial.interpreter is not None and trial.interpreter.hides_imports:
        return 0.0, len(timing.step_ns), 0, 0.0, False
    seen_ns = list(turns.pauses_ns.values()) if counted is None else counted.full_ns
    due = len(seen_ns) if counted is None else counted.full_due
    return due, len(timing.step_ns), len(seen_ns), sum(seen_ns) / 1e3, True


def collector_us_per_step(collections: Collections) -> float:
    """What full collections pause a step on average: 0 where they are too rare for one to have been seen."""
    pause_us = collection_us(collections)
    return 0.0 if pause_us is None else collections_per_step(collections) * pause_us


def collections_per_step(collections: Collections) -> float:
    """How often a step brings a full collection, by how many steps apart they are on average.

    They are near and far apart in turn, and a trial sees one of the two: the mean of the distances is right, that of
    the rates is not.
    """
    known = collections.take(collections.are_known)
    if not known.due.all() or not len(known.due):  # so rare that some trials saw nothing survive
        return float(sum(known.due.tolist()) / max(int(known.steps.sum()), 1))
    return float(len(known.due) / sum((known.steps / known.due).tolist()))


def collection_us(collections: Collections) -> float | None:
    """How long one takes; None where none was seen."""
    known = collections.take(collections.are_known)
    seen = int(known.seen.sum())
    return float(sum(known.seen_us.tolist()) / seen) if seen else None
