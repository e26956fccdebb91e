"""What a fork pays for pages that it shares with its parent, step by step, and what it pays once it has taken them."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from argparse import Namespace
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import NamedTuple

from bench.analyse import statistics
from bench.execute.interpreter import environment
from tests.evidence.table import section
from tests.perf_trials import spec
from trainloops.contract import Job, Train

ROOT = Path(__file__).parent.parent.parent
RUNNERS = ("pytorch", "hf-trainer", "fabric", "floor")
SHARING, OWNING = "shares its parent's pages", "has taken them"
WARMUP = 50


class Fork(NamedTuple):
    """The steps after the warm-up of one fork."""

    step_us: list[float]
    faults: list[int]


def forks(args: Namespace) -> str:
    """Forks of one fresh interpreter a round and runner, one that shares and one that owns."""
    rows = []
    for runner in RUNNERS:
        sharing, owning = zip(*(pair(runner, block) for block in range(args.rounds)), strict=True)
        rows.append(row(runner, sharing, owning))
        print(f"forks: {runner}", file=sys.stderr)
    return section(
        f"Forks: a fork that {SHARING} against one that {OWNING}, {args.rounds} of each",
        ["runner", "steps with a page fault", "such a step is longer by", "median step, sharing over owning"],
        rows,
    )


def pair(runner: str, block: int) -> tuple[Fork, Fork]:
    """One fork of each kind, of one interpreter; which is first changes from block to block."""
    command = [sys.executable, "-m", "tests.evidence.forks", runner, str(block % 2)]
    variables = environment(spec(runner, block=block))
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=variables, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return Fork(*told[SHARING]), Fork(*told[OWNING])


def row(runner: str, sharing: tuple[Fork, ...], owning: tuple[Fork, ...]) -> list[str]:
    shares = [sum(count > 0 for count in fork.faults) / len(fork.faults) for fork in sharing]
    longer = [longer_us for fork in sharing if (longer_us := faulting_us(fork)) is not None]
    medians = ({n: median(fork.step_us) for n, fork in enumerate(forked)} for forked in (sharing, owning))
    ratio = statistics.paired_ratio(*medians)
    assert ratio is not None  # there is a round
    interval = f" [{ratio.low:.3f}, {ratio.high:.3f}]" if ratio.low and ratio.high else ""
    told = f"{median(longer):.0f} µs" if longer else "none has one"
    return [runner, f"{median(shares):.0%}", told, f"{ratio.value:.3f}{interval}"]


def faulting_us(fork: Fork) -> float | None:
    """By how much a step with one fault is longer than one with none, at the median."""
    by_faults = {count: [us for us, faults in zip(*fork, strict=True) if faults == count] for count in (0, 1)}
    if not all(by_faults.values()):
        return None
    return median(by_faults[1]) - median(by_faults[0])


def main(runner: str, owning_first: bool) -> None:
    """Import a framework, fork twice, and print what both forks measured."""
    from trainloops import runners

    train = runners.load(runner)
    import torch

    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)  # as the worker does before it forks
    kinds = [OWNING, SHARING] if owning_first else [SHARING, OWNING]
    print(json.dumps({kind: _forked(train, takes=kind == OWNING) for kind in kinds}))


def _forked(train: Train, *, takes: bool) -> list[list[float]]:
    reader, writer = os.pipe()
    if os.fork() == 0:
        with os.fdopen(writer, "w") as reply:
            json.dump(_trained(train, takes=takes), reply)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as replies:
        told: list[list[float]] = json.load(replies)
    os.wait()
    return told


def _trained(train: Train, *, takes: bool) -> tuple[list[float], list[int]]:
    from tempfile import TemporaryDirectory

    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from bench.execute import private_pages
    from trainloops import parts

    if takes:
        private_pages.take()
    torch.set_num_threads(1)
    ticks: list[tuple[int, int]] = []
    register_optimizer_step_post_hook(
        lambda *_: ticks.append((perf_counter_ns(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt))
    )
    with TemporaryDirectory(prefix="looptax-evidence-") as scratch:
        job = Job(workload="mlp", batch_size=64, epochs=5, steps_per_epoch=200, output_dir=scratch)
        train(job, parts.build(job))
    steps = list(pairwise(ticks))[WARMUP:]
    return [(after - before) / 1e3 for (before, _), (after, _) in steps], [b - a for (_, a), (_, b) in steps]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "1")
