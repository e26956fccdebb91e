"""Gives a forked process pages of its own before it is timed.

A fork shares every page of memory with its parent until it writes to it. The first write stops the process for a copy,
and a loop goes on writing to pages that it has not touched before, far beyond its warm-up: in 12 to 34 % of the steps
of a small model, some 12 µs each on a virtual machine (docs/method.md). A process that has imported its framework
itself pays nothing of the kind.
"""

from __future__ import annotations

import ctypes
import sys
from array import array
from collections.abc import Iterator
from itertools import pairwise
from mmap import PAGESIZE
from pathlib import Path

MADV_POPULATE_WRITE = 23
"""Copies pages as a write would, all in one call; Linux 5.14 and later (madvise(2))."""
PRESENT, EXCLUSIVE = 1 << 63, 1 << 56
"""Bits of a page in /proc/self/pagemap: it is in memory, and no other process has it (proc_pid_pagemap(5))."""

Range = tuple[int, int]
"""The first address, and the one past the last."""


def take() -> bool:
    """Copy all writable pages that are shared with the parent; false where that cannot be done.

    That is where there is no Linux of 5.14 or later, and in containers that hide the page tables.
    """
    if sys.platform != "linux":
        return False
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    try:
        shared = list(_shared())
    except OSError:
        return False
    return not any(madvise(start, end - start, MADV_POPULATE_WRITE) for start, end in shared)


def _shared() -> Iterator[Range]:
    """Ranges of writable pages that are in memory and not yet this process's own."""
    with Path("/proc/self/pagemap").open("rb", buffering=0) as pagemap:
        for start, end in _writable():
            pagemap.seek(start // PAGESIZE * 8)
            pages = array("Q", pagemap.read((end - start) // PAGESIZE * 8))
            for first, beyond in _runs(bytes(page & (PRESENT | EXCLUSIVE) == PRESENT for page in pages)):
                yield start + first * PAGESIZE, start + beyond * PAGESIZE


def _writable() -> list[Range]:
    """The private writable mappings of this process."""
    with Path("/proc/self/maps").open() as maps:
        fields = [line.split(maxsplit=2) for line in maps]
    ranges = [span.split("-") for span, access, _ in fields if access == "rw-p"]
    return [(int(start, 16), int(end, 16)) for start, end in ranges]


def _runs(flags: bytes) -> Iterator[Range]:
    """Where runs of 1 begin, and where they are over."""
    edges = [position for position, (left, right) in enumerate(pairwise(b"\0" + flags + b"\0")) if left != right]
    yield from zip(edges[::2], edges[1::2], strict=True)
