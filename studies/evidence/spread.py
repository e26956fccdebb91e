"""How a pair's ratio spreads from block to block: loops timed one after the other, against loops that take turns.

One after the other is how it was done before: fork after fork in random order, each on whichever core, a region of
250 ms, of which the median step counts; as many rounds as fit into the time that a block of turns takes.
"""

from __future__ import annotations

import random
from argparse import Namespace
from contextlib import ExitStack
from math import ceil, log
from statistics import median
from time import perf_counter

import numpy as np

from bench.execute.workers.pool import Pool
from bench.plan.comparison_groups import ComparisonGroup
from bench.plan.presets import TURNS_S
from bench.records.schema import Cell, TurnLength
from studies.evidence import blocks
from studies.evidence.table import section
from tests.busy import Busy
from trainloops.runners import BASELINE

RUNNERS = (BASELINE, "accelerate", "hf-trainer")
BATCH_SIZE = 64
REGION_S = 0.25
MAX_TURN_STEPS = 1000
WAYS = ("one after the other", "in turns")

Spread = dict[str, dict[str, list[float]]]
"""The log ratios of all blocks, by way and loop."""


def spread(args: Namespace) -> str:
    """Blocks of both ways in random order in one run, beside `--load` busy processes."""
    with ExitStack() as stack:
        for _ in range(args.load):
            stack.enter_context(Busy())
        by_way = measured(args.rounds)
    names = list(by_way[WAYS[0]])
    return section(
        f"Spread: ratios to {BASELINE} at batch {BATCH_SIZE}, {args.rounds} blocks of each way, "
        f"{args.load} busy processes beside",
        ["loop", *WAYS, "quotient", "ratio, one after the other", "ratio, in turns"],
        [row(name, *(by_way[way][name] for way in WAYS)) for name in names],
        "Standard deviation of a block's log ratio, and by quartiles (interquartile range / 1.349). The ratio is the "
        "median block's.",
    )


def measured(rounds: int) -> Spread:
    planned, order = blocks.comparison(RUNNERS, batch_size=BATCH_SIZE), random.Random(0)
    by_way: Spread = {way: {name: [] for name in (blocks.CLONE, *RUNNERS[1:])} for way in WAYS}
    with blocks.interpreters([planned]) as pool:
        began = perf_counter()
        blocks.block(pool, planned, turns_s=TURNS_S, number=-1)
        block_s = perf_counter() - began
        for number in range(rounds):
            for way in order.sample(WAYS, 2):
                ratios = in_turns(pool, planned, number) if way == WAYS[1] else alone(pool, planned, block_s, order)
                for name, each in ratios.items():
                    by_way[way][name].append(each)
            blocks.progress("spread", number + 1, rounds)
    return by_way


def in_turns(pool: Pool, planned: ComparisonGroup, number: int) -> dict[str, float]:
    return blocks.log_ratios(blocks.block(pool, planned, turns_s=TURNS_S, number=number))


def alone(pool: Pool, planned: ComparisonGroup, seconds: float, order: random.Random) -> dict[str, float]:
    """Whole rounds, until the time is over."""
    steps_us: dict[str, list[float]] = {planned.name(cell): [] for cell in planned.members}
    ends = perf_counter() + seconds
    while perf_counter() < ends:
        for cell in order.sample(planned.members, len(planned.members)):
            steps_us[planned.name(cell)].append(region_us(pool, cell))
    logs = {name: log(median(each)) for name, each in steps_us.items()}
    return {name: each - logs[BASELINE] for name, each in logs.items() if name != BASELINE}


def region_us(pool: Pool, cell: Cell) -> float:
    """The median step of a region of a trial that shares the machine with none of ours."""
    with blocks.warmed_up(pool, [cell], pinned=False) as members:
        steps = ceil(REGION_S / (members[0].step_ns / 1e9))
        parts = ceil(steps / MAX_TURN_STEPS)
        blocks.taken(members, TurnLength(cold_steps=0, kept_steps=ceil(steps / parts)), cycles=parts)
    return float(np.median(members[0].steps_ns)) / 1e3  # what its core ran besides was not known then


def row(name: str, before: list[float], now: list[float]) -> list[str]:
    spreads = [(blocks.sd(each), blocks.robust_sd(each)) for each in (before, now)]
    quotients = " / ".join(f"1/{old / new:.1f}" for old, new in zip(*spreads, strict=True))
    shares = [f"{100 * usual:.1f} % ({100 * robust:.1f} %)" for usual, robust in spreads]
    return [name, *shares, quotients, *(f"{np.exp(np.median(each)):.3f}" for each in (before, now))]
