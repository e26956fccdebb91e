"""What the harness costs by itself, with no trial: `--help`, the report, the tick."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, perf_counter_ns

from bench.execute.interpreter import base_environment
from bench.plan import rounds, schedule
from bench.records import store
from bench.records.schema import Length, PlannedLength, Run, Trial
from bench.report import publish
from tests import factories
from tests.perf_row import Row

HELP_RUNS = 5
TICK_PAIRS = 20_000
BATCH_SIZES = (8, 32, 128, 512, 2048)
LENGTH = Length(epochs=5, steps_per_epoch=100, warmup_steps=50)
"""About as long as the trials of a standard run are on average."""


def python(*arguments: str | Path) -> tuple[float, str]:
    """The wall seconds of `python` with `arguments`, and what it wrote to standard error."""
    command = [sys.executable, *map(str, arguments)]
    started = perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=base_environment(), check=True)
    return perf_counter() - started, done.stderr


def help_rows() -> list[Row]:
    """The median of five answers, and whether Python's own log of imports names torch."""
    command = ("-m", "bench.run", "--help")
    wall_s = median(python(*command)[0] for _ in range(HELP_RUNS))
    _, log = python("-X", "importtime", *command)
    imported = {line.rpartition("|")[2].strip() for line in log.splitlines()}
    return [
        Row("`python -m bench.run --help`", "≤ 0.5 s", f"{wall_s:.2f} s", wall_s <= 0.5),
        Row("torch imported by `--help`", "no", "yes" if "torch" in imported else "no", "torch" not in imported),
    ]


def report_rows(trials: int) -> list[Row]:
    """`python -m bench.report` as a process, on a synthetic run in the shape of a standard one."""
    with TemporaryDirectory(prefix="looptax-perf-") as out:
        folder, written = synthetic_run(Path(out), trials)
        wall_s, _ = python("-m", "bench.report", folder)
    return [Row(f"report from {written:,} trials of {LENGTH.steps} steps", "≤ 3 s", f"{wall_s:.1f} s", wall_s <= 3)]


def index_rows(runs: int = 1000) -> list[Row]:
    """Both indices over folders whose summaries are that of a synthetic run, hard links of one file."""
    with TemporaryDirectory(prefix="looptax-perf-") as out:
        folder, _ = synthetic_run(Path(out) / "one", 1)
        publish.publish(folder)
        many = Path(out) / "many"
        for place in range(runs):
            (many / f"{place:04d}-run").mkdir(parents=True)
            (many / f"{place:04d}-run" / store.SUMMARY).hardlink_to(folder / store.SUMMARY)
        started = perf_counter()
        publish.rebuild_index(many)
        wall_s = perf_counter() - started
    return [Row(f"README.md and index.html of {runs:,} runs", "≤ 2 s", f"{wall_s:.2f} s", wall_s <= 2)]


def synthetic_run(out: Path, trials: int) -> tuple[Path, int]:
    """A run folder with at least `trials` timing trials in whole blocks, and how many these are."""
    comparisons = [factories.comparison(batch_size=size) for size in BATCH_SIZES]
    trials_in_a_block = len(comparisons) * len(factories.STEP_US) * 2
    run = factories.run(
        comparisons=comparisons,
        blocks=-(-trials // trials_in_a_block),
        trials_per_block=2,
        lengths=[PlannedLength(comparison=each, length=LENGTH) for each in comparisons],
    )
    folder = store.create(out, run)
    with (folder / store.JOURNAL).open("w") as journal:
        journal.writelines(f"{t.model_dump_json(by_alias=True, exclude_none=True)}\n" for t in synthetic_trials(run))
    return folder, run.settings.blocks * trials_in_a_block


def synthetic_trials(run: Run) -> Iterator[Trial]:
    """An equivalence trial of each cell and all timing trials, the steps of each block different."""
    settings = run.settings
    for comparison in settings.comparisons:
        for runner in settings.runners:
            yield factories.trial(cell=rounds.cell(comparison, runner), phase="equivalence", block=-1)
    for block in range(settings.blocks):
        turns = schedule.block(rounds.rounds(settings), trials_per_block=2, seed=0, block=block)
        for slot in chain.from_iterable(turns):
            step_us = factories.STEP_US[slot.cell.runner]
            where = {"block": block, "replicate": slot.replicate, "position": slot.position}
            yield factories.trial(cell=slot.cell, step_us=step_us, jitter=0.02, seed=block, length=LENGTH, **where)


def tick_rows(pairs: int = TICK_PAIRS) -> list[Row]:
    """What the clock's hook adds to an optimizer step that does next to nothing, called by torch itself.

    Steps of a single number with the clock and without it, in pairs of random order: the median of
    the differences. The hook is the same for every runner, and so is this cost.
    """
    from bench.measure.clock import Clock  # brings torch, for which the other sections must not wait
    from bench.measure.device import Host

    step_ns = a_small_step()
    clock = Clock(steps=2 * pairs, warmup_steps=1, device=Host())
    bare: AbstractContextManager[object] = nullcontext()
    sides: list[AbstractContextManager[object]] = [clock, bare]
    order = random.Random(0)
    differences = []
    for _ in range(pairs):
        took = {side: step_ns(side) for side in order.sample(sides, 2)}
        differences.append(took[clock] - took[bare])
    cost_us = median(differences) / 1e3
    return [Row("the tick", "≤ 1 µs a step", f"{cost_us:.2f} µs", cost_us <= 1)]


def a_small_step() -> Callable[[AbstractContextManager[object]], int]:
    """A function that makes one SGD step on one number inside a context, and returns its nanoseconds."""
    import torch

    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.ones(1)
    optimizer = torch.optim.SGD([parameter], lr=0.1)

    def step_ns(context: AbstractContextManager[object]) -> int:
        with context:
            started = perf_counter_ns()
            optimizer.step()
            return perf_counter_ns() - started

    return step_ns
