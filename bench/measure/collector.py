"""Python's collector while a loop trains: how long a full collection takes, and how often one comes.

A full collection looks at all objects there are. Up to Python 3.13 it comes when a quarter as many as the
last one left have survived younger collections since (`long_lived_pending` in CPython's `gcmodule.c`), and not before
the eleventh of these: with batches of 512 samples once in some 400 steps, which is more than a trial has. So what
survives is counted, which tells how often it comes however few are seen; a trial that is asked to makes some when its
last turn is over, to see how long they take. The first of a process does not count: a fork copies the pages of all
objects in it, which took as long again (29,000 pages, 180 ms, after imports of torch, Lightning and transformers).
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from time import perf_counter_ns

from bench.measure.ticks import Ticks

YOUNG, OLDER, OLDEST = 0, 1, 2
"""Collecting `OLDER` moves what survives to the oldest; collecting the oldest is a full collection."""
SHARE = 4
"""A full collection comes when one in so many of the oldest has been added."""
RARE_STEPS = 20_000
"""A full collection that comes more rarely costs less than a hundredth of a step of 1 ms."""
SEEN = 2
"""So many of a process that is asked to look at them, its first apart."""
COMES_BY_SURVIVORS = sys.version_info < (3, 14)
"""Since 3.14 no full collection comes by itself: what was one is done bit by bit, in many steps."""


class Collections:
    """Keeps the pauses of a turn in `ticks`, and what survives in all timed steps."""

    def __init__(self, ticks: Ticks, *, phase: int = 0, are_whole: bool = True) -> None:
        """Those that are not `are_whole` leave out what was imported: they are kept, but tell of no user's."""
        self._phase = phase
        self._pauses_ns = ticks.collector_ns
        self._are_whole = are_whole
        self._oldest = _oldest() if are_whole else 0
        self._paused_steps: list[int] = []
        self._full_ns: list[int] = []
        self._partials = self._survived = self._young = self._began_ns = 0

    def watch(self, current_step: Callable[[], int]) -> None:
        """Hear of every collection from now on, and by `current_step` of the step of the turn that it falls into."""

        def collected(phase: str, info: dict[str, int]) -> None:
            if info["generation"] == OLDEST:
                self._full(phase, current_step)
            elif info["generation"] == OLDER:
                self._partial(phase, info)

        gc.callbacks.append(collected)

    def _full(self, phase: str, current_step: Callable[[], int]) -> None:
        if phase == "start":
            self._began_ns = perf_counter_ns()
            return
        took_ns, step = perf_counter_ns() - self._began_ns, current_step()
        self._paused_steps.append(step)
        self._pauses_ns[step] += took_ns
        self._full_ns.append(took_ns)

    def _partial(self, phase: str, info: dict[str, int]) -> None:
        """A few thousand objects are counted where the collector has just looked at each of them."""
        if phase == "start":
            self._young = sum(len(gc.get_objects(generation=generation)) for generation in (YOUNG, OLDER))
        else:
            self._survived += self._young - info["collected"]
            self._partials += 1

    def begin(self) -> None:
        """Count what survives from now on: the timed steps begin.

        Where in a batch a younger collection comes, so how much survives it, is one of two after each full collection
        in turn: a plain script of Lightning at batch 512 has them 409 and 768 steps apart. A trial sees one of the two,
        always the same one if all begin alike; so that its blocks see both as often, as many collections of the
        youngest go before as its `phase` says.
        """
        for _ in range(self._phase % (gc.get_threshold()[OLDER] + 1)):
            gc.collect(YOUNG)
        self._partials = self._survived = 0

    def begin_turn(self) -> None:
        """Forget the pauses of the turn before, which the parent has read, and any since."""
        for step in self._paused_steps:
            self._pauses_ns[step] = 0
        self._paused_steps.clear()

    def result(self, steps: int, *, looks: bool) -> dict[str, float | list[int]] | None:
        """After so many timed steps; None where a full collection does not come by survivors, or leaves out imports.

        Where it `looks`, and they are not too rare to matter, it makes those that it has not seen.
        """
        if not COMES_BY_SURVIVORS or not gc.isenabled() or not self._are_whole:
            return None
        due = min(self._survived * SHARE / self._oldest, self._partials / (gc.get_threshold()[OLDEST] + 1))
        while looks and due * RARE_STEPS >= steps and len(self._full_ns) <= SEEN:
            gc.collect()
        return {"full_due": due, "full_ns": self._full_ns[1:]}


def _oldest() -> int:
    return len(gc.get_objects(generation=OLDEST))
