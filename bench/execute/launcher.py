"""What every way of running a trial in isolation has in common: a request goes in, an outcome comes out."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.execute import scratch as files
from bench.execute.interpreter import READY_TIMEOUT_S, Interpreter, WorkerEndedError, WorkerTimeoutError, how_it_ended
from bench.records.schema import Cell, Counters, Fingerprint, Length, Pass, Phases, Status, Timing
from bench.records.schema import Interpreter as InterpreterRecord
from trainloops import runners
from trainloops.contract import Job


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One trial to run."""

    phase: Pass
    cell: Cell
    length: Length
    seed: int
    threads: int
    timeout_s: float
    trace_to: Path | None = None
    """Where the file that a trace pass leaves is kept."""


class Result(BaseModel):
    """What a worker leaves in `result.json`; anything else is garbage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    reason: str | None = None
    timing: Timing | None = None
    fingerprint: Fingerprint | None = None
    counters: Counters | None = None
    phases: Phases | None = None
    owns_pages: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a trial went, and in which interpreter."""

    result: Result
    interpreter: InterpreterRecord | None
    forks_s: float | None = None
    """Processor time of the trial that this process cannot see itself; None where nobody knows it."""


class Launcher(Protocol):
    """Runs trials of one runner on one device, each in a process of its own."""

    def run(self, request: Request) -> Outcome:
        """Run one trial; never raises for what the trial does."""

    def close(self) -> None:
        """End every process that was started."""


def failed(status: Status, reason: str) -> Result:
    """The result of a trial that has no figures."""
    return Result(status=status, reason=reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unusable:
    """An interpreter that could not import its runner, and so the result of all of its trials."""

    result: Result


def await_ready(interpreter: Interpreter, *, alone: bool) -> InterpreterRecord | Unusable:
    """Wait until the framework is imported; `alone` tells whether the import's time is a figure."""
    spec = interpreter.spec
    try:
        reply = interpreter.read(READY_TIMEOUT_S)
    except (WorkerEndedError, WorkerTimeoutError) as error:
        return Unusable(result=failed("failed", f"while {spec.runner} was imported, {error}"))
    if reply.pop("event") != "ready":
        return Unusable(result=_not_importable(spec.runner, reply["reason"]))
    layout = asdict(spec.layout)
    return InterpreterRecord.model_validate({**reply, **layout, "alone": alone})


def _not_importable(runner: str, reason: str) -> Result:
    needs = runners.REGISTRY[runner].needs if runner in runners.REGISTRY else ()
    if not needs:
        return failed("failed", f"{runner} cannot be imported: {reason}")
    return failed("missing", f"{runner} needs {' and '.join(needs)}: pip install {' '.join(needs)} ({reason})")


def run_in(interpreter: Interpreter, request: Request, record: InterpreterRecord | None) -> Outcome:
    """Run one trial in `interpreter`; raises `WorkerEndedError` when that is gone and needs replacing."""
    with TemporaryDirectory(prefix="looptax-", ignore_cleanup_errors=True) as scratch:
        try:
            ended = interpreter.ask(_payload(request, scratch), request.timeout_s)
        except WorkerTimeoutError as error:
            result = failed("timeout", f"{error}; --timeout gives it longer")
            return Outcome(result=result, interpreter=record)
        result = _read_result(Path(scratch), ended.exit_code)
        if request.trace_to is not None and result.status == "ok":
            request.trace_to.parent.mkdir(exist_ok=True)
            shutil.move(Path(scratch) / files.TRACE, request.trace_to)
        return Outcome(result=result, interpreter=record, forks_s=ended.forks_s)


def _payload(request: Request, scratch: str) -> dict[str, Any]:
    cell, length = request.cell, request.length
    job = Job(
        workload=cell.workload,
        batch_size=cell.batch_size,
        epochs=length.epochs,
        steps_per_epoch=length.steps_per_epoch,
        device=cell.device.partition(":")[0],
        precision=cell.precision,
        optimizer=cell.optimizer,
        grad_accumulation=cell.grad_accumulation,
        grad_clip=cell.grad_clip,
        workers=cell.workers,
        seed=request.seed,
        output_dir=scratch,
    )
    fields = {"phase": request.phase, "threads": request.threads, "warmup_steps": length.warmup_steps}
    return {**fields, "scratch": scratch, "job": asdict(job)}


def _read_result(scratch: Path, exit_code: int) -> Result:
    if exit_code != 0:
        return failed(
            "killed" if exit_code < 0 else "failed", f"the process {how_it_ended(exit_code)}{_last_line(scratch)}"
        )
    path = scratch / files.RESULT
    if not path.exists():
        return failed("garbage", f"the process ended without a result{_last_line(scratch)}")
    try:
        return Result.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        return failed(
            "garbage", f"the result cannot be read: {first['msg']} at {'.'.join(map(str, first['loc'])) or 'top'}"
        )


def _last_line(scratch: Path) -> str:
    log = scratch / files.LOG
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return f": {lines[-1].strip()[:200]}" if lines else ""
