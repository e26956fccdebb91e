"""The two ways to start a trial: as a fork of an interpreter that waits, or as a fresh interpreter.

Importing a framework takes seconds, a fork takes milliseconds. A fork is unsafe on macOS, and after a
framework has touched the accelerator while it was imported; the interpreter finds that out itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TypedDict, Unpack

from bench.execute import shell
from bench.execute.workers.channel import WorkerEndedError, WorkerTimeoutError
from bench.execute.workers.interpreter import ForkServer, Interpreter
from bench.execute.workers.protocol import Message
from bench.execute.workers.request import Request
from bench.execute.workers.result import Outcome, Result, failed
from bench.execute.workers.running import Running
from bench.execute.workers.spec import Spec
from bench.host.imported import parts
from bench.records.schema import Interpreter as InterpreterRecord
from trainloops import runners, workloads

PACKAGES_FOLDERS = ("site-packages", "dist-packages")
LIB_DEPTH = 3
"""They lie in lib/python3.x of an environment."""
Ready = InterpreterRecord | Result
"""An interpreter that has imported its framework, or how all of its trials end because it could not."""


def await_ready(interpreter: Interpreter, spec: Spec, *, alone: bool) -> Ready:
    """Wait until the framework is imported; `alone` tells whether the import's time is a figure."""
    try:
        reply = interpreter.ready()
    except (WorkerEndedError, WorkerTimeoutError) as error:
        return failed("failed", f"while {interpreter.runner} was imported, {error}")
    if reply.pop("event") != "ready":
        return _not_importable(interpreter, reply["what"], reply["reason"])
    reason = not_as_asked(reply.pop("harness"), reply["imported"], spec.packages)
    if reason is not None:
        return failed("failed", reason)
    imported = {name: {**facts, "path": from_environment(facts["path"])} for name, facts in reply["imported"].items()}
    return InterpreterRecord.model_validate({**reply, **asdict(spec.layout), "alone": alone, "imported": imported})


def from_environment(path: str) -> str:
    """A module's file as a record has it: where an environment lies is nobody's business, which one it is matters."""
    places = Path(path).parts
    packages = next((place for place, name in enumerate(places) if name in PACKAGES_FOLDERS), None)
    return path if packages is None else str(Path(*places[max(packages - LIB_DEPTH, 0) :]))


def not_as_asked(harness: str, imported: Mapping[str, Mapping[str, str]], packages: Mapping[str, str]) -> str | None:
    """Why an interpreter does not measure what it is named after; None where it does."""
    other = shell.other_harness(harness)
    if other is not None:
        return other
    for name, facts in imported.items():
        if "wrong" in facts:
            return f"{facts['wrong']}; {shell.way_out(facts['wrong'])}"
        if parts(facts["version"]) != parts(packages.get(name, facts["version"])):
            other = f"{facts['path']} is {name} {facts['version']}, and not {packages[name]}, which was asked for"
            return f"{other}; {shell.way_out(other)}"
    return None


def _not_importable(interpreter: Interpreter, what: str, reason: str) -> Result:
    if what == "workload" and interpreter.workload is not None:
        # Never `missing`, which would give up what else the runner trains.
        needs = workloads.needs([interpreter.workload])
        return failed("failed", _lacks(interpreter.workload, sorted(needs), "trained", reason))
    runner = interpreter.runner
    if interpreter.is_script:
        return failed("failed", f"its first imports fail: {reason}")
    built_in = runners.BUILT_IN[runner].needs if runner in runners.BUILT_IN else ()
    return failed("missing" if built_in else "failed", _lacks(runner, built_in, "imported", reason))


def _lacks(name: str, needs: Sequence[str], cannot: str, reason: str) -> str:
    if not needs:
        return f"{name} cannot be {cannot}: {reason}"
    return f"{name} needs {' and '.join(needs)}: pip install {' '.join(needs)} ({reason})"


class Launcher(Protocol):
    """Starts trials of one runner on one device, each in a process of its own."""

    def start(self, request: Request) -> Running | Outcome:
        """Start one trial, or say how it went where it could not start; never raises for what the trial does."""

    def close(self) -> None:
        """End every process that was started."""


class Brought(TypedDict, total=False):
    """What an interpreter imports beside its runner."""

    workload: str | None
    script: Message | None
    hides_imports: bool


class Forker:
    """Forks trials of one runner on one workload from an interpreter; starts that again where one takes it down."""

    def __init__(self, runner: str, server: ForkServer, **brought: Unpack[Brought]) -> None:
        self.runner, self._server, self._brought = runner, server, brought
        self._interpreter: Interpreter | None = None
        self._ready: Ready | None = None

    def begin(self) -> None:
        """Begin to import the framework; `ready` waits for it. Raises `WorkerEndedError`."""
        self._interpreter = self._server.interpreter(self.runner, fork=True, **self._brought)

    def ready(self, *, alone: bool) -> Ready:
        """Wait until the framework is imported; `alone` tells whether the import's time is a figure."""
        assert self._interpreter is not None
        self._ready = await_ready(self._interpreter, self._server.spec, alone=alone)
        return self._ready

    def start(self, request: Request) -> Running | Outcome:
        """Fork one trial."""
        if isinstance(self._ready, Result):
            return Outcome(result=self._ready, interpreter=None)
        assert self._interpreter is not None
        assert self._ready is not None
        running = Running(request, self._ready)
        try:
            return running.started(self._interpreter.start(running.message, running.descriptors))
        except (WorkerEndedError, WorkerTimeoutError):
            return self._start_again(running)

    def _start_again(self, running: Running) -> Running | Outcome:
        """Start it in another interpreter: the one it should have come from was lost with an earlier trial."""
        self.close()
        try:
            self.begin()
            ready = self.ready(alone=False)
            if isinstance(ready, Result):
                return running.refused(f"the interpreter was lost, and no other starts: {ready.reason}")
            if ready.launch != "fork":
                return running.refused(f"the interpreter was lost, and another cannot be forked: {ready.no_fork}")
            running.record = ready
            assert self._interpreter is not None
            return running.started(self._interpreter.start(running.message, running.descriptors))
        except (WorkerEndedError, WorkerTimeoutError) as error:
            return running.refused(f"the interpreter was lost: {error}")

    @property
    def forks(self) -> bool:
        """Whether it has an interpreter whose trials are forks."""
        return isinstance(self._ready, InterpreterRecord) and self._ready.launch == "fork"

    def close(self) -> None:
        """End the interpreter, and with it its trials."""
        if self._interpreter is not None:
            self._interpreter.close()


class Spawner:
    """Starts one interpreter for each trial, since its device cannot be used in forks; `no_fork` says why."""

    def __init__(self, runner: str, spec: Spec, no_fork: str | None = None, **brought: Unpack[Brought]) -> None:
        self._runner, self._spec, self.no_fork, self._brought = runner, spec, no_fork, brought
        self._started: list[ForkServer | Interpreter] = []

    def start(self, request: Request) -> Running | Outcome:
        """Start an interpreter, and let it be the process of one trial."""
        server = ForkServer(self._spec)
        self._started.append(server)
        try:
            server.wait_until_up()
            interpreter = server.interpreter(self._runner, fork=False, **self._brought)
            self._started.append(interpreter)
            ready = await_ready(interpreter, self._spec, alone=True)
            if isinstance(ready, Result):
                return Outcome(result=ready, interpreter=None)
            running = Running(request, ready.model_copy(update={"no_fork": self.no_fork}))
            return running.started(interpreter.become(running.message, running.descriptors))
        except (WorkerEndedError, WorkerTimeoutError) as error:
            return Outcome(result=failed("killed", str(error)), interpreter=None)

    def close(self) -> None:
        """End every interpreter that was started."""
        for interpreter in reversed(self._started):
            interpreter.close()
        self._started.clear()
