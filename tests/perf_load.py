"""What a busy process does to trials, and whether the rule for marked blocks sees it: the evidence for its limit."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from contextlib import ExitStack, closing
from dataclasses import dataclass
from math import exp, log
from statistics import median, stdev

from bench.execute.launcher import Request
from bench.execute.zygote import Zygote
from bench.measure.load import LoadMeter
from bench.plan import rounds
from bench.records.schema import Load, Settings
from tests.busy import Busy
from tests.perf_row import Row
from tests.perf_trials import COMPARISON, USUAL, median_step_us, started
from tests.perf_trials import spec as spec_of

SHARES = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Of one core, by a process that computes."""
CROWD = 3.0
"""Three processes that copy memory all the time, as compilers and test suites do."""
COPIED_BYTES = 2**24
ROUNDS = 12
TRIALS = 3
"""As a block of the standard preset has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Trials under one planted load."""

    cores: float
    """What others took, by the instrument."""
    step_us: float


def load_rows() -> list[Row]:
    """For each planted share: the load that is measured, the blocks that are marked, and what it does to step times."""
    blocks = measured()
    limit = Settings.model_fields["foreign_load_limit"].default
    usual_us = median(block.step_us for block in blocks[0.0])
    return [row(share, found, usual_us, limit) for share, found in sorted(blocks.items())]


def measured() -> dict[float, list[Block]]:
    """Blocks of the hand-written loop, one for each share in every round, in random order."""
    found: defaultdict[float, list[Block]] = defaultdict(list)
    order = random.Random(0)
    with closing(started(spec_of("pytorch", block=0))) as zygote:
        block(zygote)
        for number in range(ROUNDS):
            for share in order.sample([*SHARES, CROWD], len(SHARES) + 1):
                with planted(share):
                    found[share].append(block(zygote))
            print(f"load: {number + 1} of {ROUNDS} rounds", file=sys.stderr)
    return found


def planted(share: float) -> ExitStack:
    """The processes that make a load, running as long as the context is entered."""
    stack = ExitStack()
    for _ in range(int(share) if share > 1 else 0):
        stack.enter_context(Busy(copies_bytes=COPIED_BYTES))
    if 0 < share <= 1:
        stack.enter_context(Busy(share))
    return stack


def block(zygote: Zygote) -> Block:
    """Some trials, summed up as a run does it."""
    meter, loads, steps_us = LoadMeter(), [], []
    cell = rounds.cell(COMPARISON, "pytorch")
    for _ in range(TRIALS):
        before = meter.read()
        asked = Request(phase="timing", cell=cell, length=USUAL, seed=0, threads=1, timeout_s=300)
        outcome = zygote.run(asked)
        load, timing = meter.since(before, forks_s=outcome.forks_s), outcome.result.timing
        assert load is not None, meter.unavailable
        assert timing is not None, outcome.result.reason
        loads.append(load)
        steps_us.append(median_step_us(timing, "pytorch", USUAL))
    return Block(cores=cores(loads), step_us=median(steps_us))


def cores(loads: list[Load]) -> float:
    """As `analyse.foreign_load` has it, but not cut off at 0, so that the noise around it shows."""
    return sum(load.busy_s - load.own_s + load.stolen_s for load in loads) / sum(load.wall_s for load in loads)


def row(share: float, blocks: list[Block], usual_us: float, limit: float) -> Row:
    loads = sorted(block.cores for block in blocks)
    logs = [log(block.step_us / usual_us) for block in blocks]
    marked = sum(load > limit for load in loads)
    told = (
        f"load {100 * loads[0]:.0f} to {100 * loads[-1]:.0f} %, median {100 * median(loads):.0f} %; {marked} of "
        f"{len(blocks)} blocks marked; step time {exp(median(logs)):.3f} times, spread {100 * stdev(logs):.1f} %"
    )
    expected = marked == 0 if share <= limit / 2 else marked == len(blocks) if share >= 2 * limit else True
    bar = "none marked" if share <= limit / 2 else "all marked" if share >= 2 * limit else "told"
    what = f"a process that takes {100 * share:.0f} % of one core" if share <= 1 else "three that copy memory"
    return Row(what, bar, told, expected)
