"""Resident memory of this process; standard library only, so that it can be read before anything is imported."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Resident:
    """What a process has in memory, in bytes. Where the system does not tell them apart, all are the peak."""

    total: int
    peak: int
    anonymous: int
    """Without what is mapped from files, such as the code of libraries."""


def read() -> Resident:
    """Read this process's figures, on Linux from `/proc`, else by `getrusage`.

    Not by `getrusage` on Linux: there it also remembers what the parent had resident before
    `exec`, which would charge the harness to the framework.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return _by_getrusage()
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    kib = {name: int(fields[name].split()[0]) for name in ("VmRSS", "VmHWM", "RssAnon", "RssShmem")}
    anonymous = kib["RssAnon"] + kib["RssShmem"]
    return Resident(total=kib["VmRSS"] * 1024, peak=kib["VmHWM"] * 1024, anonymous=anonymous * 1024)


def _by_getrusage() -> Resident:
    import resource  # not there on every system that has /proc

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Resident(total=peak, peak=peak, anonymous=peak)


def growth_bytes(before: Resident, now: Resident) -> int:
    """Return how much memory of its own this process had at its peak beyond what it had at `before`.

    Counted in anonymous memory, because a forked child has its parent's libraries mapped but not
    resident until it touches them. The kernel keeps no peak of it, but what is mapped from files
    only grows, so that the fall from the total's peak is a fall of anonymous memory.
    """
    peak_anonymous = now.anonymous + (now.peak - now.total)
    return max(0, peak_anonymous - before.anonymous)
