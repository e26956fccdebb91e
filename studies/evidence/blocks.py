"""Blocks that are measured here and now, each comparison by the harness's own group and turns."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from bench.analyse.cells.turns import figures
from bench.analyse.statistics.signed_rank import Floats, hodges_lehmann, interquartile_range
from bench.execute.group import Group
from bench.execute.state import RunState
from bench.execute.workers import cores
from bench.execute.workers.launchers import Launcher
from bench.execute.workers.member import Member
from bench.execute.workers.pool import Pool, key_of
from bench.execute.workers.request import Request
from bench.execute.workers.turns import TurnTaking
from bench.host.load import LoadMeter
from bench.plan import length as lengths
from bench.plan import schedule
from bench.plan.comparison_groups import ComparisonGroup
from bench.records.schema import Cell, Settings, Trial, TurnLength
from tests import factories
from trainloops.runners import BASELINE

THREADS = 1
IQR_OF_NORMAL = 1.349
"""Quartiles of normal values are so many standard deviations apart."""
CLONE = "clone"


def comparison(runners: Sequence[str], *, batch_size: int, **where: str) -> ComparisonGroup:
    """Loops that are compared with the first of them, and its clone."""
    cells = tuple(factories.cell(runner, batch_size=batch_size, **where) for runner in runners)
    return ComparisonGroup(cells=cells, reference=cells[0], clone=cells[0].model_copy(update={"clone": True}))


def settings(turns_s: float) -> Settings:
    """A plan of which only how long turns are taken matters."""
    return factories.run().settings.model_copy(update={"turns_s": turns_s, "threads": THREADS})


@contextmanager
def interpreters(planned: Sequence[ComparisonGroup], *, number: int = 0) -> Iterator[Pool]:
    """All interpreters of some comparisons, of the layout `number`."""
    keys = dict.fromkeys(key_of(cell) for each in planned for cell in each.members)
    pool = Pool(keys, pythons={}, layout=schedule.layout(seed=0, number=number), threads=THREADS, one_by_one=False)
    pool.open()
    try:
        yield pool
    finally:
        pool.close()


def block(pool: Launcher | Pool, planned: ComparisonGroup, *, turns_s: float, number: int) -> dict[str, Trial]:
    """One block, by what tells its cells apart."""
    plan = settings(turns_s)
    (group,) = schedule.block([planned], seed=0, block=number)
    trials = Group(plan, RunState(plan, done=[]), pool, group, planned.reference).trials(LoadMeter())  # type: ignore[arg-type]
    for trial in trials:
        if trial.timing is None or trial.alone is not None:
            raise RuntimeError(f"{trial.cell.runner} took no turns: {trial.reason or trial.alone}")
    return {planned.name(trial.cell): trial for trial in trials}


def turns_us(trial: Trial) -> Floats:
    """A figure for each of its turns."""
    assert trial.timing is not None  # `block` has seen to it
    return figures(trial, trial.timing).turns_us[0]


def log_ratio(own: Trial, other: Trial) -> float:
    """As a report has it of one block: Hodges and Lehmann's estimate over cycles."""
    pairs = np.log(turns_us(own)) - np.log(turns_us(other))
    return hodges_lehmann(pairs[np.isfinite(pairs)])


def log_ratios(trials: dict[str, Trial], reference: str = BASELINE) -> dict[str, float]:
    """Of every other loop of a block to its reference."""
    return {name: log_ratio(trial, trials[reference]) for name, trial in trials.items() if name != reference}


@contextmanager
def warmed_up(pool: Pool, cells: Sequence[Cell], *, pinned: bool = True) -> Iterator[list[Member]]:
    """Trials that have warmed up and wait for their turns, which whoever enters gives them to their end."""
    where = cores.for_trials(threads=THREADS, workers=0, device="cpu") if pinned else []
    with cores.leaving(where):
        begun = [Member.start(pool, request(cell, where, is_alone=len(cells) == 1)) for cell in cells]
        members = [each for each in begun if isinstance(each, Member)]
        if len(members) < len(cells):
            raise RuntimeError(str(next(each.result.reason for each in begun if not isinstance(each, Member))))
        yield members


def request(cell: Cell, where: Sequence[int], *, is_alone: bool) -> Request:
    return Request(
        phase="timing", cell=cell, length=lengths.timed(), seed=0, threads=THREADS, timeout_s=300.0, cores=where,
        is_alone=is_alone,
    )  # fmt: skip


def taken(members: Sequence[Member], length: TurnLength, *, cycles: int, number: int = 0) -> list[Floats]:
    """Let all take their turns and end: for each its steps in µs, a row a cycle."""
    first = members[0].running.request.cell
    orders = schedule.cycles(len(members), seed=0, block=number, first=first)
    taking = TurnTaking(members, orders)
    taking.take(length, cycles=cycles)
    taking.end()
    return [own_us(member.steps_ns, member.waits_ns).reshape(cycles, length.steps) for member in members]


def own_us(steps_ns: Sequence[int], waits_ns: Mapping[int, int]) -> Floats:
    """Steps without the times when their core ran something else."""
    steps = np.array(steps_ns, dtype=np.float64)
    steps[list(waits_ns)] -= list(waits_ns.values())
    return steps / 1e3


def sd(values: Sequence[float]) -> float:
    """Standard deviation; NaN of less than two values."""
    return statistics.stdev(values) if len(values) > 1 else float("nan")


def robust_sd(values: Sequence[float]) -> float:
    """The same by quartiles, which few outliers do not move."""
    return interquartile_range(values) / IQR_OF_NORMAL


def progress(what: str, done: int, of: int) -> None:
    print(f"{what}: {done} of {of}", file=sys.stderr, flush=True)
