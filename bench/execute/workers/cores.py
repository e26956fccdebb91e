"""Which cores trials run on, which are left to the parent, and how many there are for processes that start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from bench.host import container


def for_trials(*, threads: int, workers: int, device: str) -> list[int]:
    """The cores that all trials of a comparison share: one for each thread and loader worker, the last there are.

    Cores are unlike each other, so trials that are compared use the same ones. None, which is all of
    them, where there are no more, where the system cannot pin, and on an accelerator, whose autograd
    thread would be squeezed onto the core of the main thread.
    """
    if not hasattr(os, "sched_getaffinity") or device != "cpu":
        return []
    usable = sorted(os.sched_getaffinity(0))
    needed = threads + workers
    return usable[-needed:] if needed < len(usable) else []


def at_once() -> int:
    """How many processes can work at the same time: the processors that this one may use, within its quota."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = container.read().quota_cpus
    return usable if quota is None else max(min(usable, int(quota)), 1)


@contextmanager
def leaving(cores: list[int]) -> Iterator[None]:
    """Keep this process off `cores` meanwhile."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before - set(cores))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
