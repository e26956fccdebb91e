"""Runs the passes of a plan and yields the trials as they end.

Order: the equivalence pass proves the arithmetic, the counting pass counts, the phases and trace
passes look once into each cell, then block after block is timed, each with the groups that a rule asks
for, the trials of a group taking turns. The second set of interpreters counts once more before it
serves its blocks. Every trial is yielded once, failed ones included; those that the journal already
holds are not run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from time import monotonic

from bench.execute.group import Group
from bench.execute.rendezvous.leader import Leader
from bench.execute.sets import InterpreterSets
from bench.execute.state import RunState
from bench.execute.trial_files import TrialFiles
from bench.execute.untimed import UntimedTrials
from bench.execute.workers.pool import Key, batches, key_of
from bench.host.load import LoadMeter
from bench.plan import comparison_groups, max_batch, passes, schedule
from bench.plan.comparison_groups import ComparisonGroup
from bench.plan.max_batch import Search
from bench.plan.passes import UNTIMED_BLOCK, Planned
from bench.plan.schedule import Slot
from bench.records.schema import Cell, Pass, Settings, Trial

NextRounds = Callable[[int, Sequence[Trial]], Sequence[ComparisonGroup]]
"""Whom the next block compares, from the number of blocks done and the trials up to there; nobody: it ends."""


class TrialScheduler:
    """One run: what is planned, and what has been seen of it so far."""

    def __init__(
        self,
        settings: Settings,
        *,
        done: Sequence[Trial] = (),
        traces: Path | None = None,
        logs: Path | None = None,
        replicates: Mapping[Pass, int] | None = None,
        first_block: int = 0,
        others: Leader | None = None,
    ) -> None:
        """Plan `settings`; a search that makes several small schedules of one journal gives each its own blocks."""
        self.settings = settings
        self._first_block = first_block
        self._replicates = passes.replicates(settings, replicates)
        self.groups = comparison_groups.planned_groups(settings)
        self._cells = comparison_groups.cells(settings)
        self.state = RunState(settings, done=done)
        members = (cell for group in self.groups for cell in group.members)
        self._sets = InterpreterSets(settings, members, first_block=first_block, others=others)
        self._files = TrialFiles(settings.runners, self._cells, traces=traces, logs=logs)
        self._untimed = UntimedTrials(settings, self.state, self._files)
        self._load = LoadMeter()
        self._started_s = self._blocks_started_s = monotonic()
        self._before_blocks = self._added_trials = 0

    @property
    def total_trials(self) -> int:
        """Trials of the whole plan, and of the blocks that have been added to it so far."""
        opening = len(self._cells) * sum(self._replicates.values())
        a_block = sum(len(group.members) for group in self.groups)
        timed = self.settings.blocks * a_block if self.is_timed else 0
        return opening + timed + self._added_trials

    @property
    def is_timed(self) -> bool:
        """Whether there are blocks at all."""
        return "timing" in self.settings.passes

    def seconds_left(self) -> float:
        """Until the last planned block ends, at the pace of the timing trials of this process so far, or the budget."""
        seconds = monotonic() - self._blocks_started_s
        pace_s = seconds / max(len(self.state.trials) - self._before_blocks, 1)
        left_s = pace_s * max(self.total_trials - len(self.state.trials), 0)
        if self.settings.budget_s is None:
            return left_s
        return min(left_s, max(self.settings.budget_s - (monotonic() - self._started_s), 0.0))

    def run(self, next_rounds: NextRounds) -> Iterator[list[Trial]]:
        """The trials as they end, those together that took turns, block after block until `next_rounds` asks for none.

        It is shown no trial of the block that it decides on: a run that was killed in the middle of
        one and goes on decides as it did before.
        """
        try:
            yield from self.opening()
            if self.is_timed:
                yield from self._blocks(next_rounds)
            yield from self.closing()
        finally:
            self.close()

    def notes(self) -> list[str]:
        """What there is to say of what measures, a sentence each; each is said once."""
        return []

    def opening(self) -> Iterator[list[Trial]]:
        """The passes that come before the timed blocks, and searches."""
        # Runners' import times are figures of the report; environments' are judged by pairs.
        alone = self.is_timed and self.settings.design == "runners"
        yield from self._passes(replicate=0, one_by_one=alone)
        if max_batch.PASS in self.settings.passes:
            yield from self._searches()

    def closing(self) -> Iterator[list[Trial]]:
        """What the second set of interpreters repeats, where no block has had it."""
        yield from self._passes(replicate=1)

    def close(self) -> None:
        """End whatever was started to measure."""
        self._sets.close()

    def _searches(self) -> Iterator[list[Trial]]:
        """For each cell the trials that look for the largest batch that it trains, one alive at a time."""
        for units in batches([[cell] for cell in self._cells], key_of):
            for cell in (cell for unit in units for cell in unit):
                while (size := Search.of(cell, self.state.trials).next_size) is not None:
                    pool = self._sets.pool({key_of(cell) for (cell,) in units}, 0)
                    self._added_trials += 1
                    slot = Slot(cell=max_batch.sized(cell, size), block=UNTIMED_BLOCK, replicate=0, position=0)
                    yield [self._remembered(self._untimed.run(pool, max_batch.PASS, slot))]

    def _blocks(self, next_rounds: NextRounds) -> Iterator[list[Trial]]:
        self._blocks_started_s, self._before_blocks = monotonic(), len(self.state.trials)
        for block in count(self._first_block):
            chosen = next_rounds(block - self._first_block, [t for t in self.state.trials if t.block < block])
            if not chosen:
                return
            if self._sets.number_of(block) > 0:
                yield from self._passes(replicate=1)
            yield from self.block(block, chosen)

    def _passes(self, *, replicate: int, one_by_one: bool = False) -> Iterator[list[Trial]]:
        """The passes that are not timed, as far as they run so often, by the set of interpreters of that number."""
        by_key: dict[Key, list[Planned]] = {}
        for phase, slot in passes.planned(self._cells, self._replicates, replicate=replicate):
            by_key.setdefault(key_of(slot.cell), []).append((phase, slot))
        for units in batches(by_key.values(), lambda planned: key_of(planned[1].cell)):
            todo = [planned for unit in units for planned in unit if not self.state.is_finished(*planned)]
            if todo:
                pool = self._sets.pool({key_of(slot.cell) for _, slot in todo}, replicate, one_by_one=one_by_one)
                for phase, slot in sorted(todo, key=lambda planned: passes.ORDER.index(planned[0])):
                    if not self.state.is_finished(phase, slot):
                        yield [self._remembered(self._untimed.run(pool, phase, slot))]

    def block(self, block: int, rounds: Sequence[ComparisonGroup]) -> Iterator[list[Trial]]:
        """The groups of one block, the trials of each together."""
        groups = schedule.block(rounds, seed=self.settings.seed, block=block)
        if block - self._first_block >= self.settings.blocks:
            self._added_trials += sum(map(len, groups))
        for units in batches(groups, lambda slot: key_of(slot.cell)):
            todo = [self.state.worth_trying(group) for group in units if not self.state.are_finished(group)]
            if any(todo):
                keys = {key_of(slot.cell) for group in units for slot in self.state.worth_trying(group)}
                pool = self._sets.pool(keys, self._sets.number_of(block))
                for group in filter(None, todo):
                    reference = self._reference(group)
                    together = Group(self.settings, self.state, pool, group, reference, logs=self._files.log)
                    yield [self._remembered(trial) for trial in together.trials(self._load)]

    def _reference(self, group: Sequence[Slot]) -> Cell:
        """Of those that take turns, that of the first environment."""
        members = {slot.cell for slot in group}
        return next(planned.reference for planned in self.groups if not members.isdisjoint(planned.members))

    def _remembered(self, trial: Trial) -> Trial:
        self.state.remember(trial)
        return trial
