"""A trial under way: what it is handed when it starts, its log and its turns meanwhile, its outcome when it ends."""

from __future__ import annotations

import socket
import warnings
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Protocol

from bench.execute.log import LOOK_S, Log
from bench.execute.workers import protocol
from bench.execute.workers.channel import WorkerEndedError, WorkerTimeoutError
from bench.execute.workers.protocol import Message
from bench.execute.workers.request import Request
from bench.execute.workers.result import Outcome, Result, failed, read_result
from bench.execute.workers.terminal import Terminal
from bench.execute.workers.trial_process import KILL_GRACE_S, Process
from bench.records import files
from bench.records.foreign_text import without_secrets
from bench.records.schema import Interpreter as InterpreterRecord

LONGER = "--timeout gives it longer"


class FarTrial(Protocol):
    """The part of a trial that is on other nodes."""

    def failure(self) -> Result | None:
        """How it failed; None where it has not, as far as is known now."""

    def judged(self, result: Result) -> Result:
        """How the whole went, whose part here went so."""

    def over(self) -> None:
        """Let it end: the part here has."""


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
        self.far: FarTrial | None = None
        """Its part on other nodes."""
        self._far_failure: Result | None = None
        self.log = Log(self.scratch / protocol.LOG)
        self.terminal = Terminal(self.log.path) if request.has_terminal else None
        self.process: Process

    @property
    def message(self) -> Message:
        """What its worker gets."""
        return self.request.message(self.scratch)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What is handed to the worker with the message."""
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
        """Wait for its end, kill it where that takes too long, and read what it left; its log is short meanwhile."""
        deadline = monotonic() + timeout_s
        while (outcome := self.poll(min(left_s := max(deadline - monotonic(), 0.0), LOOK_S))) is None:
            if left_s <= LOOK_S:
                return self.killed(failed("timeout", f"killed after its timeout of {timeout_s:.0f} s; {LONGER}"))
            self.look()
        return outcome

    def poll(self, wait_s: float = 0.0) -> Outcome | None:
        """How it went; None where it has not ended so soon."""
        try:
            ended = self.process.ended(wait_s)
        except WorkerTimeoutError:
            return None
        except WorkerEndedError as error:
            return self.killed(failed("killed", f"the interpreter was lost: {error}"))
        if self.terminal is not None:
            self.terminal.close()
        result = read_result(self.scratch, ended.exit_code)
        if self.far is not None:
            result = self._far_failure or self.far.judged(result)
        if self.request.trace_to is not None and result.status == "ok":
            _keep(self.request.trace_to, (self.scratch / protocol.TRACE).read_bytes())
        self._keep_log(result)
        self._close()
        return Outcome(result=result, interpreter=self.record, cpu_s=ended.cpu_s)

    def look(self) -> None:
        """Look after its log, and that of those that started it; where its part elsewhere has failed, kill it."""
        self.log.look()
        self.process.log.look()
        if self.far is not None and self._far_failure is None:
            self._far_failure = self.far.failure()
            if self._far_failure is not None:
                self.process.kill()

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
            printed = without_secrets(self.log.kept())
            _keep(to if result.status == "ok" else to.with_suffix(f".failed{to.suffix}"), printed.encode())

    def _close(self) -> None:
        if self.far is not None:
            self.far.over()
        if self.control is not None:
            self.control.close()
        if self.terminal is not None:
            self.terminal.close()
        self._scratch.cleanup()


def _keep(path: Path, content: bytes) -> None:
    """Keep what a trial has left; where there is no room for it, what was measured counts all the same."""
    try:
        path.parent.mkdir(exist_ok=True)
        files.write_bytes(path, content)
    except OSError as error:
        warnings.warn(f"{path} cannot be written: {error.strerror}; no figure needs it.", stacklevel=1)
