"""What `torch.compile` does while a loop trains: how many graphs, how long that takes, and whether it goes on later.

By torch's own callbacks around each compilation and by its counters, of this process from its beginning.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any


class NothingCompiledError(RuntimeError):
    """The loop took no notice of its job's `compile`."""


class Compilations:
    """Watches from `watch` on; is a meter of turns, too."""

    def __init__(self) -> None:
        self._began_ns = self._spent_ns = self._ended = self._before = self._in_turns = 0

    def watch(self) -> Compilations:
        """Hear of every compilation from now on."""
        # Imports torch's compiler, which the optimizer of a trial has brought: never where nothing is compiled.
        from torch._dynamo.callback import callback_handler

        callback_handler.register_start_callback(self._starts)
        callback_handler.register_end_callback(self._ends)
        return self

    def _starts(self, *_: object) -> None:
        self._began_ns = perf_counter_ns()

    def _ends(self, *_: object) -> None:
        self._spent_ns += perf_counter_ns() - self._began_ns
        self._ended += 1

    def begin(self) -> None:
        """A turn begins."""
        self._before = self._ended

    def end(self) -> None:
        """A turn ends: what was compiled in it took timed steps."""
        self._in_turns += self._ended - self._before

    def result(self) -> dict[str, Any]:
        """No field of `records.schema.Timing`: `record` has what it saw."""
        return {"unavailable": {}}

    def record(self) -> dict[str, Any]:
        """The fields of `records.schema.Compilation`; raises `NothingCompiledError`."""
        from torch._dynamo.utils import counters

        graphs = counters["stats"]["unique_graphs"]
        if graphs == 0:
            raise NothingCompiledError("the loop has compiled nothing, though its job's `compile` asks for it")
        return {
            "seconds": self._spent_ns / 1e9,
            "graphs": graphs,
            "graph_breaks": sum(counters["graph_break"].values()),
            "in_turns": self._in_turns,
        }
