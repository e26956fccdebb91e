"""Trains every runner compiled, each in a fork: what it computed and compiled, as JSON.

The compiler is torch's own up to the graph, which then runs as it is: making machine code of it takes a minute.
"""

import json
import os
from functools import partial
from tempfile import TemporaryDirectory

from torch._inductor import compile_fx

from tests.measure.count_every_runner import in_a_fork
from trainloops import parts, runners
from trainloops.contract import Job


def job(scratch, **settings):
    length = {"batch_size": 8, "epochs": 2, "steps_per_epoch": 3}
    return Job(workload="mlp", compile=True, output_dir=scratch, **length, **settings)


def proof(train, _, precision="fp32"):
    from bench.measure.compilation import Compilations, NothingCompiledError
    from bench.measure.fingerprint import Recorder

    compilations = Compilations().watch()
    with TemporaryDirectory() as scratch:
        compiled = job(scratch, precision=precision)
        recorder = Recorder(parts.build(compiled))
        train(compiled, recorder.parts)
    try:
        return {"fingerprint": recorder.result(), "compilation": compilations.record()}
    except NothingCompiledError as error:
        return {"error": str(error)}


in_bf16 = partial(proof, precision="bf16")


def counted(train, _):
    from bench.measure import counters

    with TemporaryDirectory() as scratch:
        return counters.count(train, job(scratch), parts.build, warmup_steps=1)


def split(train, _):
    """By a model's hooks, which would be compiled with it, its graph would break."""
    from bench.measure import phases
    from bench.measure.compilation import Compilations
    from bench.measure.device import Host

    compilations = Compilations().watch()
    with (
        TemporaryDirectory() as scratch,
        phases.splitting(parts.build(job(scratch)), Host(), compiled=True) as split,
    ):
        train(job(scratch), split.parts)
    return {**split.result(), "compilation": compilations.record()}


def compiled_twice(train, _):
    """A turn of which the first step compiles, and one of which none does."""
    import torch

    from bench.measure.compilation import Compilations

    compilations = Compilations().watch()
    double = torch.compile(lambda x: x * 2, dynamic=False)
    double(torch.ones(3))
    for shape in (4, 4):
        compilations.begin()
        double(torch.ones(shape))
        compilations.end()
    return compilations.record()


def takes_no_notice(job, parts):
    from dataclasses import replace

    runners.load("pytorch")(replace(job, compile=False), parts)


def main():
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # frameworks print
    compile_fx.compile_fx = lambda graph, *_, **__: graph.forward
    trains = {name: runners.load(name) for name in runners.REGISTRY} | {"takes no notice": takes_no_notice}
    results = {
        "proofs": {name: in_a_fork(proof, train, 0) for name, train in trains.items()},
        "proofs in bf16": {name: in_a_fork(in_bf16, trains[name], 0) for name in runners.REGISTRY},
        "counted": in_a_fork(counted, trains["pytorch"], 0),
        "split": in_a_fork(split, trains["pytorch"], 0),
        "compiled twice": in_a_fork(compiled_twice, trains["pytorch"], 0),
    }
    json.dump(results, answer)


if __name__ == "__main__":
    main()
