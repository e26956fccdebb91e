"""Trials as they are kept while a journal is analysed: timed ones by their figures alone.

A line of the journal has every step; as objects they take ten times the memory of what is made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from bench.analyse.cells.trial_figures import Peaks, TrialFigures
from bench.analyse.cells.turns import cross_check, figures
from bench.plan import prices
from bench.records.schema import (
    Cell,
    Compilation,
    Interpreter,
    Length,
    Load,
    Pass,
    Run,
    Status,
    Timing,
    Trial,
    TrialKey,
)


@dataclass(kw_only=True, slots=True)
class TimedTrial:
    """A `Trial` that has times, without its steps; a field of the same name is the same."""

    cell: Cell
    length: Length
    block: int
    replicate: int
    status: Status
    reason: str | None
    interpreter: Interpreter | None
    load: Load | None
    no_load: str | None
    node: str | None
    alone: str | None
    compilation: Compilation | None
    in_turns: bool
    figures: TrialFigures
    contradiction: str | None
    """How its clocks contradict each other; None where they agree."""
    phase: ClassVar[Pass] = "timing"
    timing: ClassVar[None] = None
    fingerprint: ClassVar[None] = None
    counters: ClassVar[None] = None
    phases: ClassVar[None] = None

    @property
    def key(self) -> TrialKey:
        """As of a `Trial`."""
        return self.phase, self.cell, self.block, self.replicate


Seen = Trial | TimedTrial


def took_turns(trial: Seen) -> bool:
    """Whether it was timed in turns with others, as trials of before were not."""
    if isinstance(trial, TimedTrial):
        return trial.in_turns
    return trial.phase == "timing" and trial.timing is not None and trial.timing.turns is not None


def seen(run: Run, trials: Iterable[Seen], *, without_turns: bool = True) -> Iterator[Seen]:
    """The same trials, those with times by their figures; trials without turns only where that is wanted.

    What is equal in many of them is kept once: cells, lengths and interpreters.
    """
    once = _Once()
    for trial in trials:
        if isinstance(trial, Trial) and trial.phase == "timing" and trial.timing is not None:
            wanted = without_turns or trial.timing.turns is not None
            yield _timed(run, trial, trial.timing, once) if wanted else trial
        else:
            yield trial


def _timed(run: Run, trial: Trial, timing: Timing, once: _Once) -> TimedTrial:
    cell, length = once.cell(trial.cell), once.length(trial.length)
    of_trial = figures(trial, timing, event_steps=prices.left_out(run.settings, cell, length))
    once.share(of_trial.memory)
    return TimedTrial(
        cell=cell,
        length=length,
        block=trial.block,
        replicate=trial.replicate,
        status=trial.status,
        reason=trial.reason,
        interpreter=once.interpreter(trial),
        load=trial.load,
        no_load=trial.no_load,
        node=trial.node,
        alone=trial.alone,
        compilation=trial.compilation,
        in_turns=timing.turns is not None,
        figures=of_trial,
        contradiction=cross_check(trial, timing),
    )


class _Once:
    """Equal values as one object."""

    def __init__(self) -> None:
        self._cells: dict[Cell, Cell] = {}
        self._lengths: dict[Length, Length] = {}
        self._interpreters: dict[tuple[int, int, int], Interpreter] = {}
        self._unavailable: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}

    def cell(self, own: Cell) -> Cell:
        return self._cells.setdefault(own, own)

    def length(self, own: Length) -> Length:
        return self._lengths.setdefault(own, own)

    def interpreter(self, trial: Trial) -> Interpreter | None:
        """One serves many trials of its block."""
        own = trial.interpreter
        if own is None:
            return None
        first = self._interpreters.setdefault((own.pid, own.hash_seed, own.padding_bytes), own)
        return first if first == own else own

    def share(self, peaks: Peaks) -> None:
        """Nearly all trials lack the same peaks for the same reasons."""
        peaks.unavailable = self._unavailable.setdefault(tuple(peaks.unavailable.items()), peaks.unavailable)
