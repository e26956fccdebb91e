"""What full collections of Python's garbage cost, over all trials of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.analyse.cells.trial_figures import TrialFigures
    from bench.records.schema import Timing, Trial, Turns


@dataclass(frozen=True, kw_only=True, slots=True)
class Collections:
    """Full collections of Python's garbage in one trial."""

    due: float
    """How many the timed steps bring, by what survives them; where that is not counted, how many they had."""
    steps: int
    """Timed steps, cold ones included."""
    seen: int
    """Those whose pauses tell how long one takes: all of the process but its first, which copies pages."""
    seen_us: float
    """What these took."""
    are_whole: bool = True
    """Whether they look at what was imported, too, as a user's do."""


def of_trial(trial: Trial, timing: Timing, turns: Turns) -> Collections:
    """Those of one trial that took turns."""
    counted = timing.collector
    if trial.interpreter is not None and trial.interpreter.hides_imports:
        return Collections(due=0.0, steps=len(timing.step_ns), seen=0, seen_us=0.0, are_whole=False)
    seen_ns = list(turns.pauses_ns.values()) if counted is None else counted.full_ns
    due = len(seen_ns) if counted is None else counted.full_due
    return Collections(due=due, steps=len(timing.step_ns), seen=len(seen_ns), seen_us=sum(seen_ns) / 1e3)


def collector_us_per_step(timed: Sequence[TrialFigures]) -> float:
    """What full collections pause a step on average: 0 where they are too rare for one to have been seen."""
    pause_us = collection_us(timed)
    return 0.0 if pause_us is None else collections_per_step(timed) * pause_us


def collections_per_step(timed: Sequence[TrialFigures]) -> float:
    """How often a step brings a full collection, by how many steps apart they are on average.

    They are near and far apart in turn, and a trial sees one of the two: the mean of the distances is right, that of
    the rates is not.
    """
    known = [trial.collections for trial in timed if trial.collections is not None]
    if not known or any(collections.due == 0 for collections in known):  # so rare that some trials saw nothing survive
        return sum(collections.due for collections in known) / max(sum(collections.steps for collections in known), 1)
    return len(known) / sum(collections.steps / collections.due for collections in known)


def collection_us(timed: Sequence[TrialFigures]) -> float | None:
    """How long one takes; None where none was seen."""
    known = [trial.collections for trial in timed if trial.collections is not None]
    seen = sum(collections.seen for collections in known)
    return sum(collections.seen_us for collections in known) / seen if seen else None
