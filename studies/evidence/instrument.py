"""What each instrument costs the loop that it looks at."""

from __future__ import annotations

import random
from argparse import Namespace
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter

import numpy as np

from bench.analyse.statistics.signed_rank import location
from bench.execute.workers.pool import Pool
from bench.execute.workers.request import Request
from bench.plan import length as lengths
from bench.records.schema import Cell, Length, TurnLength
from studies.evidence import blocks, gate
from studies.evidence.table import ratio, section
from trainloops.runners import REGISTRY

BATCH_SIZE = 64
STEPS = 400
PHASES = Length(epochs=4, steps_per_epoch=lengths.EPOCH_STEPS, warmup_steps=50)
WAYS = ("timing", "phases", "counting")

ByRound = dict[int, float]


@dataclass(slots=True)
class Seen:
    """One runner's figures by round."""

    timed_us: ByRound = field(default_factory=dict)
    phases_us: ByRound = field(default_factory=dict)
    counting_s: ByRound = field(default_factory=dict)


def instrument(args: Namespace) -> str:
    """The gate by itself; the passes that are never timed against the timing pass, each alone, in random order."""
    planned = blocks.comparison(list(REGISTRY), batch_size=BATCH_SIZE)
    order, by_runner = random.Random(0), {runner: Seen() for runner in REGISTRY}
    with blocks.interpreters([planned]) as pool:
        for number in range(args.rounds):
            for cell in order.sample(planned.cells, len(planned.cells)):
                measure(pool, cell, order, by_runner[cell.runner], number)
            blocks.progress("instrument", number + 1, args.rounds)
    seen = gate.hand_over()
    return section(
        f"Instrument cost: {args.rounds} rounds at batch {BATCH_SIZE}",
        ["runner", "step, the clock alone", "with phases and samples", "a trial that counts"],
        [row(runner, each) for runner, each in by_runner.items()],
        f"The clock and the gate: {gate.tick_us():.2f} µs per step, the same for every runner. A turn takes "
        f"{seen.turn_us:.0f} µs beyond its steps; the parent uses {seen.cpu_s / seen.wall_s:.2%} of a core.",
    )


def measure(pool: Pool, cell: Cell, order: random.Random, seen: Seen, number: int) -> None:
    for way in order.sample(WAYS, len(WAYS)):
        if way == "timing":
            seen.timed_us[number] = timed_us(pool, cell)
        elif way == "phases":
            seen.phases_us[number] = phases_us(pool, cell)
        else:
            seen.counting_s[number] = counting_s(pool, cell)


def timed_us(pool: Pool, cell: Cell) -> float:
    # On any core, as the passes that are not timed.
    with blocks.warmed_up(pool, [cell], pinned=False) as members:
        (steps_ns,) = blocks.taken(members, TurnLength(cold_steps=0, kept_steps=STEPS), cycles=1)
    return float(np.median(steps_ns))


def phases_us(pool: Pool, cell: Cell) -> float:
    asked = Request(phase="phases", cell=cell, length=PHASES, seed=0, threads=blocks.THREADS, timeout_s=300.0)
    result = pool.run(asked).result
    assert result.phases is not None, result.reason
    steps_ns = np.sum([np.array(ns) for ns in result.phases.phase_ns.values()], axis=0)
    return float(np.median(steps_ns[PHASES.warmup_steps :])) / 1e3


def counting_s(pool: Pool, cell: Cell) -> float:
    began = perf_counter()
    length = lengths.COUNTING
    asked = Request(phase="counting", cell=cell, length=length, seed=0, threads=blocks.THREADS, timeout_s=300.0)
    result = pool.run(asked).result
    assert result.counters is not None, result.reason
    return perf_counter() - began


def row(runner: str, seen: Seen) -> list[str]:
    over_timed = [us / seen.timed_us[block] for block, us in seen.phases_us.items() if block in seen.timed_us]
    phases = f"{ratio(location(over_timed))} times"
    return [runner, f"{median(seen.timed_us.values()):.0f} µs", phases, f"{median(seen.counting_s.values()):.2f} s"]
