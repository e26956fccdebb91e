"""Counts every runner at two batch sizes, each in a fork: what a fresh process sees. `phases` splits its steps, too."""

import json
import os
import sys
from itertools import pairwise
from tempfile import TemporaryDirectory
from time import perf_counter_ns

import torch._dynamo  # noqa: F401 - which comes with the first optimizer, and else would in each fork

from trainloops import parts, runners
from trainloops.contract import Job

BATCH_SIZES = (8, 64)


def count(train, batch_size):
    import torch

    from bench.measure import counters

    torch.set_num_threads(1)
    with TemporaryDirectory() as scratch:
        job = Job(workload="mlp", batch_size=batch_size, epochs=2, steps_per_epoch=8, output_dir=scratch)
        return counters.count(train, job, parts.build, warmup_steps=8)


def split(train, batch_size):
    """The phases of each step, and the steps by a clock of their own."""
    import torch

    from bench.measure import phases
    from bench.measure.device import Host
    from bench.measure.hooks import after_each_step

    torch.set_num_threads(1)
    ticks_ns = []
    with TemporaryDirectory() as scratch:
        job = Job(workload="mlp", batch_size=batch_size, epochs=1, steps_per_epoch=40, output_dir=scratch)
        with (
            phases.splitting(parts.build(job), Host()) as split,
            after_each_step(lambda _: ticks_ns.append(perf_counter_ns())),
        ):
            train(job, split.parts)
    return {"steps_ns": [after - before for before, after in pairwise(ticks_ns)], **split.result()}


def in_a_fork(measure, train, batch_size):
    """What it tells; frameworks leave something behind, which the next shall not meet."""
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.close(ours)
        with os.fdopen(theirs, "w") as answer:
            json.dump(measure(train, batch_size), answer)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as answer:
        return json.load(answer)


def main():
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # frameworks print
    trains = {name: runners.load(name) for name in runners.REGISTRY}
    counts = {
        f"{name} {batch_size}": in_a_fork(count, train, batch_size)
        for name, train in trains.items()
        for batch_size in BATCH_SIZES
    }
    is_split = sys.argv[1:] == ["phases"]
    phases = {name: in_a_fork(split, train, BATCH_SIZES[-1]) for name, train in trains.items() if is_split}
    json.dump({"counts": counts, "phases": phases}, answer)


if __name__ == "__main__":
    main()
