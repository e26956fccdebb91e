"""Where long steps come from: Python's collector, in a plain script as well as under the harness, forked or not."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from argparse import Namespace
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.analyse import statistics
from bench.execute.interpreter import Spec
from bench.execute.launcher import Launcher, Request
from bench.execute.spawn import Spawner
from bench.plan import rounds
from bench.records.schema import Length, Timing
from tests import factories
from tests.evidence.table import section
from tests.perf_trials import spec, started

ROOT = Path(__file__).parent.parent.parent
BATCH_SIZE = 2048
LENGTH = Length(epochs=5, steps_per_epoch=15, warmup_steps=11)
PLAIN = "a plain script"
KINDS = (PLAIN, "fork", "spawn")
LONG_MS = 50.0
"""Ten times a step at this batch size."""
SCRIPT = """
import gc, json, sys, time
from tests.plain import pytorch

collections_ms, began = [], [0.0]

def collected(phase, info):
    if info["generation"] == 2:
        if phase == "start":
            began[0] = time.perf_counter()
        else:
            collections_ms.append(1e3 * (time.perf_counter() - began[0]))

def report(args, ticks, model):
    steps_ms = [1e3 * (after - before) for before, after in zip(ticks, ticks[1:])][args.warmup - 1:]
    print(json.dumps({"steps_ms": steps_ms, "collections_ms": collections_ms}))

pytorch.report = report
gc.callbacks.append(collected)
pytorch.main(pytorch.parse())
"""
"""The plain script, its own steps kept, told of each full collection."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What every round saw."""

    steps_ms: dict[str, list[list[float]]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    """The region's steps, by how the loop was run."""
    collections_ms: list[list[float]] = field(default_factory=list)
    """Full collections of the plain script, warm-up and all."""


def pauses(args: Namespace) -> str:
    """Steps of more than `LONG_MS` of the hand-written loop at a large batch size, by how it is run."""
    seen = measured(args.rounds)
    full = [each for run in seen.collections_ms for each in run if each > LONG_MS]
    return section(
        f"Pauses: the hand-written loop at batch {BATCH_SIZE:,}, {args.rounds} rounds",
        ["run as", f"steps over {LONG_MS:.0f} ms in a region", "such a step", "any other"],
        [row(kind, runs) for kind, runs in seen.steps_ms.items()],
        f"Full collections of the plain script that take over {LONG_MS:.0f} ms, warm-up and all: "
        f"{len(full) / len(seen.collections_ms):.1f} a run, the median one {median(full):.0f} ms. A region in a fork "
        f"takes {fork_over_spawn(seen)} times as long as one in a fresh interpreter.",
    )


def measured(count: int) -> Seen:
    """Each way of running the loop once a round, in random order, each in a fresh interpreter."""
    order, seen = random.Random(0), Seen()
    for number in range(count):
        for kind in order.sample(KINDS, len(KINDS)):
            if kind == PLAIN:
                steps_ms, full_ms = of_plain_script()
                seen.collections_ms.append(full_ms)
            else:
                steps_ms = of_harness(kind, spec("pytorch", block=number))
            seen.steps_ms[kind].append(steps_ms)
        print(f"pauses: {number + 1} of {count} rounds", file=sys.stderr)
    return seen


def fork_over_spawn(seen: Seen) -> str:
    """The ratio of whole regions, pauses included, with its interval."""
    fork, spawn = (dict(enumerate(map(sum, seen.steps_ms[kind]))) for kind in ("fork", "spawn"))
    ratio = statistics.paired_ratio(fork, spawn)
    assert ratio is not None  # there is a round
    return f"{ratio.value:.3f}" + (f" [{ratio.low:.3f}, {ratio.high:.3f}]" if ratio.low and ratio.high else "")


def of_plain_script() -> tuple[list[float], list[float]]:
    """The region's steps and all full collections, in ms."""
    options = [f"--batch-size={BATCH_SIZE}", f"--epochs={LENGTH.epochs}"]
    options += [f"--steps-per-epoch={LENGTH.steps_per_epoch}", f"--warmup={LENGTH.warmup_steps}"]
    command = [sys.executable, "-c", SCRIPT, *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return told["steps_ms"], told["collections_ms"]


def of_harness(kind: str, interpreter: Spec) -> list[float]:
    launcher: Launcher = Spawner(interpreter) if kind == "spawn" else started(interpreter)
    with closing(launcher):
        timing = timed(launcher)
    return [step_ns / 1e6 for step_ns in timing.step_ns[LENGTH.warmup_steps - 1 :]]


def timed(launcher: Launcher) -> Timing:
    cell = rounds.cell(factories.comparison(batch_size=BATCH_SIZE), "pytorch")
    result = launcher.run(Request(phase="timing", cell=cell, length=LENGTH, seed=0, threads=1, timeout_s=300)).result
    assert result.timing is not None, result.reason
    return result.timing


def row(kind: str, runs: list[list[float]]) -> list[str]:
    long = [step for run in runs for step in run if step > LONG_MS]
    others = [step for run in runs for step in run if step <= LONG_MS]
    typical = f"{median(long):.0f} ms" if long else "none"
    return [kind, f"{len(long) / len(runs):.1f}", typical, f"{median(others):.1f} ms"]
