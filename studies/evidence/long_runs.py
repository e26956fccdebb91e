"""Ratios under the harness against those of plain scripts that run whole, alone and undisturbed, by turns with it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.analyse.statistics.signed_rank import exponentiated, signed_rank_estimate
from bench.plan.presets import TURNS_S
from bench.records import store
from bench.records.schema import Estimate
from studies.evidence import blocks, plain
from studies.evidence.table import ratio, section
from trainloops.runners import BASELINE, REGISTRY

BATCH_SIZE = 64
THROUGHPUT = ("pytorch", "accelerate", "hf-trainer", "lightning", "fabric")
THROUGHPUT_SIZES = (512, 2048)
THROUGHPUT_STEPS = 3000
BAR = 0.03

Ratios = dict[str, list[float]]


def bias(args: Namespace) -> str:
    """Step time: in each round a block of turns, and a long run of every loop, in random order."""
    runners, order = (BASELINE, *(name for name in REGISTRY if name != BASELINE)), random.Random(0)
    planned = blocks.comparison(runners, batch_size=BATCH_SIZE)
    turns: Ratios = defaultdict(list)
    runs: Ratios = defaultdict(list)
    with blocks.interpreters([planned]) as pool:
        for number in range(args.rounds):
            if order.random() < 0.5:
                append(turns, blocks.log_ratios(blocks.block(pool, planned, turns_s=TURNS_S, number=number)))
                append(runs, long_runs(order, runners, args.seconds, number))
            else:
                append(runs, long_runs(order, runners, args.seconds, number))
                append(turns, blocks.log_ratios(blocks.block(pool, planned, turns_s=TURNS_S, number=number)))
            blocks.progress("bias", number + 1, args.rounds)
    return section(
        f"Bias: ratios to {BASELINE} at batch {BATCH_SIZE}, {args.rounds} rounds",
        ["runner", "by turns", f"by plain scripts of {args.seconds:.0f} s", "turns over plain scripts", "agree"],
        [bias_row(runner, turns[runner], runs[runner]) for runner in runners[1:]],
        "They agree where one ratio lies in both intervals. The clone's bar is 1.",
    )


def append(to: Ratios, ratios: dict[str, float]) -> None:
    for name, value in ratios.items():
        to[name].append(value)


def long_runs(order: random.Random, runners: tuple[str, ...], seconds: float, number: int) -> dict[str, float]:
    """The log ratios of the median steps of one whole run each, of about so many seconds."""
    logs = {}
    for runner in order.sample(runners, len(runners)):
        pilot = plain.whole(runner, batch_size=BATCH_SIZE, steps=202, number=number)
        steps = round(seconds * 1e6 / pilot["median_step_us"])
        figures = plain.whole(runner, batch_size=BATCH_SIZE, steps=steps, number=number)
        logs[runner] = log(figures["median_step_us"])
    return {runner: logs[runner] - logs[BASELINE] for runner in runners if runner != BASELINE}


def bias_row(runner: str, turns: list[float], runs: list[float]) -> list[str]:
    by_turns, by_runs = (exponentiated(signed_rank_estimate(each)) for each in (turns, runs))
    apart = exponentiated(signed_rank_estimate([a - b for a, b in zip(turns, runs, strict=True)]))
    return [runner, ratio(by_turns), ratio(by_runs), ratio(apart), agree(by_turns, by_runs)]


def agree(first: Estimate | None, second: Estimate | None) -> str:
    """Whether one value lies in both intervals."""
    bounds = [(each.low, each.high) for each in (first, second) if each is not None]
    lows, highs = ([bound for bound in some if bound is not None] for some in zip(*bounds, strict=True))
    if len(lows) < 2 or len(highs) < 2:
        return "too few rounds"
    return "yes" if max(lows) <= min(highs) else "no"


def throughput(args: Namespace) -> str:
    """Samples/s of the harness's summary against scripts of `THROUGHPUT_STEPS`, pauses and ends of epochs included."""
    harness: dict[tuple[int, str], list[float]] = defaultdict(list)
    scripts: dict[tuple[int, str], list[float]] = defaultdict(list)
    order = random.Random(0)
    for number in range(args.rounds):
        sides = [(harness, under_harness), (scripts, of_scripts)]
        for side, measure in order.sample(sides, 2):
            for key, value in measure(order, number):
                side[key].append(value)
        blocks.progress("throughput", number + 1, args.rounds)
    return section(
        f"Throughput: samples/s over {BASELINE}'s, {args.rounds} rounds of both",
        ["batch", "runner", "harness", f"plain scripts of {THROUGHPUT_STEPS:,} steps", "apart", f"within {BAR:.0%}"],
        [throughput_row(size, runner, harness[size, runner], scripts[size, runner]) for size, runner in harness],
    )


def under_harness(_: random.Random, number: int) -> Iterator[tuple[tuple[int, str], float]]:
    """What a run of the quick preset tells."""
    with TemporaryDirectory(prefix="looptax-evidence-") as out:
        sizes = ",".join(map(str, THROUGHPUT_SIZES))
        options = ["--only", "time", "--runner", ",".join(THROUGHPUT), "--batch-size", sizes, "--seed", str(number)]
        command = [sys.executable, "-m", "bench.run", *options, "--device", "cpu", "--out", out]
        path = os.pathsep.join([str(plain.ROOT), str(plain.ROOT / "src")])
        subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, stdout=sys.stderr, check=False)
        (summary,) = Path(out).glob(f"*/{store.SUMMARY}")
        cells = json.loads(summary.read_text())["cells"]
    per_second = {(cell["batch_size"], cell["runner"]): cell["samples_per_second"]["value"] for cell in cells}
    yield from to_baseline(per_second)


def of_scripts(order: random.Random, number: int) -> Iterator[tuple[tuple[int, str], float]]:
    keys = [(size, runner) for size in THROUGHPUT_SIZES for runner in THROUGHPUT]
    per_second = {}
    for size, runner in order.sample(keys, len(keys)):
        figures = plain.whole(runner, batch_size=size, steps=THROUGHPUT_STEPS, number=number)
        per_second[size, runner] = figures["samples_per_second"]
    yield from to_baseline(per_second)


def to_baseline(per_second: dict[tuple[int, str], float]) -> Iterator[tuple[tuple[int, str], float]]:
    """Log ratios to the hand-written loop of the same batch size."""
    for (size, runner), value in sorted(per_second.items()):
        if runner != BASELINE:
            yield (size, runner), log(value / per_second[size, BASELINE])


def throughput_row(size: int, runner: str, harness: list[float], scripts: list[float]) -> list[str]:
    one, other = (exponentiated(signed_rank_estimate(each)) for each in (harness, scripts))
    assert one is not None  # there is a round
    assert other is not None
    apart = one.value / other.value - 1
    return [str(size), runner, ratio(one), ratio(other), f"{100 * apart:+.1f} %", "yes" if abs(apart) <= BAR else "no"]
