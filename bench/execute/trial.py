"""One trial, inside the process that was made for it: build the parts, attach an instrument, train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench.execute import scratch
from bench.measure import counters, energy, memory, phases, sampling, trace
from bench.measure import device as devices
from bench.measure.clock import Clock
from bench.measure.fingerprint import Recorder
from bench.measure.memory import HostBaseline
from trainloops import parts
from trainloops.contract import Job, Train

Result = dict[str, Any]


def run(train: Train, request: dict[str, Any], host: HostBaseline) -> Result:
    """Return `{"status": "ok", ...}` with the instrument's figures, or the status and reason of a failure."""
    try:
        torch.set_num_threads(request["threads"])
        job = Job(**request["job"])
        measure = PASSES[request["phase"]]
        return {"status": "ok", **measure(train, job, request["warmup_steps"], host)}
    except Exception as error:  # noqa: BLE001 - whatever a loop raises is the reason of its row, and the run goes on
        status = "oom" if devices.is_out_of_memory(error) else "failed"
        return {"status": status, "reason": f"{type(error).__name__}: {error}"}


def _timing(train: Train, job: Job, warmup_steps: int, host: HostBaseline) -> Result:
    used = energy.of_region(job.device)
    clock = Clock(steps=job.steps, warmup_steps=warmup_steps, device=devices.of(job.device), energy=used)
    built = parts.build(job)
    with clock:
        train(job, built)
    figures = memory.figures(clock, device=job.device, host=host)
    return {"timing": {**clock.result(), **used.result(), "memory": figures}}


def _equivalence(train: Train, job: Job, warmup_steps: int, host: HostBaseline) -> Result:
    del warmup_steps, host  # a fingerprint has neither
    torch.use_deterministic_algorithms(True)
    recorder = Recorder(parts.build(job))
    train(job, recorder.parts)
    return {"fingerprint": recorder.result()}


def _counting(train: Train, job: Job, warmup_steps: int, host: HostBaseline) -> Result:
    del host  # counted bytes are those of tensors
    return {"counters": counters.count(train, job, parts.build, warmup_steps=warmup_steps)}


def _phases(train: Train, job: Job, warmup_steps: int, host: HostBaseline) -> Result:
    del host
    sampled = sampling.sampling(steps=job.steps, warmup_steps=warmup_steps)
    with phases.splitting(parts.build(job), devices.of(job.device)) as split, sampled as sampler:
        train(job, split.parts)
    return {"phases": {**split.result(), "functions": sampler.functions()}}


def _trace(train: Train, job: Job, warmup_steps: int, host: HostBaseline) -> Result:
    del host
    first = trace.first_steady_step(warmup_steps=warmup_steps, steps_per_epoch=job.steps_per_epoch)
    built = parts.build(job)
    with trace.tracing(Path(scratch.TRACE), first_step=first):
        train(job, built)
    return {}


PASSES: dict[str, Callable[[Train, Job, int, HostBaseline], Result]] = {
    "pilot": _timing,
    "equivalence": _equivalence,
    "counting": _counting,
    "phases": _phases,
    "trace": _trace,
    "timing": _timing,
}
