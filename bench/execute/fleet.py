"""The launchers of one block: one a runner, device and environment, all alive together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import TypeVar

from bench.execute.interpreter import Spec
from bench.execute.launcher import Launcher, Outcome, Request
from bench.execute.spawn import Spawner
from bench.execute.zygote import Zygote
from bench.plan.schedule import Layout
from bench.records.schema import Cell

Key = tuple[str, str, str]


MOST_ALIVE = 16
"""How many interpreters may be alive at once; each holds some 400 MB."""

Item = TypeVar("Item")


def batches(
    units: Iterable[Sequence[Item]], key: Callable[[Item], Key], at_most: int = MOST_ALIVE
) -> Iterator[list[Item]]:
    """Pack units, which are never divided, in their order into batches that need at most `at_most` interpreters."""
    batch: list[Item] = []
    alive: set[Key] = set()
    for unit in units:
        needed = {key(item) for item in unit}
        if batch and len(alive | needed) > at_most:
            yield batch
            batch, alive = [], set()
        batch += unit
        alive |= needed
    if batch:
        yield batch


class Fleet:
    """Fresh interpreters for every (runner, device, environment), started when entered and ended when left.

    With `one_by_one` each framework is imported while nothing else runs, so that its import time
    is a figure; otherwise as many import at once as there are cores, which is what blocks do.
    """

    def __init__(
        self, keys: Iterable[Key], *, pythons: Mapping[str, str], layout: Layout, threads: int, one_by_one: bool
    ) -> None:
        self._specs = {
            key: Spec(
                runner=key[0],
                device=key[1],
                threads=threads,
                layout=layout,
                python=pythons.get(key[2], sys.executable),
            )
            for key in keys
        }
        self._at_once = 1 if one_by_one else max(1, os.cpu_count() or 1)
        self._launchers: dict[Key, Launcher] = {}

    def __enter__(self) -> Fleet:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def _start(self) -> None:
        """Start the next as soon as any is ready, all in this thread: a worker dies with the thread that started it."""
        waiting = ThreadPoolExecutor(self._at_once)
        starting: set[Future[None]] = set()
        try:
            for key, spec in self._specs.items():
                if len(starting) == self._at_once:
                    done, starting = wait(starting, return_when=FIRST_COMPLETED)
                    for each in done:
                        each.result()
                self._launchers[key] = zygote = Zygote(spec)
                zygote.start()
                starting.add(waiting.submit(self._await, key, zygote))
            for each in starting:
                each.result()
        finally:
            waiting.shutdown(wait=False)

    def _await(self, key: Key, zygote: Zygote) -> None:
        zygote.ready(alone=self._at_once == 1)
        if not zygote.can_fork:
            zygote.close()
            self._launchers[key] = Spawner(self._specs[key])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process of the block."""
        for launcher in self._launchers.values():
            launcher.close()

    def run(self, request: Request) -> Outcome:
        """Run one trial in the launcher of its runner and device."""
        return self._launchers[key_of(request.cell)].run(request)


def key_of(cell: Cell) -> Key:
    """Which launcher a cell needs."""
    return cell.runner, cell.device, cell.environment
