"""The process of a trial, as the parent sees it: it can be stopped, killed and waited for."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

from bench.execute.log import Log
from bench.execute.workers.children import signal_group
from bench.execute.workers.protocol import Message

KILL_GRACE_S = 10.0
"""For a process to end, or to answer what takes it no time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How the process of a trial ended."""

    exit_code: int
    """Negative for a signal."""
    cpu_s: float
    """Processor time of the trial, its own children included."""

    @classmethod
    def of(cls, message: Message) -> Ended:
        """What an `ended` of `children` says."""
        return cls(exit_code=message["exit_code"], cpu_s=message["cpu_s"])


@dataclass(frozen=True, slots=True)
class Process:
    """A trial's process, which leads a process group of its own."""

    pid: int
    ended: Callable[[float], Ended]
    """How it ended, waiting for so many seconds; raises `WorkerTimeoutError` or `WorkerEndedError`."""
    log: Log
    """Of those that started it."""

    def kill(self) -> None:
        """Kill it, and all that it has started."""
        signal_group(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Let it stand still, and all that it has started."""
        signal_group(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        signal_group(self.pid, signal.SIGCONT)
