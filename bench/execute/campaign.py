"""Runs the passes of a plan and yields every trial as it ends.

Order: two pilots choose the trial lengths, the equivalence pass proves the arithmetic, the counting
pass counts twice, in fresh interpreters each time, the phases and trace passes look once into each
cell, then block after block is timed, each with the rounds that a rule asks for. Every trial is
yielded once, failed ones included; those that the journal already holds are not run again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from time import monotonic

from bench.execute import fleet as fleets
from bench.execute.fleet import Fleet, Key, key_of
from bench.execute.launcher import Request
from bench.execute.seen import Seen
from bench.measure.load import LoadMeter
from bench.plan import rounds as planned_rounds
from bench.plan import schedule
from bench.plan.rounds import Round
from bench.plan.schedule import Layout, Slot
from bench.records.schema import Cell, Comparison, Pass, PlannedLength, Settings, Trial
from bench.records.store import now

PILOTS = 2
"""The first, of a few steps, is off by a third where its data fit into a cache; the second has the length it chose."""
REPLICATES: dict[Pass, int] = {"equivalence": 1, "counting": 2, "phases": 1, "trace": 1}
"""How often a pass that comes before the timed blocks runs on a cell, each time in other interpreters."""
ORDER: tuple[Pass, ...] = ("pilot", *REPLICATES, "timing")
OPENING = -1
"""The block number of pilots, fingerprints and counts, which come before the blocks that are timed."""
REPEATABLE = Layout(hash_seed=0, padding_bytes=0)

Planned = tuple[Pass, Slot]
NextRounds = Callable[[int, Sequence[Trial]], Sequence[Round]]
"""Whom the next block compares, from the number of blocks done and the trials up to there; nobody: it ends."""


class Campaign:
    """One run: what is planned, and what has been seen of it so far."""

    def __init__(
        self,
        settings: Settings,
        *,
        done: Sequence[Trial] = (),
        planned: Sequence[PlannedLength] = (),
        traces: Path | None = None,
        replicates: Mapping[Pass, int] = REPLICATES,
        first_block: int = 0,
    ) -> None:
        """Plan `settings`; a search that makes several small campaigns of one journal gives each its own blocks."""
        self.settings = settings
        self._traces = traces
        self._replicates, self._first_block = replicates, first_block
        self.rounds = planned_rounds.rounds(settings)
        self._cells = planned_rounds.cells(settings)
        self.seen = Seen(settings, done=done, planned=planned)
        self._load = LoadMeter()
        self._started_s = self._blocks_started_s = monotonic()
        self._before_blocks = self._added_trials = 0

    @property
    def total_trials(self) -> int:
        """Trials of the whole plan, and of the blocks that have been added to it so far."""
        settings = self.settings
        pilots = PILOTS * len(self._pilots) if self._needs_pilot else 0
        opening = len(self._cells) * sum(self._replicates[each] for each in self._opening_passes)
        a_block = settings.trials_per_block * sum(len(each.cells) for each in self.rounds)
        timed = settings.blocks * a_block if self._is_timed else 0
        return pilots + opening + timed + self._added_trials

    @property
    def _is_timed(self) -> bool:
        return "timing" in self.settings.passes

    @property
    def _needs_pilot(self) -> bool:
        return self.settings.steps is None and not {"timing", "phases"}.isdisjoint(self.settings.passes)

    @property
    def _opening_passes(self) -> list[Pass]:
        return [each for each in self._replicates if each in self.settings.passes]

    def seconds_left(self) -> float:
        """Until the last planned block ends, at the pace of the timing trials of this process so far, or the budget."""
        seconds = monotonic() - self._blocks_started_s
        pace_s = seconds / max(len(self.seen.trials) - self._before_blocks, 1)
        left_s = pace_s * max(self.total_trials - len(self.seen.trials), 0)
        if self.settings.budget_s is None:
            return left_s
        return min(left_s, max(self.settings.budget_s - (monotonic() - self._started_s), 0.0))

    def run(self, next_rounds: NextRounds) -> Iterator[Trial]:
        """Every trial as it ends, block after block until `next_rounds` asks for none.

        It is shown no trial of the block that it decides on: a run that was killed in the middle of
        one and goes on decides as it did before.
        """
        yield from self._opening()
        if not self._is_timed:
            return
        self._blocks_started_s, self._before_blocks = monotonic(), len(self.seen.trials)
        for block in count(self._first_block):
            chosen = next_rounds(block - self._first_block, [t for t in self.seen.trials if t.block < block])
            if not chosen:
                return
            yield from self._block(block, chosen)

    def _opening(self) -> Iterator[Trial]:
        pilots = [_slot("pilot", cell, n) for n in range(PILOTS) for cell in self._without_length()]
        first, second = ([_slot(each, cell, n) for each, cell in self._passes_of(n)] for n in (0, 1))
        # Runners' import times are figures of the report; environments' are judged by pairs, in the blocks.
        alone = self._is_timed and self.settings.design == "runners"
        yield from self._in_fresh_interpreters([*pilots, *first], one_by_one=alone)
        yield from self._in_fresh_interpreters(second, one_by_one=False)

    def _passes_of(self, replicate: int) -> Iterator[tuple[Pass, Cell]]:
        for each in self._opening_passes:
            if replicate < self._replicates[each]:
                yield from ((each, cell) for cell in self._cells)

    def _in_fresh_interpreters(self, planned: Sequence[Planned], *, one_by_one: bool) -> Iterator[Trial]:
        by_key: dict[Key, list[Planned]] = {}
        for each in planned:
            by_key.setdefault(key_of(each[1].cell), []).append(each)
        yield from self._with_fleets(by_key.values(), REPEATABLE, one_by_one=one_by_one)

    def _with_fleets(self, units: Iterable[Sequence[Planned]], layout: Layout, *, one_by_one: bool) -> Iterator[Trial]:
        """Run units of trials that belong together, never with more interpreters alive than memory is for."""
        for batch in fleets.batches(units, lambda planned: key_of(planned[1].cell)):
            if not all(self.seen.is_finished(phase, slot) for phase, slot in batch):
                with self._fleet(batch, layout, one_by_one=one_by_one) as fleet:
                    yield from self._trials(fleet, sorted(batch, key=lambda planned: ORDER.index(planned[0])))

    def _block(self, block: int, rounds: Sequence[Round]) -> Iterator[Trial]:
        settings = self.settings
        turns = schedule.block(rounds, trials_per_block=settings.trials_per_block, seed=settings.seed, block=block)
        planned: list[list[Planned]] = [[("timing", slot) for slot in turn] for turn in turns]
        if block - self._first_block >= settings.blocks:
            self._added_trials += sum(map(len, planned))
        layout = schedule.layout(seed=settings.seed, block=block)
        yield from self._with_fleets(planned, layout, one_by_one=False)

    def _trials(self, fleet: Fleet, slots: Iterable[tuple[Pass, Slot]]) -> Iterator[Trial]:
        for phase, slot in slots:
            if not self.seen.is_finished(phase, slot):
                trial = self._trial(fleet, phase, slot)
                self.seen.remember(trial)
                yield trial

    def _trial(self, fleet: Fleet, phase: Pass, slot: Slot) -> Trial:
        length = self.seen.length(phase, slot.cell.anywhere)
        request = Request(
            phase=phase,
            cell=slot.cell,
            length=length,
            seed=self.settings.seed,
            threads=self.settings.threads,
            timeout_s=self.seen.timeout_s(slot.cell.anywhere, length),
            trace_to=self._trace_to(phase, slot.cell),
        )
        before = self._load.read()
        started_at, started_s = now(), monotonic()
        outcome = fleet.run(request)
        return Trial(
            phase=phase,
            length=length,
            started_at=started_at,
            wall_s=monotonic() - started_s,
            interpreter=outcome.interpreter,
            load=self._load.since(before, forks_s=outcome.forks_s),
            no_load=self._load.unavailable,
            **asdict(slot),
            **dict(outcome.result),
        )

    @property
    def _pilots(self) -> dict[Comparison, Cell]:
        """The cell that chooses the length of all that share its comparison, whatever their environment."""
        first: dict[Comparison, Cell] = {}
        for each in self.rounds:
            first.setdefault(each.reference.anywhere, each.reference)
        return first

    def _without_length(self) -> list[Cell]:
        if not self._needs_pilot:
            return []
        piloted, measured = (
            {trial.cell.anywhere for trial in self.seen.trials if trial.phase in phases}
            for phases in (("pilot",), ("phases", "timing"))
        )
        # What has been measured at a length keeps it: a run that an older release began made one pilot.
        open_ = {c: cell for c, cell in self._pilots.items() if c not in measured}
        return [cell for c, cell in open_.items() if c not in self.seen.lengths or c in piloted]

    def _trace_to(self, phase: Pass, cell: Cell) -> Path | None:
        if phase != "trace" or self._traces is None:
            return None
        return self._traces / f"{self._cells.index(cell):03d}-{Path(cell.runner).stem}-{cell.batch_size}.json.gz"

    def _fleet(self, batch: Iterable[Planned], layout: Layout, *, one_by_one: bool) -> Fleet:
        cells = [slot.cell for _, slot in batch]
        keys: list[Key] = list(dict.fromkeys(key_of(cell) for cell in cells if not self.seen.is_missing(cell)))
        # Interpreters that start side by side disturb each other, and whoever is first reads the disk for the others.
        random.Random(f"fleet/{self.settings.seed}/{layout.hash_seed}").shuffle(keys)  # noqa: S311
        pythons = {environment.name: environment.python for environment in self.settings.environments}
        return Fleet(keys, pythons=pythons, layout=layout, threads=self.settings.threads, one_by_one=one_by_one)


def _slot(phase: Pass, cell: Cell, replicate: int) -> tuple[Pass, Slot]:
    return phase, Slot(cell=cell, block=OPENING, replicate=replicate, position=0)
