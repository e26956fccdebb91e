"""What every way of starting a trial has in common: a request goes in, a trial under way comes out, then its result."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.execute.log import LOOK_S, Log
from bench.execute.workers import protocol
from bench.execute.workers.interpreter import (
    KILL_GRACE_S,
    Ended,
    Process,
    WorkerEndedError,
    WorkerTimeoutError,
    local,
)
from bench.execute.workers.protocol import Message
from bench.execute.workers.terminal import Terminal
from bench.plan.length import WarmUp
from bench.records import files
from bench.records.foreign_text import without_secrets
from bench.records.schema import (
    Cell,
    Collector,
    Compilation,
    Counters,
    EvaluationTime,
    Fingerprint,
    Length,
    Memory,
    Pass,
    Phases,
    PricedOption,
    ScriptFingerprint,
    Scripts,
    Status,
    Whole,
)
from bench.records.schema import Interpreter as InterpreterRecord
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
    """Until it ends; of a trial that takes turns until it has warmed up."""
    turn_timeout_s: float | None = None
    """Until its turn ends, where the user has named that."""
    end_timeout_s: float = 60.0
    """Until it has ended, when its turns are over."""
    trace_to: Path | None = None
    """Where the file that a trace pass leaves is kept."""
    warm_up: WarmUp = field(default_factory=WarmUp)
    cores: Sequence[int] = ()
    """The cores that it runs on; all where none is named."""
    is_alone: bool = True
    """Whether no other trial takes turns with it."""
    block: int = 0
    """Of which a trial that takes turns is one."""
    scripts: Scripts | None = None
    """Those of the run; its cell names one of them."""
    log_to: Path | None = None
    """Where what it has printed is kept: of a script its last trial of a name, of all one that failed, beside it."""
    event_steps: int | None = None
    """Steps from one event to the next, of an option that has any: they are counted apart."""
    has_terminal: bool = False
    """Whether it writes to a terminal, as people have one, and not to a file."""
    memory_limit_bytes: int | None = None
    """What it may have in memory at its peak, imports included; None: all that there is."""
    sees_collections: bool = False
    """Whether it looks how long full collections of garbage take when its turns are over."""


class AtEnd(BaseModel):
    """What a timed trial tells of itself when it ends; its times are in `Ticks`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    startup_ns: int
    warmup_steps: int
    memory: Memory
    memory_of_ranks: list[Memory] = []
    collector: Collector | None = None
    samples_per_step: float | None = None
    evaluation: EvaluationTime | None = None
    """Of a script, in all turns, those included that do not count."""
    whole: Whole | None = None
    energy_j: float | None = None
    """Of all turns, those included that do not count."""
    sm_clock_mhz: list[int] | None = None
    unavailable: dict[str, str] = {}


class Result(BaseModel):
    """What a worker leaves in `result.json`; anything else is garbage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    reason: str | None = None
    timing: AtEnd | None = None
    fingerprint: Fingerprint | None = None
    witnessed: list[ScriptFingerprint] = []
    counters: Counters | None = None
    phases: Phases | None = None
    setup: dict[str, str] = {}
    compilation: Compilation | None = None
    memory: Memory | None = None
    options: list[PricedOption] = []
    """What a script has switched on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a trial went, and in which interpreter."""

    result: Result
    interpreter: InterpreterRecord | None
    cpu_s: float = 0.0
    """Processor time of the trial, which this process cannot see itself."""


class Launcher(Protocol):
    """Starts trials of one runner on one device, each in a process of its own."""

    def start(self, request: Request) -> Running | Outcome:
        """Start one trial, or say how it went where it could not start; never raises for what the trial does."""

    def close(self) -> None:
        """End every process that was started."""


def failed(status: Status, reason: str) -> Result:
    """The result of a trial that has no figures."""
    return Result(status=status, reason=reason)


class Running:
    """A trial under way."""

    def __init__(self, request: Request, record: InterpreterRecord) -> None:
        self.request, self.record = request, record
        self._scratch = TemporaryDirectory(prefix="looptax-", ignore_cleanup_errors=True)
        self.scratch = Path(self._scratch.name)
        self.control: socket.socket | None = None
        """By which a trial that is timed gets its turns."""
        self._theirs: socket.socket | None = None
        if request.phase == "timing":
            self.control, self._theirs = socket.socketpair()
        self.log = Log(self.scratch / protocol.LOG)
        self.terminal = Terminal(self.log.path) if request.has_terminal else None
        self.process: Process

    @property
    def payload(self) -> Message:
        """What the worker is told."""
        return {**_payload(self.request), "scratch": str(self.scratch), "job": asdict(self._job())}

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the worker is handed."""
        control = () if self._theirs is None else (self._theirs.fileno(),)
        return control if self.terminal is None else (*control, self.terminal.theirs)

    def started(self, process: Process) -> Running:
        """Note the process, which has its end of the socket now."""
        self.process = process
        if self._theirs is not None:
            self._theirs.close()
        if self.terminal is not None:
            self.terminal.handed_over()
        return self

    def outcome(self, timeout_s: float) -> Outcome:
        """Wait for its end, kill it where that takes too long, and read what it left."""
        try:
            ended = self._ended(timeout_s)
        except WorkerTimeoutError:
            return self.killed(failed("timeout", f"killed after its timeout of {timeout_s:.0f} s; {LONGER}"))
        except WorkerEndedError as error:
            return self.killed(failed("killed", f"the interpreter was lost: {error}"))
        if self.terminal is not None:
            self.terminal.close()
        result = _read_result(self.scratch, ended.exit_code)
        if self.request.trace_to is not None and result.status == "ok":
            _keep(self.request.trace_to, (self.scratch / protocol.TRACE).read_bytes())
        self._keep_log(result)
        self._close()
        return Outcome(result=result, interpreter=self.record, cpu_s=ended.cpu_s)

    def _ended(self, timeout_s: float) -> Ended:
        """Wait for its end, and look after its log meanwhile; raises `WorkerTimeoutError`, `WorkerEndedError`."""
        deadline = monotonic() + timeout_s
        while (left_s := deadline - monotonic()) > LOOK_S:
            with suppress(WorkerTimeoutError):
                return self.process.ended(LOOK_S)
            self.look()
        return self.process.ended(max(left_s, 0.0))

    def look(self) -> None:
        """Look after its log, and that of those that started it."""
        self.log.look()
        self.process.log.look()

    def killed(self, result: Result) -> Outcome:
        """Kill it, because of what `result` says."""
        self.process.kill()
        cpu_s = 0.0
        with suppress(WorkerTimeoutError, WorkerEndedError):  # raised where whoever started it is gone, too
            cpu_s = self.process.ended(KILL_GRACE_S).cpu_s
        self._keep_log(result)
        self._close()
        return Outcome(result=result, interpreter=self.record, cpu_s=cpu_s)

    def refused(self, reason: str) -> Outcome:
        """Say that it could not be started."""
        if self._theirs is not None:
            self._theirs.close()
        self._close()
        return Outcome(result=failed("killed", reason), interpreter=self.record)

    def _keep_log(self, result: Result) -> None:
        to = self.request.log_to
        if to is None or not self.log.path.exists():
            return
        # A script may be loud, and what it says tells how it went; a runner says what is of interest where it fails.
        if result.status != "ok" or self.request.scripts is not None:
            told = without_secrets(self.log.kept())
            _keep(to if result.status == "ok" else to.with_suffix(f".failed{to.suffix}"), told.encode())

    def _close(self) -> None:
        if self.control is not None:
            self.control.close()
        if self.terminal is not None:
            self.terminal.close()
        self._scratch.cleanup()

    def _job(self) -> Job:
        cell, length = self.request.cell, self.request.length
        return Job(
            workload=cell.workload,
            batch_size=cell.batch_size,
            epochs=length.epochs,
            steps_per_epoch=length.steps_per_epoch,
            device=local(cell.device),
            precision=cell.precision,
            optimizer=cell.optimizer,
            grad_accumulation=cell.grad_accumulation,
            grad_clip=cell.grad_clip,
            workers=cell.workers,
            compile=cell.compile,
            ranks=cell.ranks,
            strategy=cell.strategy,
            seed=self.request.seed,
            output_dir=str(self.scratch),
        )


LONGER = "--timeout gives it longer"


def _keep(path: Path, content: bytes) -> None:
    """Keep what a trial has left; where there is no room for it, what was measured counts all the same."""
    try:
        path.parent.mkdir(exist_ok=True)
        files.write_bytes(path, content)
    except OSError as error:
        warnings.warn(f"{path} cannot be written: {error.strerror}; no figure needs it.", stacklevel=1)


def _payload(request: Request) -> Message:
    return {
        "phase": request.phase,
        "threads": request.threads,
        "warmup_steps": request.length.warmup_steps,
        "warm_up": asdict(request.warm_up),
        "cores": list(request.cores),
        "is_alone": request.is_alone,
        "block": request.block,
        "sees_collections": request.sees_collections,
        "script": None if request.scripts is None else message_of(request.scripts, request.cell.runner),
        "event_steps": request.event_steps,
        "has_terminal": request.has_terminal,
        "runner": request.cell.runner,
        "option": request.cell.option,
        "profile": request.cell.profile,
        "memory_limit_bytes": request.memory_limit_bytes,
    }


def message_of(scripts: Scripts, name: str) -> Message:
    """What a worker is told of one of the scripts."""
    return {**scripts.model_dump(exclude={"each"}), **scripts.script(name).model_dump()}


def _read_result(scratch: Path, exit_code: int) -> Result:
    if exit_code != 0:
        return failed(
            "killed" if exit_code < 0 else "failed",
            f"the process {protocol.how_it_ended(exit_code)}{_last_line(scratch)}",
        )
    path = scratch / protocol.RESULT
    if not path.exists():
        ended = "the loop ended its process before its job was done, as os._exit(0) does"
        return failed("failed", f"{ended}{_last_line(scratch)}")
    try:
        return Result.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        return failed(
            "garbage", f"the result cannot be read: {first['msg']} at {'.'.join(map(str, first['loc'])) or 'top'}"
        )


def _last_line(scratch: Path) -> str:
    try:
        with (scratch / protocol.LOG).open("rb") as log:
            line = protocol.last_line(log)
    except OSError:
        line = ""
    return f": {line[:200]}" if line else ""
