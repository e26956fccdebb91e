"""The launchers of some blocks: one a runner, device, environment and workload, all alive together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Protocol, TypeVar

from bench.execute.workers import cores
from bench.execute.workers.channel import WorkerEndedError, WorkerTimeoutError
from bench.execute.workers.interpreter import ForkServer
from bench.execute.workers.launchers import Brought, Forker, Launcher, Spawner
from bench.execute.workers.meeting import Meeting
from bench.execute.workers.request import Request, message_of
from bench.execute.workers.result import Outcome, failed
from bench.execute.workers.running import FarTrial, Running
from bench.execute.workers.spec import Spec
from bench.plan.schedule import Layout
from bench.records.schema import Cell, Scripts
from bench.records.schema import Interpreter as InterpreterRecord

Key = tuple[str, str, str, str]
"""A runner, a device, an environment, a workload."""

MAX_ALIVE = 16
"""How many interpreters may be alive at once; each holds some 400 MB, most of it shared with its siblings."""

Item = TypeVar("Item")


class OtherNodes(Protocol):
    """The nodes beside this one, of a run whose ranks are on several."""

    def start(self, request: Request) -> tuple[Meeting, FarTrial]:
        """Let them begin their part of a trial; where the part here finds them."""


def batches(
    units: Iterable[Sequence[Item]], key: Callable[[Item], Key], at_most: int = MAX_ALIVE
) -> Iterator[list[Sequence[Item]]]:
    """Pack units, which are never divided, in their order into batches that need at most `at_most` interpreters."""
    batch: list[Sequence[Item]] = []
    alive: set[Key] = set()
    for unit in units:
        needed = {key(item) for item in unit}
        if batch and len(alive | needed) > at_most:
            yield batch
            batch, alive = [], set()
        batch.append(unit)
        alive |= needed
    if batch:
        yield batch


class Pool:
    """Fresh interpreters for every (runner, device, environment, workload), from `open` to `close`.

    Those of one device and Python are forks of one process that has imported torch. With `one_by_one`
    each framework is imported while nothing else runs, so that its import time is a figure;
    otherwise as many import at once as there are cores. `packages` are the versions of what is compared, by
    environment: trials of an interpreter that has imported another one fail, each with that reason. `hides_imports` is
    as for `ForkServer.interpreter`.
    """

    def __init__(
        self,
        keys: Iterable[Key],
        *,
        pythons: Mapping[str, str],
        layout: Layout,
        threads: int,
        one_by_one: bool,
        packages: Mapping[str, Mapping[str, str]] | None = None,
        scripts: Scripts | None = None,
        hides_imports: bool = False,
        compiled_in: str | None = None,
        others: OtherNodes | None = None,
    ) -> None:
        self.keys = list(keys)
        self._packages, self._scripts = packages or {}, scripts
        self._hides_imports, self._compiled_in, self._others = hides_imports, compiled_in, others
        self._pythons, self._layout, self._threads = pythons, layout, threads
        self._at_once = 1 if one_by_one else cores.at_once()
        self._servers: dict[tuple[str, str], ForkServer] = {}
        self._launchers: dict[Key, Launcher] = {}
        self._broken: dict[Key, str] = {}

    def open(self) -> None:
        """Start every interpreter, and wait until all have imported their frameworks."""
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        """Start the next as soon as any is ready, all in this thread: a worker dies with the thread that started it."""
        waiting = ThreadPoolExecutor(self._at_once)
        starting: set[Future[None]] = set()
        try:
            for key in self.keys:
                if len(starting) == self._at_once:
                    done, starting = wait(starting, return_when=FIRST_COMPLETED)
                    for start in done:
                        start.result()
                forker = self._forker(key)
                if forker is not None:
                    starting.add(waiting.submit(self._await, key, forker))
            for start in starting:
                start.result()
        finally:
            waiting.shutdown(wait=False)
        self._start_all_alike()

    def _start_all_alike(self) -> None:
        """Fork none on a device where one cannot be forked: first steps and host memory of a fork are others."""
        no_fork = {key[1]: (key[0], each.no_fork) for key, each in self._launchers.items() if isinstance(each, Spawner)}
        for key, each in self._launchers.items():
            if isinstance(each, Forker) and each.forks and key[1] in no_fork:
                runner, reason = no_fork[key[1]]
                each.close()
                self._launchers[key] = self._spawner(key, f"as {runner} cannot be forked: {reason}")

    def _forker(self, key: Key) -> Forker | None:
        """A launcher whose interpreter begins to import its framework; None where its environment has no torch."""
        try:
            self._launchers[key] = forker = Forker(key[0], self._server(key), **self._brought(key))
            forker.begin()
        except (WorkerEndedError, WorkerTimeoutError) as error:
            self._broken[key] = f"while {key[0]} was imported, {error}"
            return None
        return forker

    def _spawner(self, key: Key, no_fork: str | None) -> Spawner:
        return Spawner(key[0], self._spec(key), no_fork, **self._brought(key))

    def _brought(self, key: Key) -> Brought:
        """What is trained: a workload, or what a script brings itself."""
        if self._scripts is None:
            return {"workload": key[3], "script": None, "hides_imports": self._hides_imports}
        return {"workload": None, "script": message_of(self._scripts, key[0]), "hides_imports": self._hides_imports}

    def _spec(self, key: Key) -> Spec:
        _, device, environment, _ = key
        python = self._pythons.get(environment, sys.executable)
        packages = self._packages.get(environment, {})
        return Spec(
            device=device,
            threads=self._threads,
            layout=self._layout,
            python=python,
            packages=packages,
            compiled_in=self._compiled_in,
        )

    def _server(self, key: Key) -> ForkServer:
        spec = self._spec(key)
        where = spec.device, spec.python
        if where not in self._servers:
            self._servers[where] = ForkServer(spec)
            self._servers[where].wait_until_up()
        return self._servers[where]

    def _await(self, key: Key, forker: Forker) -> None:
        ready = forker.ready(alone=self._at_once == 1)
        if isinstance(ready, InterpreterRecord) and ready.launch == "spawn":
            forker.close()
            self._launchers[key] = self._spawner(key, ready.no_fork)

    def close(self) -> None:
        """End every process."""
        for launcher in self._launchers.values():
            launcher.close()
        for server in self._servers.values():
            server.close()

    def start(self, request: Request) -> Running | Outcome:
        """Start one trial in its launcher."""
        key = key_of(request.cell)
        if key in self._broken:
            return Outcome(result=failed("failed", self._broken[key]), interpreter=None)
        if self._others is None or request.cell.nodes == 1:
            return self._launchers[key].start(request)
        meeting, far = self._others.start(request)
        running = self._launchers[key].start(replace(request, meeting=meeting))
        if isinstance(running, Outcome):
            far.over()
        else:
            running.far = far
        return running

    def run(self, request: Request) -> Outcome:
        """Run one trial that takes no turns to its end."""
        running = self.start(request)
        return running if isinstance(running, Outcome) else running.outcome(request.timeout_s)


def key_of(cell: Cell) -> Key:
    """Which launcher a cell needs."""
    return cell.runner, cell.device, cell.environment, cell.workload
