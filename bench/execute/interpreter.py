"""The parent's end of one worker process: start it, ask it for trials, kill what hangs.

The parent only ever waits in blocking reads: a parent that spins would compete with the child it
measures.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Any

from bench.plan.devices import visibility
from bench.plan.schedule import Layout

READY_TIMEOUT_S = 300.0
KILL_GRACE_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """Which interpreter to start."""

    runner: str
    device: str
    threads: int
    layout: Layout
    python: str = sys.executable


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How the process of a trial ended."""

    exit_code: int
    """Negative for a signal."""
    forks_s: float
    """Processor time of a trial that was forked, its own children included; 0 where it was no fork, but the worker."""


class WorkerEndedError(Exception):
    """The worker process is gone; the text says how it ended."""


class WorkerTimeoutError(Exception):
    """The worker did not answer in time."""


class Interpreter:
    """One worker process and its pipe."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        # A new session: Ctrl-C reaches the parent alone, which then ends its workers in good order.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process that writes to it
        self._process = subprocess.Popen(
            [
                spec.python,
                "-m",
                "bench.execute.worker",
                json.dumps({"runner": spec.runner, "device": _local(spec.device)}),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment(spec),
            start_new_session=True,
        )
        self._replies: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._replies.put(line)
        self._replies.put("")  # the pipe is closed: the process has ended

    def read(self, timeout_s: float) -> dict[str, Any]:
        """The next reply; raises `WorkerTimeoutError` or `WorkerEndedError`."""
        try:
            line = self._replies.get(timeout=timeout_s)
        except queue.Empty:
            raise WorkerTimeoutError(f"no answer within {timeout_s:.0f} s") from None
        if not line:
            raise WorkerEndedError(f"the process {how_it_ended(self._process.wait())}{self._last_log_line()}")
        try:
            reply: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError:
            raise WorkerEndedError(f"the process wrote what is no reply: {line[:80]!r}") from None
        return reply

    def ask(self, request: Mapping[str, Any], timeout_s: float) -> Ended:
        """Run one trial and return how its process ended.

        Raises `WorkerTimeoutError` after killing a trial that took longer than `timeout_s`, and
        `WorkerEndedError` when the worker itself is gone.
        """
        deadline = monotonic() + timeout_s
        self._send(request)
        pid = self.read(timeout_s)["pid"]
        try:
            reply = self.read(max(deadline - monotonic(), 0.0))
        except WorkerTimeoutError:
            self._kill_trial(pid)
            raise WorkerTimeoutError(f"killed after its timeout of {timeout_s:.0f} s") from None
        return Ended(exit_code=reply["exit_code"], forks_s=reply.get("cpu_s", 0.0))

    def _send(self, request: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, OSError):
            raise WorkerEndedError(f"the process {how_it_ended(self._process.wait())}") from None

    def _kill_trial(self, pid: int) -> None:
        kill_group(pid)
        try:
            self.read(KILL_GRACE_S)  # the worker's word that the trial is gone; it stays usable
        except (WorkerTimeoutError, WorkerEndedError):
            self.close()

    def close(self) -> None:
        """End the worker and everything it started."""
        if self._process.poll() is None:
            kill_group(self._process.pid)
        self._process.wait()
        self._reader.join(KILL_GRACE_S)
        for stream in (self._process.stdin, self._process.stdout, self._log):
            _close(stream)

    def _last_log_line(self) -> str:
        self._log.seek(0)
        lines = [line for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        return f": {lines[-1].strip()}" if lines else ""


def _close(stream: IO[Any] | None) -> None:
    """Close a stream whose other end may be gone with what was still to be written."""
    assert stream is not None
    with contextlib.suppress(BrokenPipeError):
        stream.close()


def environment(spec: Spec) -> dict[str, str]:
    """The environment of a worker: the user's own, with what the method fixes."""
    fixed = {
        "PYTHONHASHSEED": str(spec.layout.hash_seed),
        "LOOPTAX_PADDING": "x" * spec.layout.padding_bytes,
        # More threads only add noise to loops that differ in Python; set before any library reads them.
        "OMP_NUM_THREADS": str(spec.threads),
        "MKL_NUM_THREADS": str(spec.threads),
        # Lets torch see cards without initialising the driver, which no fork would survive.
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        # Deterministic matrix products on CUDA need it, and it must be set before the first one.
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }
    return {**base_environment(), **fixed, **visibility(spec.device, dict(os.environ))}


def base_environment() -> dict[str, str]:
    """The user's environment, in which a child that changes its folder finds what this process found.

    Nothing is added to the import path: Accelerate searches all of it in every step, so that each
    entry of ours would be charged to it.
    """
    entries = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if not entries:
        return dict(os.environ)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(entry).resolve()) for entry in entries)}


def _local(device: str) -> str:
    """The device as the worker knows it: only one card is visible there, and it has index 0."""
    return device.partition(":")[0]


def kill_group(pid: int) -> None:
    """Kill a process and all in its group, if they are still there."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def how_it_ended(exit_code: int) -> str:
    """An exit code in words."""
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    name = signal.Signals(-exit_code).name
    hint = " (often the kernel, out of host memory)" if name == "SIGKILL" else ""
    return f"was killed by {name}{hint}"
