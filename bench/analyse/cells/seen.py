"""Trials as they are kept while a journal is analysed: timed ones by their figures alone.

A line of the journal has every step; as objects they take ten times the memory of what is made of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import ClassVar

from bench.analyse.cells.trial_figures import TrialFigures
from bench.analyse.cells.turns import cross_check, figures_of_alike, kind_of
from bench.plan import prices
from bench.records.schema import (
    Cell,
    Compilation,
    Interpreter,
    Length,
    Load,
    Pass,
    Run,
    Settings,
    Status,
    Timing,
    Trial,
    TrialKey,
)

TOGETHER = 4096
"""Trials whose figures are made together, their steps in memory."""


_Timed = tuple[int, Trial, Timing, Cell, Length]
"""Where a trial stands among others, itself, its clock, and the cell and the length that others have, too."""


class CellFigures:
    """The figures of a cell's timed trials, in parts as they come, and joined when they are asked for."""

    def __init__(self) -> None:
        self._parts: list[TrialFigures] = []
        self._rows = 0

    def add(self, part: TrialFigures) -> int:
        """Return the number of the first of these rows."""
        self._parts.append(part)
        self._rows += len(part)
        if self._rows > 2 * len(self._parts[0]):  # small parts take more memory than their rows
            self._join()
        return self._rows - len(part)

    def of(self, rows: Sequence[int]) -> TrialFigures:
        """Some of all rows; nothing is copied where that is all of them."""
        joined = self._join()
        return joined if rows == list(range(self._rows)) else joined.take(rows)

    def _join(self) -> TrialFigures:
        joined = self._parts[0].joined(self._parts[1:])
        self._parts = [joined]
        return joined


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
    contradiction: str | None
    """How its clocks contradict each other; None where they agree."""
    of_cell: CellFigures
    row: int
    """Where it is in these."""
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


def figures_of(trials: Sequence[TimedTrial]) -> TrialFigures:
    """Their figures, a row each, in this order."""
    by_cell = groupby(trials, lambda trial: trial.of_cell)
    parts = [of_cell.of([trial.row for trial in some]) for of_cell, some in by_cell]
    return parts[0].joined(parts[1:]) if parts else TrialFigures.none()


def seen(run: Run, trials: Iterable[Seen], *, without_turns: bool = True) -> Iterator[Seen]:
    """The same trials, those with times by their figures; trials without turns only where that is wanted.

    What is equal in many of them is kept once: cells, lengths and interpreters. Figures are made of many trials at a
    time.
    """
    reduced, left = _Reduced(run.settings, without_turns=without_turns), iter(trials)
    while some := list(islice(left, TOGETHER)):
        yield from reduced.reduce(some)


class _Reduced:
    """Trials that become their figures; what is equal in many of them is one object."""

    def __init__(self, settings: Settings, *, without_turns: bool) -> None:
        self._settings, self._without_turns = settings, without_turns
        self._cells: dict[Cell, Cell] = {}
        self._lengths: dict[Length, Length] = {}
        self._interpreters: dict[tuple[int, int, int], Interpreter] = {}
        self._event_steps: dict[tuple[int, int], tuple[int, ...]] = {}
        self._of_cells: defaultdict[int, CellFigures] = defaultdict(CellFigures)

    def reduce(self, trials: list[Seen]) -> list[Seen]:
        """The same, in their order."""
        alike: defaultdict[Hashable, list[_Timed]] = defaultdict(list)
        for place, trial in enumerate(trials):
            if isinstance(trial, Trial) and trial.timing is not None and self._is_wanted(trial, trial.timing):
                cell = self._cells.setdefault(trial.cell, trial.cell)
                length = self._lengths.setdefault(trial.length, trial.length)
                kind = kind_of(trial, trial.timing, self._events(cell, length))
                alike[kind].append((place, trial, trial.timing, cell, length))
        for timed in alike.values():
            self._replace(trials, timed)
        return trials

    def _is_wanted(self, trial: Trial, timing: Timing) -> bool:
        return trial.phase == "timing" and (self._without_turns or timing.turns is not None)

    def _events(self, cell: Cell, length: Length) -> tuple[int, ...]:
        """What is left out of the steps of a trial; cells and lengths are known by where they are in memory."""
        own = id(cell), id(length)
        if own not in self._event_steps:
            self._event_steps[own] = prices.left_out(self._settings, cell, length)
        return self._event_steps[own]

    def _replace(self, trials: list[Seen], alike: Sequence[_Timed]) -> None:
        """Put trials of one kind, by their figures, where they were."""
        event_steps = self._events(*alike[0][-2:])
        figures = figures_of_alike([(trial, timing) for _, trial, timing, _, _ in alike], event_steps)
        by_cell: defaultdict[int, list[int]] = defaultdict(list)
        for row, (_, _, _, cell, _) in enumerate(alike):
            by_cell[id(cell)].append(row)
        for cell_id, rows in by_cell.items():
            of_cell = self._of_cells[cell_id]
            first = of_cell.add(figures.take(rows))
            for number, row in enumerate(rows, start=first):
                trials[alike[row][0]] = self._timed(alike[row], of_cell, number)

    def _timed(self, timed: _Timed, of_cell: CellFigures, row: int) -> TimedTrial:
        _, trial, timing, cell, length = timed
        return TimedTrial(
            cell=cell,
            length=length,
            block=trial.block,
            replicate=trial.replicate,
            status=trial.status,
            reason=trial.reason,
            interpreter=self._interpreter(trial),
            load=trial.load,
            no_load=trial.no_load,
            node=trial.node,
            alone=trial.alone,
            compilation=trial.compilation,
            in_turns=timing.turns is not None,
            contradiction=cross_check(trial, timing),
            of_cell=of_cell,
            row=row,
        )

    def _interpreter(self, trial: Trial) -> Interpreter | None:
        """One serves many trials of its block."""
        own = trial.interpreter
        if own is None:
            return None
        first = self._interpreters.setdefault((own.pid, own.hash_seed, own.padding_bytes), own)
        return first if first == own else own
