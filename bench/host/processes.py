"""Which processes use the processors: the system's accounts of them, read at the ends of a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.records.health import ProcessShare

MAX_LISTED = 5
MIN_CORES = 0.01
"""Who uses less of one core over a window is not named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """One process at one instant."""

    pid: int
    parent: int
    name: str
    started_at_s: float
    """Tells it from another that gets its number later."""
    cpu_s: float


def read() -> dict[int, Process]:
    """Every process whose account this user may see, by its number."""
    import psutil  # not at the top: --help waits for no library

    seen = psutil.process_iter(["ppid", "name", "create_time", "cpu_times"])
    return {
        process.pid: _process(process.pid, process.info) for process in seen if process.info["cpu_times"] is not None
    }


def _process(pid: int, info: Mapping[str, Any]) -> Process:
    times = info["cpu_times"]
    return Process(
        pid=pid,
        parent=info["ppid"],
        name=info["name"],
        started_at_s=info["create_time"],
        cpu_s=times.user + times.system,
    )


def busiest(
    before: Mapping[int, Process], after: Mapping[int, Process], *, window_s: float, own: int
) -> list[ProcessShare]:
    """Who used most between two readings, process `own` and all that descend from it left out."""
    shares = [
        ProcessShare(pid=pid, name=process.name, cores=(process.cpu_s - _earlier(before.get(pid), process)) / window_s)
        for pid, process in after.items()
        if not _descends(process, own, after)
    ]
    named = sorted((share for share in shares if share.cores >= MIN_CORES), key=lambda share: -share.cores)
    return named[:MAX_LISTED]


def _earlier(before: Process | None, process: Process) -> float:
    """What it had used at the first reading; nothing if it is not the same process."""
    if before is None or before.started_at_s != process.started_at_s:
        return 0.0
    return before.cpu_s


def _descends(process: Process, own: int, every: Mapping[int, Process]) -> bool:
    seen: set[int] = set()
    while process.pid not in seen:
        if process.pid == own:
            return True
        seen.add(process.pid)
        parent = every.get(process.parent)
        if parent is None:
            return False
        process = parent
    return False
