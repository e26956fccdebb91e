"""How steady the processors are: the same work again and again, timed in slices of some 10 ms.

python -m bench.host.jitter --seconds 10

It prints one JSON object, a `JitterFacts`: the time of every slice, core by core, and no figure made of them.

Two slices are timed on one core, then two on the next, and so on, so that all cores see the same
moments, and a core's two are what a pair of loops is that take turns on it. Only one core works at a
time: what is looked for is what others do to it, not what the cores do to each other. Standard
library alone, since a run does this before its first trial.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle

from bench.records.steadiness import CoreSlices, JitterFacts

MAX_CORES = 4
"""With more, a core would be visited too seldom for a second to tell anything of it."""
SLICE_NS = 10_000_000
"""About as long as a turn of a loop."""
COLD_UNITS = 2
"""At the start of a slice, not timed: the caches of a core that was just moved to belong to others."""
SLICES_A_VISIT = 2
MIN_VISITS = 4
"""Of each core, also where others take so much that a second has no room for them."""
ROWS = tuple({"weight": place, "value": float(place)} for place in range(64))
PASSES = 12
MEMORY_BYTES, COPIED_BYTES = 2**24, 2**20
"""More than most second-level caches hold, and the part of it that a unit copies."""
TRIES = 10
UNITS_A_TRY = 5

Unit = Callable[[], object]
Clock = Callable[[], int]


def unit() -> Unit:
    """A piece of work of some 150 µs: interpreted code and short-lived objects, then memory that is copied.

    Training steps are more easily disturbed than either alone: with memory that fits into a core's own
    cache, a machine seemed half as unsteady as to a training loop (docs/doctor.md).
    """
    source = memoryview(b"1" * MEMORY_BYTES)  # written to: zeros that nobody wrote are one page for all of it
    target = memoryview(bytearray(MEMORY_BYTES))
    parts = cycle(range(0, MEMORY_BYTES, COPIED_BYTES))

    def work() -> float:
        part, total = next(parts), 0.0
        for _ in range(PASSES):
            for row in ROWS:
                total += row["weight"] * row["value"]
            _ = [(row["weight"], total) for row in ROWS]
        target[part : part + COPIED_BYTES] = source[part : part + COPIED_BYTES]
        return total

    return work


def units_per_slice(work: Unit, clock: Clock = time.perf_counter_ns) -> int:
    """How many units take about `SLICE_NS`, by the fastest of a few tries: chosen once, the same for all slices."""
    fastest = min(time_slice_ns(work, UNITS_A_TRY, clock) for _ in range(TRIES))
    return max(1, round(SLICE_NS * UNITS_A_TRY / max(fastest, 1)))


def time_slice_ns(work: Unit, units: int, clock: Clock = time.perf_counter_ns) -> int:
    """The nanoseconds of one slice."""
    for _ in range(COLD_UNITS):
        work()
    start = clock()
    for _ in range(units):
        work()
    return clock() - start


def select_cores(usable: Sequence[int]) -> list[int]:
    """At most `MAX_CORES` of the processors, evenly spread, so that several sockets are seen."""
    count = min(len(usable), MAX_CORES)
    return [usable[place * len(usable) // count] for place in range(count)]


def probe(seconds: float, *, clock: Clock = time.perf_counter_ns) -> JitterFacts:
    """Time slices for so long, one core at a time; unpinned where this system cannot pin a process."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else None
    cores: list[int | None] = [None] if usable is None else [*select_cores(usable)]
    work = unit()
    units = units_per_slice(work, clock)
    slices: list[list[int]] = [[] for _ in cores]
    start = clock()
    while clock() - start < seconds * 1e9 or len(slices[-1]) < MIN_VISITS * SLICES_A_VISIT:
        for core, own in zip(cores, slices, strict=True):
            if core is not None:
                os.sched_setaffinity(0, {core})
            own += [time_slice_ns(work, units, clock) for _ in range(SLICES_A_VISIT)]
    return JitterFacts(
        wall_s=(clock() - start) / 1e9,
        units_per_slice=units,
        usable_cores=None if usable is None else len(usable),
        cores=[CoreSlices(core=core, slices_ns=own) for core, own in zip(cores, slices, strict=True)],
    )


def main() -> None:
    """Probe for as long as the command line says, and write what was seen to standard output."""
    parser = argparse.ArgumentParser(description="Time fixed work in slices, core by core.")
    parser.add_argument("--seconds", type=float, required=True)
    gc.disable()  # nothing here makes a cycle, and a collection would be a jitter of our own
    sys.stdout.write(probe(parser.parse_args().seconds).model_dump_json() + "\n")


if __name__ == "__main__":
    main()
