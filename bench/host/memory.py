"""Memory and swap, from Linux's `/proc`."""

from __future__ import annotations

from pathlib import Path

from bench.host import reading
from bench.host.reading import Readings
from bench.records.health import MemoryFacts

ROOT = Path("/")


def read(root: Path = ROOT) -> MemoryFacts:
    """Read what is available, what is in swap, and how much has moved to and from it."""
    meminfo, vmstat, found = root / "proc/meminfo", root / "proc/vmstat", Readings()
    found.add("available_bytes", lambda: _bytes(meminfo, "MemAvailable"))
    found.add("swap_used_bytes", lambda: _bytes(meminfo, "SwapTotal") - _bytes(meminfo, "SwapFree"))
    found.add("swapped_pages", lambda: sum(int(reading.fields(vmstat)[name]) for name in ("pswpin", "pswpout")))
    return MemoryFacts(**found.fields())


def _bytes(meminfo: Path, name: str) -> int:
    return int(reading.fields(meminfo)[name].split()[0]) * 1024
