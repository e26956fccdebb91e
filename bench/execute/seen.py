"""What a run has seen so far, and what follows from it: what is finished, how long a trial is, when it hangs."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from bench.plan import length as lengths
from bench.plan.schedule import Slot
from bench.records.schema import Cell, Comparison, Length, Pass, PlannedLength, Settings, Trial

GIVE_UP_AFTER_FAILURES = 2
FIRST_TIMEOUT_S = 300.0
LEAST_TIMEOUT_S = 60.0
TIMEOUT_FACTOR = 20

TrialKey = tuple[Pass, Cell, int, int]


def key(trial: Trial) -> TrialKey:
    """What makes a trial the same trial when a run is resumed."""
    return trial.phase, trial.cell, trial.block, trial.replicate


class Seen:
    """The trials of a run in the order in which they ended."""

    def __init__(self, settings: Settings, *, done: Iterable[Trial], planned: Iterable[PlannedLength]) -> None:
        self._settings = settings
        self.trials: list[Trial] = []
        self.lengths = {plan.comparison: plan.length for plan in planned}
        self._finished: set[TrialKey] = set()
        for trial in done:
            self.remember(trial)

    @property
    def planned_lengths(self) -> list[PlannedLength]:
        """The trial lengths chosen so far, for run.json."""
        return [PlannedLength(comparison=c, length=length) for c, length in self.lengths.items()]

    def remember(self, trial: Trial) -> None:
        """Take note of a trial; a pilot chooses the length of what follows it, a second pilot included."""
        self.trials.append(trial)
        self._finished.add(key(trial))
        if trial.phase == "pilot":
            self.lengths[trial.cell.anywhere] = self._chosen_length(trial)

    def is_finished(self, phase: Pass, slot: Slot) -> bool:
        """Whether the trial of this place is done, or not worth another try."""
        done = (phase, slot.cell, slot.block, slot.replicate) in self._finished
        return done or self._is_given_up(phase, slot.cell)

    def _is_given_up(self, phase: Pass, cell: Cell) -> bool:
        """A pass that has failed twice on a cell and never succeeded is not tried again."""
        trials = [trial for trial in self.trials if trial.cell == cell and trial.phase == phase]
        failed = len(trials) >= GIVE_UP_AFTER_FAILURES and all(trial.status != "ok" for trial in trials)
        return failed or self.is_missing(cell)

    def is_missing(self, cell: Cell) -> bool:
        """Whether the cell's framework turned out not to be installed."""
        where = (cell.runner, cell.environment)
        missing = (trial.cell for trial in self.trials if trial.status == "missing")
        return any((other.runner, other.environment) == where for other in missing)

    def length(self, phase: Pass, comparison: Comparison) -> Length:
        """How long the trials of a pass are; raises `KeyError` before the first pilot of a comparison."""
        if phase == "pilot":
            return self.lengths.get(comparison, lengths.PILOT)
        if phase == "equivalence":
            return lengths.EQUIVALENCE
        if phase == "counting":
            return lengths.COUNTING
        if phase == "trace":
            return lengths.TRACE
        if self._settings.steps is not None:
            return lengths.fixed(steps=self._settings.steps, warmup_steps=self._settings.warmup_steps)
        chosen = self.lengths[comparison]
        return lengths.halved(chosen) if phase == "phases" else chosen

    def _chosen_length(self, pilot: Trial) -> Length:
        if pilot.timing is None:  # the baseline failed: the others still get rows, from a short trial
            return lengths.PILOT
        steady = pilot.timing.step_ns[pilot.length.warmup_steps - 1 :]
        return lengths.for_step_time(median(steady) / 1e9, target_region_s=self._settings.target_region_s)

    def timeout_s(self, comparison: Comparison, length: Length) -> float:
        """Far longer than any trial of this comparison has needed a step so far."""
        if self._settings.timeout_s is not None:
            return self._settings.timeout_s
        paces = [t.wall_s / t.length.steps for t in self.trials if t.status == "ok" and t.cell.anywhere == comparison]
        if not paces:
            return FIRST_TIMEOUT_S
        return max(LEAST_TIMEOUT_S, TIMEOUT_FACTOR * max(paces) * length.steps)
