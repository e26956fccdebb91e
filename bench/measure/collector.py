"""When Python's collector looks at all objects there are, and when in a trial it does so first.

A full collection comes when a quarter as many objects have survived the younger generations as were
there at the last one. What a loop allocates is deterministic, so that in every trial it would come at the same
step, or in none: luck that repeats. So each trial begins somewhere else on the way to the next one.
"""

from __future__ import annotations

import gc

OLDER = 1
"""Collecting this generation moves what survives to the oldest, where it counts for the next full collection."""
OLDEST = 2
SHARE = 4
"""Python's own: one in so many of the objects that a full collection has left."""


def begin_at(fraction: float) -> None:
    """Let this process be `fraction` of the way from one full collection to the next, if it has made one just now."""
    if gc.isenabled():
        passing: list[list[object]] = [
            [] for _ in range(int(fraction * len(gc.get_objects(generation=OLDEST)) / SHARE))
        ]
        gc.collect(OLDER)
        del passing
