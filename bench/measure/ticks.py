"""What passes between a trial and its parent: words about turns, and the memory in which the times of a turn are left.

Standard library only: the parent, which imports no torch, reads what the trial writes.
"""

from __future__ import annotations

import mmap
import struct
from itertools import pairwise
from pathlib import Path

TURN = struct.Struct("i")
"""What the parent says: the steps of the next turn; 0 ends the trial."""
READY = struct.Struct("qqii")
"""What the trial says after its warm-up: nanoseconds to its first tick and of a typical step, steps made, and whether
it has other threads or processes."""
OVER = b"."
"""What the trial says after each turn."""
MIN_WAIT_NS = 1000
"""Shorter ones are what any interrupt costs."""
MAX_STEPS = 1024
"""Steps that a turn can have."""
_COLUMN = MAX_STEPS + 2
_WORD = 8


def turn_bytes(steps: int) -> int:
    """How long `Ticks.turn` is."""
    return 4 * (steps + 1) * _WORD


class Ticks:
    """One turn of a trial: four columns of nanoseconds, a row a step.

    Row 0 is the beginning of the turn, row k the tick of its k-th step.
    """

    def __init__(self, path: Path) -> None:
        """Map the file at `path`, which is made where it is not there."""
        size = 4 * _COLUMN * _WORD
        with path.open("a+b") as file:
            file.truncate(size)
            self._memory = mmap.mmap(file.fileno(), size)
        words = memoryview(self._memory).cast("q")
        self._columns = [words[column * _COLUMN : (column + 1) * _COLUMN] for column in range(4)]
        self.tick_ns, self.collector_ns, self.device_ns, self.waited_ns = self._columns
        """When the step ended; how long Python's collector paused it; how long it took by the device's events; how long
        its core ran something else."""

    def turn(self, steps: int) -> bytes:
        """A turn of so many steps, for a rank on another machine to `put` where the parent looks."""
        return b"".join(column[: steps + 1].tobytes() for column in self._columns)

    def put(self, turn: bytes) -> None:
        """Let this be the turn."""
        size = len(turn) // len(self._columns)
        for number, column in enumerate(self._columns):
            column[: size // _WORD] = memoryview(turn[number * size : (number + 1) * size]).cast("q")

    def steps_ns(self, steps: int) -> list[int]:
        """The time of each of the turn's `steps`, tick to tick."""
        ticks = self.tick_ns[: steps + 1].tolist()
        return [after - before for before, after in pairwise(ticks)]

    def pauses_ns(self, steps: int) -> dict[int, int]:
        """The collector's pauses by the step that they fell into, counted from 0; steps without one are left out."""
        return _seen(self.collector_ns, steps, at_least=1)

    def waits_ns(self, steps: int) -> dict[int, int]:
        """The same of the times when the core ran something else."""
        return _seen(self.waited_ns, steps, at_least=MIN_WAIT_NS)


def _seen(column: memoryview, steps: int, *, at_least: int) -> dict[int, int]:
    return {step: ns for step, ns in enumerate(column[1 : steps + 1].tolist()) if ns >= at_least}
