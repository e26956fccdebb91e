"""One trial, inside the process that was made for it: build the parts, attach an instrument, train."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import torch

from bench.execute.workers import protocol, script_trial
from bench.execute.workers.failure import print_all, sentence
from bench.execute.workers.script import Script, ScriptError, reason_of
from bench.measure import (
    communication,
    counters,
    energy,
    hooks,
    memory,
    meters,
    phases,
    sampling,
    setup,
    sharding,
    sm_clock,
    trace,
)
from bench.measure import device as devices
from bench.measure.clock import Clock, LoopEndedError, Onlooker
from bench.measure.collector import Collections
from bench.measure.compilation import Compilations
from bench.measure.fingerprint import Recorder
from bench.measure.gate import Control
from bench.measure.memory import HostBaseline
from bench.measure.meters import TurnMeter
from bench.measure.ticks import Ticks
from bench.records import files
from trainloops import parts
from trainloops.contract import Job, Train

Result = dict[str, Any]
NO_SCALAR = "grad can be implicitly created only for scalar outputs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """What a trial is to do, and where it leaves its result."""

    runner: Train | None
    """None of a script."""
    job: Job
    request: dict[str, Any]
    host: HostBaseline
    scratch: Path
    control: Control | None
    """By which its parent gives it its turns; None for a pass that takes none."""
    script: Script | None = None
    """What it runs in the place of a runner."""
    compilations: Compilations = field(default_factory=Compilations)
    """What it compiles, where its job says so."""

    @property
    def train(self) -> Train:
        """The runner."""
        assert self.runner is not None
        return self.runner

    def compiled(self) -> Result:
        """What it has compiled; raises `NothingCompiledError` where its job says so and it has not."""
        return {"compilation": self.compilations.record()} if self.job.compile else {}

    def leave(self, result: Result) -> None:
        """Write the result, whole or not at all, wherever the loop has changed its folder to."""
        files.write(self.scratch / protocol.RESULT, json.dumps(result))


class TurnsOverError(BaseException):
    """The turns of a rank are over: torch elastic waits until its function returns, through whatever loop it is in."""


def run(assignment: Assignment) -> None:
    """Leave `{"status": "ok", ...}` with the instrument's figures, or the status and reason of a failure."""
    try:
        torch.set_num_threads(assignment.request["threads"])
        if assignment.job.compile:
            assignment.compilations.watch()
        if assignment.job.precision == "fp16":
            hooks.tick_by_scalers()
        passes = PASSES if assignment.script is None else script_trial.PASSES
        result = {"status": "ok", **passes[assignment.request["phase"]](assignment), **assignment.compiled()}
    except TurnsOverError:  # which has left its result
        return
    except SystemExit as error:
        result = {"status": "failed", "reason": f"train() called sys.exit({error.code!r}) before its job was done"}
    except sharding.NothingShardedError as error:
        result = {"status": "unavailable", "reason": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever a loop raises is the reason of its row, and the run goes on
        status = "oom" if devices.is_out_of_memory(error) else "failed"
        reason = _reason_of_runner(error) if assignment.script is None else reason_of(error, assignment.script.file)
        result = {"status": status, "reason": reason}
        if not isinstance(error, ScriptError):  # which a script did not raise
            print_all(error)
    assignment.leave(result)


def _reason_of_runner(error: Exception) -> str:
    """What a loop raised; torch's own words for a loss of several numbers say nothing of a loss."""
    if isinstance(error, memory.OverLimitError):
        return str(error)
    if str(error) == NO_SCALAR:
        return "the loss is not one number: take its mean"
    return sentence(error)


Over = Callable[[Clock, Result], None]
"""What is done when the turns of a trial are over, with what its clock tells of them."""


def clock_of(
    assignment: Assignment,
    *,
    onlooker: Onlooker | None = None,
    meter: TurnMeter | None = None,
    over: Over | None = None,
) -> Clock:
    """The clock of a trial; when its turns are over it leaves the result and ends the process, or does as `over`."""
    job = assignment.job
    of_energy = energy.of_turns(job.device, is_alone=assignment.request["is_alone"])
    at_ends: list[TurnMeter] = [of_energy, sm_clock.of_turns(job.device), assignment.compilations]
    at_ends += [meter] if meter is not None else []

    def finish(clock: Clock) -> None:
        figures = {"startup_ns": clock.startup_ns, "warmup_steps": clock.warmup_steps, **meters.results(at_ends)}
        figures["collector"] = collections.result(clock.timed_steps, looks=assignment.request["sees_collections"])
        (over or partial(leave_timing, assignment))(clock, figures)

    assert assignment.control is not None
    ticks = Ticks(assignment.scratch / protocol.TICKS)
    collections = Collections(
        ticks, phase=assignment.request["block"], are_whole=not assignment.request["hides_imports"]
    )
    return Clock(
        ticks=ticks,
        control=assignment.control,
        warm_up=assignment.request["warm_up"],
        device=devices.of(job.device),
        meters=at_ends,
        collections=collections,
        finish=finish,
        onlooker=onlooker,
    )


def leave_timing(assignment: Assignment, clock: Clock, figures: Result) -> NoReturn:
    """Leave what a timed trial tells, its peaks of memory until now included, and end the process."""
    device, host = assignment.job.device, assignment.host
    peaks = memory.figures(clock.warmup_peaks, devices.of(device).peaks(), device=device, host=host)
    assignment.leave({"status": "ok", "timing": {**figures, "memory": peaks}})
    if assignment.job.ranks > 1:
        raise TurnsOverError
    os._exit(0)


def _timing(assignment: Assignment) -> Result:
    """Train in turns until the parent has had enough; comes back only when the loop ended before that."""
    job, clock = assignment.job, clock_of(assignment)
    built = parts.build(job)
    clock.start()
    assignment.train(job, built)
    raise LoopEndedError(f"the loop ended by itself, before the {job.steps:,} optimizer steps of its job")


def _equivalence(assignment: Assignment) -> Result:
    # Deterministic matrix products on CUDA need it, before the first one; elsewhere it would be memory of ours.
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(True)
    recorder = Recorder(parts.build(assignment.job))
    with recorder.counting_steps(), setup.reading(assignment.train) as facts:
        assignment.train(assignment.job, recorder.parts)
    recorder.refuse_other_than(assignment.job.steps)
    if assignment.job.strategy != "ddp":
        sharding.refuse_replicas(recorder.parts, assignment.job.strategy)
    of_ranks = {"parameters_sha256": recorder.parameters_sha256()} if assignment.job.ranks > 1 else {}
    return {"fingerprint": recorder.result(), "setup": facts, **of_ranks}


def _counting(assignment: Assignment) -> Result:
    apart = {name: assignment.request[name] for name in ("warmup_steps", "event_steps")}
    return {"counters": counters.count(assignment.train, assignment.job, parts.build, **apart)}


def _phases(assignment: Assignment) -> Result:
    job = assignment.job
    sampled = sampling.sampling(steps=job.steps, warmup_steps=assignment.request["warmup_steps"])
    built, device = parts.build(job), devices.of(job.device)
    with phases.splitting(built, device, compiled=job.compile) as split, sampled as sampler:
        assignment.train(job, split.parts)
    is_seen = job.ranks > 1 and job.device_type in communication.DEVICES
    of_ranks = {"communication": [_communication(assignment)]} if is_seen else {}
    return {"phases": {**split.result(), "functions": sampler.functions(), **of_ranks}}


def _communication(assignment: Assignment) -> Result:
    job = replace(assignment.job, epochs=1, steps_per_epoch=communication.STEPS)
    built = parts.build(job)
    with communication.timing_collectives(job.device) as figures:
        assignment.train(job, built)
    return figures


def _trace(assignment: Assignment) -> Result:
    job = assignment.job
    first = trace.first_steady_step(
        warmup_steps=assignment.request["warmup_steps"], steps_per_epoch=job.steps_per_epoch
    )
    built = parts.build(job)
    with trace.tracing(assignment.scratch / protocol.TRACE, first_step=first):
        assignment.train(job, built)
    return {}


def _max_batch(assignment: Assignment) -> Result:
    job, device, host = assignment.job, devices.of(assignment.job.device), assignment.host
    limit_bytes = assignment.request["memory_limit_bytes"]
    if limit_bytes is not None:
        memory.guard(limit_bytes, host)
    assignment.train(job, parts.build(job))
    device.synchronize()
    if limit_bytes is not None:
        memory.refuse_over(limit_bytes, host)
    return {"memory": memory.figures(device.peaks(), device.peaks(), device=job.device, host=host)}


PASSES: dict[str, Callable[[Assignment], Result]] = {
    "equivalence": _equivalence,
    "counting": _counting,
    "phases": _phases,
    "trace": _trace,
    "max-batch": _max_batch,
    "timing": _timing,
}
