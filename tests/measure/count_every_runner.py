"""Counts every runner at two batch sizes, each in a fork, and prints JSON: what a fresh process sees."""

import json
import os
from tempfile import TemporaryDirectory

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


def in_a_fork(train, batch_size):
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.close(ours)
        with os.fdopen(theirs, "w") as answer:
            json.dump(count(train, batch_size), answer)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as answer:
        return json.load(answer)


def main():
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # frameworks print
    trains = {name: runners.load(name) for name in runners.REGISTRY}
    found = {
        f"{name} {batch_size}": in_a_fork(train, batch_size)
        for name, train in trains.items()
        for batch_size in BATCH_SIZES
    }
    json.dump(found, answer)


if __name__ == "__main__":
    main()
