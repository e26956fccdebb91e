"""The parent's end of the worker processes: start them, ask them for interpreters and trials, end them.

The parent only ever waits in blocking reads: a parent that spins would compete with the child it
measures.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from bench.execute.log import LOOK_S, Log
from bench.execute.shell import variables
from bench.execute.workers import protocol
from bench.execute.workers.children import kill_group
from bench.execute.workers.protocol import Message, Receiver, how_it_ended, send
from bench.plan.devices import visibility
from bench.plan.schedule import Layout
from bench.plan.variables import without_launchers

READY_TIMEOUT_S = 300.0
KILL_GRACE_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """Which process to start: a Python, what it sees, and how it is laid out in memory."""

    device: str
    threads: int
    layout: Layout
    python: str = sys.executable
    packages: Mapping[str, str] = field(default_factory=dict)
    """Versions of the packages that are compared, by normalised name: those that it has to import."""
    compiled_in: str | None = None
    """The folder of code that `torch.compile` makes; None is torch's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How the process of a trial ended."""

    exit_code: int
    """Negative for a signal."""
    cpu_s: float
    """Processor time of the trial, its own children included."""


class WorkerEndedError(Exception):
    """The worker process is gone; the text says how it ended."""


class WorkerTimeoutError(Exception):
    """The worker did not answer in time."""


class Channel:
    """A socket to a worker. What it tells of one child may come while another is waited for, and is kept.

    Whoever waits looks after the worker's log meanwhile.
    """

    def __init__(self, ours: socket.socket, how_it_ended: Callable[[], str], log: Log) -> None:
        self._control, self._log = ours, log
        self._how_it_ended = cache(how_it_ended)  # told once by whoever started it
        self._receiver = Receiver(ours)
        self._kept: list[Message] = []

    def send(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """Ask for something; raises `WorkerEndedError`."""
        try:
            send(self._control, message, descriptors)
        except OSError:
            raise WorkerEndedError(f"the process {self._how_it_ended()}") from None

    def read(self, timeout_s: float, *, events: Iterable[str], child: int | None = None) -> Message:
        """The next of these events, of one child if one is named.

        Raises `WorkerTimeoutError` or `WorkerEndedError`.
        """
        deadline = monotonic() + timeout_s
        while True:
            found = next((m for m in self._kept if m["event"] in events and m.get("id") == child), None)
            if found is not None:
                self._kept.remove(found)
                return found
            left_s = deadline - monotonic()
            message = self._receive(min(left_s, LOOK_S))
            if message is not None:
                self._kept.append(message)
            elif left_s <= LOOK_S:
                raise WorkerTimeoutError(f"no answer within {timeout_s:.0f} s")

    def _receive(self, wait_s: float) -> Message | None:
        """The next message; None where none has come."""
        self._control.settimeout(max(wait_s, 1e-3))
        try:
            received = self._receiver.receive()
        except TimeoutError:
            self._log.look()
            return None
        except OSError:
            received = None
        except ValueError:
            raise WorkerEndedError("the process wrote what is no reply") from None
        if received is None:
            raise WorkerEndedError(f"the process {self._how_it_ended()}")
        return received[0]

    def close(self) -> None:
        """Close it, upon which the worker ends with all that it started."""
        self._control.close()


class ForkServer:
    """A process that has imported torch and forks interpreters."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._numbers = count()
        self._scratch = TemporaryDirectory(prefix="looptax-", ignore_cleanup_errors=True)
        self.log = Log(Path(self._scratch.name) / protocol.LOG)
        ours, theirs = socket.socketpair()
        # A new session: Ctrl-C reaches the parent alone, which then ends its workers in good order.
        with self.log.created() as log:
            self._process = subprocess.Popen(
                [spec.python, "-P", "-m", "bench.execute.workers.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(spec),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        theirs.close()
        self._channel = Channel(ours, self._how_it_ended, self.log)

    def wait_until_up(self) -> None:
        """Wait until torch is imported; raises `WorkerEndedError` with the reason where it cannot be."""
        up = self._channel.read(READY_TIMEOUT_S, events=("up", "failed"))
        if up["event"] == "failed":
            raise WorkerEndedError(f"torch cannot be imported: {up['reason']}")

    def interpreter(
        self,
        runner: str,
        *,
        workload: str | None = None,
        script: Message | None = None,
        hides_imports: bool = False,
        fork: bool,
        try_device: bool = False,
    ) -> Interpreter:
        """Fork an interpreter that imports the framework of `runner`, and `workload` if its trials train one.

        With `script` it imports what that imports first, instead of both; `runner` is then the script's name.
        `hides_imports` keeps Python's collector from all of that in its forks, which a collection that a framework
        makes at its start would copy: 0.4 s of each trial of Trainer.

        `fork` says whether its trials may be forks. With `try_device` it says no more than whether it can use the
        device, and ends.

        Raises `WorkerEndedError` or `WorkerTimeoutError`.
        """
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        request: Message = {"id": number, "runner": runner, "device": local(self.spec.device), "fork": fork}
        request |= {"try_device": try_device, "workload": workload, "compared": sorted(self.spec.packages)}
        request |= {"script": script, "hides_imports": hides_imports}
        try:
            self._channel.send(request, (theirs.fileno(),))
        finally:
            theirs.close()
        return Interpreter(runner, workload, self, number, ours, is_script=script is not None)

    def ended(self, number: int, timeout_s: float) -> Ended:
        """How an interpreter ended; raises `WorkerTimeoutError`."""
        try:
            message = self._channel.read(timeout_s, events=("ended",), child=number)
        except WorkerEndedError:  # lost, or where there is no fork itself the interpreter
            return Ended(exit_code=self._process.wait(KILL_GRACE_S), cpu_s=0.0)
        return Ended(exit_code=message["exit_code"], cpu_s=message["cpu_s"])

    def _how_it_ended(self) -> str:
        return f"{how_it_ended(self._process.wait(KILL_GRACE_S))}{self.last_log_line()}"

    def last_log_line(self) -> str:
        """What the server and its interpreters wrote last, after a colon; empty where they wrote nothing."""
        return protocol.last_words(self.log.path, longest=None)

    def close(self) -> None:
        """End the server and everything it started."""
        self._channel.close()
        try:
            self._process.wait(KILL_GRACE_S)
        except subprocess.TimeoutExpired:
            kill_group(self._process.pid)
            self._process.wait()
        self._scratch.cleanup()


class Interpreter:
    """A process that has imported a framework, and forks trials."""

    def __init__(
        self,
        runner: str,
        workload: str | None,
        server: ForkServer,
        number: int,
        ours: socket.socket,
        *,
        is_script: bool = False,
    ) -> None:
        self.runner, self.workload, self.is_script = runner, workload, is_script
        self._server, self._number = server, number
        self._trials = count()
        self._channel = Channel(ours, self._how_it_ended, server.log)

    def ready(self) -> Message:
        """What it says once it has imported its framework, or could not; raises as `Channel.read`."""
        return self._channel.read(READY_TIMEOUT_S, events=("ready", "missing", "failed"))

    def start(self, request: Message, descriptors: tuple[int, ...] = ()) -> Process:
        """Start the process of a trial; raises `WorkerEndedError` or `WorkerTimeoutError`."""
        number = next(self._trials)
        self._channel.send({**request, "id": number}, descriptors)
        pid = self._channel.read(KILL_GRACE_S, events=("started",), child=number)["pid"]
        return Process(pid, lambda timeout_s: self._ended(number, timeout_s), self._server.log)

    def _ended(self, number: int, timeout_s: float) -> Ended:
        message = self._channel.read(timeout_s, events=("ended",), child=number)
        return Ended(exit_code=message["exit_code"], cpu_s=message["cpu_s"])

    def become(self, request: Message, descriptors: tuple[int, ...] = ()) -> Process:
        """Let the interpreter itself be the process of its one trial; raises as `start`."""
        process = self.start(request, descriptors)
        return Process(process.pid, lambda timeout_s: self._server.ended(self._number, timeout_s), self._server.log)

    def _how_it_ended(self) -> str:
        ended = self._server.ended(self._number, KILL_GRACE_S)
        return f"{how_it_ended(ended.exit_code)}{self._server.last_log_line()}"

    def close(self) -> None:
        """Let it end, and all of its trials."""
        self._channel.close()


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
        kill_group(self.pid)

    def stop(self) -> None:
        """Let it stand still, and all that it has started."""
        _signal_group(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        _signal_group(self.pid, signal.SIGCONT)


def _signal_group(pid: int, which: signal.Signals) -> None:
    try:
        os.killpg(pid, which)
    except (ProcessLookupError, PermissionError):
        return


def environment(spec: Spec) -> dict[str, str]:
    """The environment variables of a worker: the user's own, with what the method fixes."""
    fixed = {
        "PYTHONHASHSEED": str(spec.layout.hash_seed),
        "LOOPTAX_PADDING": "x" * spec.layout.padding_bytes,
        # More threads only add noise to loops that differ in Python; set before any library reads them.
        "OMP_NUM_THREADS": str(spec.threads),
        "MKL_NUM_THREADS": str(spec.threads),
        # Lets torch see cards without initialising the driver, which no fork would survive.
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    }
    if spec.compiled_in is not None:
        fixed["TORCHINDUCTOR_CACHE_DIR"] = spec.compiled_in
    return {**without_launchers(variables(spec.python)), **fixed, **visibility(spec.device, dict(os.environ))}


def local(device: str) -> str:
    """The device as the worker knows it: only one card is visible there, and it has index 0."""
    return device.partition(":")[0]
