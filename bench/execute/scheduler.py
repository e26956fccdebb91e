"""Runs the passes of a plan and yields the trials as they end.

Order: the equivalence pass proves the arithmetic, the counting pass counts, the phases and trace
passes look once into each cell, then block after block is timed, each with the groups that a rule asks
for, the trials of a group taking turns. The second set of interpreters counts once more before it
serves its blocks. Every trial is yielded once, failed ones included; those that the journal already
holds are not run again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from bench.execute.group import Group
from bench.execute.state import RunState
from bench.execute.workers.pool import Key, Pool, batches, key_of
from bench.execute.workers.request import Request
from bench.host.load import LoadMeter
from bench.plan import comparison_groups, max_batch, prices, schedule
from bench.plan import length as lengths
from bench.plan.comparison_groups import ComparisonGroup
from bench.plan.max_batch import Search
from bench.plan.schedule import Layout, Slot
from bench.records.schema import CURRENT, Cell, Environment, Pass, Settings, Trial
from bench.records.store import now, slug

REPLICATES: dict[Pass, int] = {"equivalence": 1, "counting": 2, "phases": 1, "trace": 1}
"""How often a pass that comes before the timed blocks runs on a cell, each time in other interpreters."""
ORDER: tuple[Pass, ...] = (*REPLICATES, "timing")
ONCE = REPLICATES | {"counting": 1}
"""In a price list: forty options take minutes to count, and nothing is judged."""
UNTIMED_BLOCK = -1
"""The block number of fingerprints and counts, which come before the blocks that are timed."""
COUNTING_SETS = max(REPLICATES.values())
HASH_SEED = 0
"""Of the sets that count: calls depend on the order of dicts and sets."""

Planned = tuple[Pass, Slot]
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
    ) -> None:
        """Plan `settings`; a search that makes several small schedules of one journal gives each its own blocks."""
        self.settings = settings
        self._traces, self._logs = traces, logs
        is_price_list = settings.design == "options" and not settings.environments
        self._replicates = replicates or (ONCE if is_price_list else REPLICATES)
        self._first_block = first_block
        self.groups = comparison_groups.planned_groups(settings)
        self._cells = comparison_groups.cells(settings)
        self.state = RunState(settings, done=done)
        self._load = LoadMeter()
        # Empty when the run begins, so that what compiling costs does not depend on what was compiled here before.
        compiles = any(comparison.compile for comparison in settings.comparisons)
        self._compiled = TemporaryDirectory(prefix="looptax-", ignore_cleanup_errors=True) if compiles else None
        self._pool: Pool | None = None
        self._pool_layout: Layout | None = None
        self._started_s = self._blocks_started_s = monotonic()
        self._before_blocks = self._added_trials = 0

    @property
    def total_trials(self) -> int:
        """Trials of the whole plan, and of the blocks that have been added to it so far."""
        opening = len(self._cells) * sum(self._replicates[each] for each in self._opening_passes)
        a_block = sum(len(group.members) for group in self.groups)
        timed = self.settings.blocks * a_block if self.is_timed else 0
        return opening + timed + self._added_trials

    @property
    def is_timed(self) -> bool:
        """Whether there are blocks at all."""
        return "timing" in self.settings.passes

    @property
    def _opening_passes(self) -> list[Pass]:
        return [each for each in self._replicates if each in self.settings.passes]

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
        self._close_pool()
        if self._compiled is not None:
            self._compiled.cleanup()

    def _searches(self) -> Iterator[list[Trial]]:
        """For each cell the trials that look for the largest batch that it trains, one alive at a time."""
        for units in batches([[cell] for cell in self._cells], key_of):
            for cell in (cell for unit in units for cell in unit):
                while (size := Search.of(cell, self.state.trials).next_size) is not None:
                    pool = self._pool_of({key_of(cell) for (cell,) in units}, self._layout(0), one_by_one=False)
                    self._added_trials += 1
                    slot = Slot(cell=max_batch.sized(cell, size), block=UNTIMED_BLOCK, replicate=0, position=0)
                    yield [self._remembered(self._trial(pool, max_batch.PASS, slot))]

    def _blocks(self, next_rounds: NextRounds) -> Iterator[list[Trial]]:
        self._blocks_started_s, self._before_blocks = monotonic(), len(self.state.trials)
        for block in count(self._first_block):
            chosen = next_rounds(block - self._first_block, [t for t in self.state.trials if t.block < block])
            if not chosen:
                return
            if self._set_of(block) > 0:
                yield from self._passes(replicate=1)
            yield from self.block(block, chosen)

    def _passes(self, *, replicate: int, one_by_one: bool = False) -> Iterator[list[Trial]]:
        """The passes that are not timed, as far as they run so often, by the set of interpreters of that number."""
        layout = self._layout(replicate)
        by_key: dict[Key, list[Planned]] = {}
        for phase in (each for each in self._opening_passes if replicate < self._replicates[each]):
            for cell in self._cells:
                slot = Slot(cell=cell, block=UNTIMED_BLOCK, replicate=replicate, position=0)
                by_key.setdefault(key_of(cell), []).append((phase, slot))
        for units in batches(by_key.values(), lambda each: key_of(each[1].cell)):
            todo = [each for unit in units for each in unit if not self.state.is_finished(*each)]
            if todo:
                pool = self._pool_of({key_of(slot.cell) for _, slot in todo}, layout, one_by_one=one_by_one)
                for phase, slot in sorted(todo, key=lambda each: ORDER.index(each[0])):
                    if not self.state.is_finished(phase, slot):
                        yield [self._remembered(self._trial(pool, phase, slot))]

    def _set_of(self, block: int) -> int:
        """Which set of interpreters serves a block, from 0."""
        return (block - self._first_block) // self.settings.blocks_per_set

    def _layout(self, number: int) -> Layout:
        """The layout of a set of interpreters; the first two count, which a hash seed of its own would change."""
        drawn = schedule.layout(seed=self.settings.seed, number=number + self._first_block)
        return replace(drawn, hash_seed=HASH_SEED) if number < COUNTING_SETS else drawn

    def _pool_of(self, keys: Iterable[Key], layout: Layout, *, one_by_one: bool) -> Pool:
        """Interpreters for `keys` in this layout: those that are alive, where they are such, else fresh ones."""
        wanted = [key for key in dict.fromkeys(map(key_of, self._members())) if key in set(keys)]
        if self._pool is None or self._pool_layout != layout or not set(wanted) <= set(self._pool.keys):
            self._close_pool()
            # Interpreters that start side by side disturb each other, and whoever is first reads the disk for the rest.
            random.Random(f"pool/{self.settings.seed}/{layout.padding_bytes}").shuffle(wanted)  # noqa: S311
            pythons = {environment.name: environment.python for environment in self.settings.environments}
            self._pool = Pool(
                wanted,
                pythons=pythons,
                layout=layout,
                threads=self.settings.threads,
                one_by_one=one_by_one,
                packages=compared(self.settings.environments),
                scripts=self.settings.scripts,
                # Prices take many short trials, and tell nothing of full collections.
                hides_imports=self.settings.design == "options",
                compiled_in=None if self._compiled is None else self._compiled.name,
            )
            self._pool_layout = layout
            self._pool.open()
        return self._pool

    def _members(self) -> Iterator[Cell]:
        return (cell for group in self.groups for cell in group.members)

    def _close_pool(self) -> None:
        if self._pool is not None:
            self._pool.close()
        self._pool = None

    def block(self, block: int, rounds: Sequence[ComparisonGroup]) -> Iterator[list[Trial]]:
        """The groups of one block, the trials of each together."""
        groups = schedule.block(rounds, seed=self.settings.seed, block=block)
        if block - self._first_block >= self.settings.blocks:
            self._added_trials += sum(map(len, groups))
        for units in batches(groups, lambda slot: key_of(slot.cell)):
            todo = [self.state.worth_trying(group) for group in units if not self.state.are_finished(group)]
            if any(todo):
                keys = {key_of(slot.cell) for group in units for slot in self.state.worth_trying(group)}
                pool = self._pool_of(keys, self._layout(self._set_of(block)), one_by_one=False)
                for group in filter(None, todo):
                    trials = Group(
                        self.settings, self.state, pool, group, self._reference(group), logs=self._log_to
                    ).trials(self._load)
                    yield [self._remembered(trial) for trial in trials]

    def _reference(self, group: Sequence[Slot]) -> Cell:
        """Of those that take turns, that of the first environment."""
        members = {slot.cell for slot in group}
        return next(each.reference for each in self.groups if not members.isdisjoint(each.members))

    def _remembered(self, trial: Trial) -> Trial:
        self.state.remember(trial)
        return trial

    def _trial(self, pool: Pool, phase: Pass, slot: Slot) -> Trial:
        length = self.state.length(phase, slot.cell.without_environment)
        request = Request(
            phase=phase,
            cell=slot.cell,
            length=length,
            seed=self.settings.seed,
            threads=self.settings.threads,
            timeout_s=self.state.timeout_s(phase, slot.cell.without_environment),
            trace_to=self._trace_to(phase, slot.cell),
            scripts=self.settings.scripts,
            log_to=self._log_to(phase, slot.cell),
            event_steps=prices.event_steps(self.settings, slot.cell, length),
            has_terminal=self.settings.on_terminals,
            memory_limit_bytes=self.settings.memory_limit_bytes if slot.cell.device == "cpu" else None,
            warm_up=lengths.warm_up(self.settings, slot.cell),
        )
        started_at, started_s = now(), monotonic()
        outcome = pool.run(request)
        return Trial(
            phase=phase,
            length=length,
            started_at=started_at,
            wall_s=monotonic() - started_s,
            interpreter=outcome.interpreter,
            **asdict(slot),
            **dict(outcome.result),
        )

    def _log_to(self, phase: Pass, cell: Cell) -> Path | None:
        if self._logs is None:
            return None
        clone, where = "-clone" if cell.clone else "", "" if cell.environment == CURRENT else f"-{cell.environment}"
        without = "" if cell.option is None else f"-without-{slug(cell.option)}"
        return self._logs / f"{_file_names(self.settings.runners)[cell.runner]}{where}{without}-{phase}{clone}.log"

    def _trace_to(self, phase: Pass, cell: Cell) -> Path | None:
        if phase != "trace" or self._traces is None:
            return None
        return self._traces / f"{self._cells.index(cell):03d}-{Path(cell.runner).stem}-{cell.batch_size}.json.gz"


LONGEST_FILE_NAME = 100
"""A script is called after its arguments, and a file's name may have 255 bytes at most."""


def _file_names(scripts: Sequence[str]) -> dict[str, str]:
    """What files of each script are called: short, and no two alike."""
    short = [slug(name)[:LONGEST_FILE_NAME] for name in scripts]
    return {
        name: own if short.count(own) == 1 else f"{own}-{number}"
        for number, (name, own) in enumerate(zip(scripts, short, strict=True), start=1)
    }


def compared(environments: Iterable[Environment]) -> dict[str, dict[str, str]]:
    """By environment, the versions of the packages that are not the current ones in all of them."""
    everywhere = list(environments)
    names = {name for each in everywhere for name in each.moved}
    return {each.name: {name: each.packages[name] for name in names & each.packages.keys()} for each in everywhere}
