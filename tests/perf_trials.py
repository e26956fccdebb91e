"""What takes trials: the parent beside them, and the harness against plain scripts."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import perf_counter, process_time

from bench.analyse import statistics, trial_figures
from bench.execute.interpreter import Spec, environment
from bench.execute.launcher import Request
from bench.execute.zygote import Zygote
from bench.plan import rounds, schedule
from bench.records.schema import Length, Timing
from tests import factories
from tests.perf_row import Row
from trainloops.runners import REGISTRY

ROOT = Path(__file__).parent.parent
COMPARISON = factories.comparison(batch_size=64)
LONG = Length(epochs=5, steps_per_epoch=1000, warmup_steps=50)
"""Some two seconds of the hand-written loop."""
LONG_TRIALS = 3
USUAL = Length(epochs=5, steps_per_epoch=200, warmup_steps=50)
"""As the pilot of a run chooses at this batch size, on the machine of the prototypes."""


def spec(runner: str, *, block: int) -> Spec:
    return Spec(runner=runner, device="cpu", threads=1, layout=schedule.layout(seed=0, block=block))


def started(interpreter: Spec) -> Zygote:
    """A fresh interpreter that has imported its framework."""
    zygote = Zygote(interpreter)
    zygote.start()
    zygote.ready(alone=True)
    return zygote


def trial(zygote: Zygote, runner: str, length: Length) -> Timing:
    """The clock of one trial; raises `RuntimeError` when it failed."""
    cell = rounds.cell(COMPARISON, runner)
    result = zygote.run(Request(phase="timing", cell=cell, length=length, seed=0, threads=1, timeout_s=300)).result
    if result.timing is None:
        raise RuntimeError(f"the trial of {runner} ended as {result.status}: {result.reason}")
    return result.timing


def parent_rows(length: Length = LONG) -> list[Row]:
    """Processor time of this process, user and system, while it waits for long trials of the hand-written loop.

    It does what the parent of a run does from the request to the answer, the reading of the result included.
    """
    with closing(started(spec("pytorch", block=0))) as zygote:
        trial(zygote, "pytorch", length)  # imports and caches of the first one are not its wait
        cpu_s, wall_s = process_time(), perf_counter()
        for _ in range(LONG_TRIALS):
            trial(zygote, "pytorch", length)
        cpu_s, wall_s = process_time() - cpu_s, perf_counter() - wall_s
    share = cpu_s / wall_s
    measured = f"{share:.2%} of {wall_s:.1f} s"
    return [Row("parent's CPU use while a trial runs", "< 1 %", measured, share < 0.01)]


def fidelity_rows(pairs: int, length: Length = USUAL) -> list[Row]:
    """Step time under the harness over that of the plain script, for each runner.

    In each pair both sides run once, in random order, each in a fresh interpreter with the same hash
    seed, padding and threads; the runners take turns, so that a drift of the machine hits all of them.
    """
    order = random.Random(0)
    harness: dict[str, dict[int, float]] = {runner: {} for runner in REGISTRY}
    plain: dict[str, dict[int, float]] = {runner: {} for runner in REGISTRY}
    sides = [(harness, step_us_in_the_harness), (plain, step_us_of_the_plain_script)]
    for pair in range(pairs):
        for runner in REGISTRY:
            for figures, step_us in order.sample(sides, 2):
                figures[runner][pair] = step_us(spec(runner, block=pair), length)
        print(f"fidelity: {pair + 1} of {pairs} pairs", file=sys.stderr)
    return [fidelity_row(runner, harness[runner], plain[runner]) for runner in REGISTRY]


def fidelity_row(runner: str, harness: dict[int, float], plain: dict[int, float]) -> Row:
    """Met when the estimate is within the bar; the interval tells how well it is known."""
    ratio = statistics.paired_ratio(harness, plain)
    assert ratio is not None  # there is at least one pair
    interval = f" [{ratio.low:.3f}, {ratio.high:.3f}]" if ratio.low and ratio.high else ""
    what = f"{runner}: step time under the harness over a plain script's, {len(plain)} pairs"
    return Row(what, "0.98 to 1.02", f"{ratio.value:.3f}{interval}", 0.98 <= ratio.value <= 1.02)


def step_us_in_the_harness(interpreter: Spec, length: Length) -> float:
    """The median steady step of one trial, as a report would have it."""
    runner = interpreter.runner
    with closing(started(interpreter)) as zygote:
        timing = trial(zygote, runner, length)
    return median_step_us(timing, runner, length)


def median_step_us(timing: Timing, runner: str, length: Length) -> float:
    """The median steady step, as a report would have it."""
    record = factories.trial(cell=rounds.cell(COMPARISON, runner), length=length, timing=timing)
    step_us = trial_figures.figures(record, timing).step_us
    assert step_us is not None  # the length has steady steps
    return step_us


def step_us_of_the_plain_script(interpreter: Spec, length: Length) -> float:
    """The median steady step that the script printed.

    It has the worker's environment but for the harness's own import path: Accelerate searches the
    path twice a step (`is_lomo_available`), and a user's script searches no more than the user's own.
    """
    variables = environment(interpreter) | {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    options = {
        "batch-size": COMPARISON.batch_size,
        "epochs": length.epochs,
        "steps-per-epoch": length.steps_per_epoch,
        "warmup": length.warmup_steps,
    }
    script = f"tests.plain.{interpreter.runner.replace('-', '_')}"
    command = [sys.executable, "-m", script, *(f"--{name}={value}" for name, value in options.items())]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=variables, check=True, timeout=300)
    return float(json.loads(done.stdout.splitlines()[-1])["median_step_us"])
