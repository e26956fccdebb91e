"""What trials are forked from, as the parent sees it: a server that has torch, interpreters that have a framework."""

from __future__ import annotations

import signal
import socket
import subprocess
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.execute.log import Log
from bench.execute.workers import protocol
from bench.execute.workers.channel import Channel, WorkerEndedError
from bench.execute.workers.children import signal_group
from bench.execute.workers.protocol import Message, how_it_ended
from bench.execute.workers.spec import Spec, environment, local
from bench.execute.workers.trial_process import KILL_GRACE_S, Ended, Process

READY_TIMEOUT_S = 300.0


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
        return Ended.of(message)

    def _how_it_ended(self) -> str:
        return f"{how_it_ended(self._process.wait(KILL_GRACE_S))}{self.last_words()}"

    def last_words(self) -> str:
        """What the server and its interpreters wrote last, after a colon; empty where they wrote nothing."""
        return protocol.last_words(self.log.path, longest=None)

    def close(self) -> None:
        """End the server and everything it started."""
        self._channel.close()
        try:
            self._process.wait(KILL_GRACE_S)
        except subprocess.TimeoutExpired:
            signal_group(self._process.pid, signal.SIGKILL)
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
        return Ended.of(self._channel.read(timeout_s, events=("ended",), child=number))

    def become(self, request: Message, descriptors: tuple[int, ...] = ()) -> Process:
        """Let the interpreter itself be the process of its one trial; raises as `start`."""
        process = self.start(request, descriptors)
        return Process(process.pid, lambda timeout_s: self._server.ended(self._number, timeout_s), self._server.log)

    def _how_it_ended(self) -> str:
        ended = self._server.ended(self._number, KILL_GRACE_S)
        return f"{how_it_ended(ended.exit_code)}{self._server.last_words()}"

    def close(self) -> None:
        """Let it end, and all of its trials."""
        self._channel.close()
