"""What a busy process does to ratios, and whether the rule for marked blocks sees it: the evidence for its limit."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from math import exp
from statistics import median, stdev

from bench.execute.workers.pool import Pool
from bench.plan.comparison_groups import ComparisonGroup
from bench.plan.presets import TURNS_S
from bench.records.schema import Settings
from studies.evidence import blocks
from studies.perf.row import Row
from tests.busy import Busy
from trainloops.runners import BASELINE

SHARES = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Of one core, by a process that computes."""
CROWD = 3.0
"""Three processes that copy memory all the time, as compilers and test suites do."""
COPIED_BYTES = 2**24
ROUNDS = 12
OTHER = "hf-trainer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Turns under one planted load."""

    cores: float
    """What others took, by the instrument."""
    log_ratios: dict[str, float]


def load_rows() -> list[Row]:
    """For each planted share: the load that is measured, the blocks that are marked, and what it does to ratios."""
    limit = Settings.model_fields["foreign_load_limit"].default
    return [row(share, measured_blocks, limit) for share, measured_blocks in sorted(measured().items())]


def measured() -> dict[float, list[Block]]:
    """A block for each share in every round, in random order."""
    planned = blocks.comparison([BASELINE, OTHER], batch_size=64)
    by_share: defaultdict[float, list[Block]] = defaultdict(list)
    order = random.Random(0)
    with blocks.interpreters([planned]) as pool:
        for number in range(ROUNDS):
            for share in order.sample([*SHARES, CROWD], len(SHARES) + 1):
                with planted(share):
                    by_share[share].append(block(pool, planned, number))
            print(f"load: {number + 1} of {ROUNDS} rounds", file=sys.stderr)
    return by_share


def planted(share: float) -> ExitStack:
    """The processes that make a load, running as long as the context is entered."""
    stack = ExitStack()
    for _ in range(int(share) if share > 1 else 0):
        stack.enter_context(Busy(copies_bytes=COPIED_BYTES))
    if 0 < share <= 1:
        stack.enter_context(Busy(share))
    return stack


def block(pool: Pool, planned: ComparisonGroup, number: int) -> Block:
    trials = blocks.block(pool, planned, turns_s=TURNS_S, number=number)
    (load,) = [trial.load for trial in trials.values() if trial.load is not None]
    # As `analyse.foreign_load` has it, but not cut off at 0, so that the noise around it shows.
    cores = (load.busy_s - load.own_s + load.stolen_s) / load.wall_s
    return Block(cores=cores, log_ratios=blocks.log_ratios(trials))


def row(share: float, measured_blocks: list[Block], limit: float) -> Row:
    loads = sorted(each.cores for each in measured_blocks)
    marked = sum(load > limit for load in loads)
    figures = (
        f"load {100 * loads[0]:.0f} to {100 * loads[-1]:.0f} %, median {100 * median(loads):.0f} %; {marked} of "
        f"{len(measured_blocks)} blocks marked; {ratio(blocks.CLONE, measured_blocks)}, {ratio(OTHER, measured_blocks)}"
    )
    expected = marked == 0 if share <= limit / 2 else marked == len(measured_blocks) if share >= 2 * limit else True
    bar = "none marked" if share <= limit / 2 else "all marked" if share >= 2 * limit else "told"
    what = f"a process that takes {100 * share:.0f} % of one core" if share <= 1 else "three that copy memory"
    return Row(what, bar, figures, expected)


def ratio(name: str, measured_blocks: list[Block]) -> str:
    logs = [each.log_ratios[name] for each in measured_blocks]
    spread = f", spread {100 * stdev(logs):.1f} %" if len(logs) > 1 else ""
    return f"{name} {exp(median(logs)):.3f} times{spread}"
