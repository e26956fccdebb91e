"""Memory and swap, from Linux's `/proc` and control groups, or what another system says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from bench.host import container, reading
from bench.host.reading import Readings
from bench.records.health import MemoryFacts

ROOT = Path("/")


def read(root: Path = ROOT) -> MemoryFacts:
    """Read what is available, what is in swap, and how much has moved to and from it."""
    meminfo, vmstat, readings = root / "proc/meminfo", root / "proc/vmstat", Readings()
    readings.add("available_bytes", lambda: available(root).size_bytes)
    readings.add("swap_used_bytes", lambda: _bytes(meminfo, "SwapTotal") - _bytes(meminfo, "SwapFree"))
    readings.add("swapped_pages", lambda: sum(int(reading.fields(vmstat)[name]) for name in ("pswpin", "pswpout")))
    return MemoryFacts(**readings.fields())


class Available(NamedTuple):
    """What processes may still take, and of whose memory."""

    size_bytes: int
    whose: str
    """`the host` or `the container`."""


def available(root: Path = ROOT) -> Available:
    """Of the machine's memory, or of what this process's control groups may have of it; raises `reading.CAUSES`."""
    of_host = _host_bytes(root)
    of_container = container.memory_left_bytes(root)
    if of_container is None or of_container >= of_host:
        return Available(of_host, "the host")
    return Available(of_container, "the container")


def _host_bytes(root: Path) -> int:
    if sys.platform == "linux":
        return _bytes(root / "proc/meminfo", "MemAvailable")
    import psutil  # not at the top: --help waits for no library

    return int(psutil.virtual_memory().available)


def resident_bytes(pid: int) -> int:
    """What a process has in memory; nothing of one that has ended."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _bytes(meminfo: Path, name: str) -> int:
    return int(reading.fields(meminfo)[name].split()[0]) * 1024
