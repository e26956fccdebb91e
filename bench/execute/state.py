"""What a run has seen so far, and what follows from it: what is finished, what fits together, when a trial hangs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.plan import length as lengths
from bench.plan.schedule import Slot
from bench.records.schema import Cell, Comparison, Length, Pass, Settings, Trial, TrialKey, TurnLength

GIVE_UP_AFTER_FAILURES = 2
FIRST_TIMEOUT_S = 300.0
MIN_TIMEOUT_S = 60.0
TIMEOUT_FACTOR = 20


class RunState:
    """The trials of a run in the order in which they ended."""

    def __init__(self, settings: Settings, *, done: Iterable[Trial]) -> None:
        self._settings = settings
        self.trials: list[Trial] = []
        self._finished: set[TrialKey] = set()
        self._turns: dict[Comparison, TurnLength] = {}
        self._alone: dict[Comparison, str] = {}
        for trial in done:
            self.remember(trial)

    def remember(self, trial: Trial) -> None:
        """Take note of a trial; the first that took turns fixes how long these are in its comparison."""
        self.trials.append(trial)
        self._finished.add(trial.key)
        comparison = trial.cell.without_environment
        if trial.timing is not None and trial.timing.turns is not None:
            self._turns.setdefault(comparison, trial.timing.turns.length)
        if trial.alone is not None:
            self._alone[comparison] = trial.alone

    def is_finished(self, phase: Pass, slot: Slot) -> bool:
        """Whether the trial of this place is done, or not worth another try."""
        done = (phase, slot.cell, slot.block, slot.replicate) in self._finished
        return done or self._is_given_up(phase, slot.cell)

    def are_finished(self, group: Sequence[Slot]) -> bool:
        """Whether all timed trials of a group are done: where one is not, all of them take their turns again."""
        return all(self.is_finished("timing", slot) for slot in group)

    def worth_trying(self, group: Sequence[Slot]) -> list[Slot]:
        """Those of a group that are not given up."""
        return [slot for slot in group if not self._is_given_up("timing", slot.cell)]

    def _is_given_up(self, phase: Pass, cell: Cell) -> bool:
        """A pass that has failed twice on a cell and never succeeded is not tried again, nor what cannot be had."""
        trials = [trial for trial in self.trials if trial.cell == cell and trial.phase == phase]
        failed = len(trials) >= GIVE_UP_AFTER_FAILURES and all(trial.status != "ok" for trial in trials)
        return failed or self.is_missing(cell) or self._is_unavailable(cell)

    def _is_unavailable(self, cell: Cell) -> bool:
        """Whether the cell's loop turned out not to do what makes the cell."""
        return any(trial.status == "unavailable" and trial.cell == cell for trial in self.trials)

    def is_missing(self, cell: Cell) -> bool:
        """Whether the cell's framework turned out not to be installed."""
        where = (cell.runner, cell.environment)
        missing = (trial.cell for trial in self.trials if trial.status == "missing")
        return any((other.runner, other.environment) == where for other in missing)

    def turn_length(self, comparison: Comparison) -> TurnLength | None:
        """The turns of a comparison, once one block of it was measured."""
        return self._turns.get(comparison)

    def why_alone(self, comparison: Comparison) -> str | None:
        """Why the trials of a comparison cannot take turns; None where they can, as far as is known."""
        return self._alone.get(comparison)

    def length(self, phase: Pass, comparison: Comparison) -> Length:
        """How long the trials of a pass are."""
        if self._settings.scripts is not None:
            return lengths.OF_SCRIPTS[phase]
        if phase == "equivalence":
            return lengths.EQUIVALENCE
        if phase == "counting":
            return lengths.COUNTING
        if phase == "trace":
            return lengths.TRACE
        if phase == "max-batch":
            return lengths.MAX_BATCH
        return lengths.phases(self._step_s(comparison)) if phase == "phases" else lengths.timed()

    def _step_s(self, comparison: Comparison) -> float | None:
        """What a step takes at most, by the first trial that proved the comparison's arithmetic."""
        proofs = (t for t in self.trials if t.phase == "equivalence" and t.cell.without_environment == comparison)
        return next((trial.wall_s / trial.length.steps for trial in proofs), None)

    def timeout_s(self, phase: Pass, comparison: Comparison) -> float:
        """Far longer than any trial of this pass and comparison has needed so far."""
        if self._settings.timeout_s is not None:
            return self._settings.timeout_s
        alike = (
            t for t in self.trials if t.phase == phase and t.status == "ok" and t.cell.without_environment == comparison
        )
        slowest_s = max((trial.wall_s for trial in alike), default=None)
        return FIRST_TIMEOUT_S if slowest_s is None else max(MIN_TIMEOUT_S, TIMEOUT_FACTOR * slowest_s)
