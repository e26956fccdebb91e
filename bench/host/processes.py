"""Which processes use the processors: their own accounts in `/proc`, read at the ends of a window."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.host.proc_stat import PROC
from bench.records.health import ProcessShare

SHOWN = 5
LEAST_CORES = 0.01
"""Who uses less of one core over a window is not named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """One process at one instant."""

    pid: int
    parent: int
    name: str
    started_ticks: int
    """Tells it from another that gets its number later."""
    cpu_s: float


def read(proc: Path = PROC) -> dict[int, Process]:
    """Every process that can be seen, by its number."""
    per_s = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
    return {process.pid: process for process in _processes(proc, per_s)}


def _processes(proc: Path, per_s: int) -> Iterator[Process]:
    for folder in proc.iterdir() if proc.is_dir() else ():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:  # it has ended since its folder was listed, or hides from this user
                continue
            yield _parsed(int(folder.name), stat, per_s)


def _parsed(pid: int, stat: str, per_s: int) -> Process:
    """Fields of `/proc/PID/stat` are counted from after the name, which may hold spaces and brackets (proc(5))."""
    _, _, rest = stat.partition("(")
    name, _, after = rest.rpartition(")")
    fields = after.split()
    return Process(
        pid=pid,
        parent=int(fields[1]),
        name=name,
        started_ticks=int(fields[19]),
        cpu_s=(int(fields[11]) + int(fields[12])) / per_s,
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
    named = sorted((share for share in shares if share.cores >= LEAST_CORES), key=lambda share: -share.cores)
    return named[:SHOWN]


def _earlier(before: Process | None, process: Process) -> float:
    """What it had used at the first reading; nothing if it is not the same process."""
    if before is None or before.started_ticks != process.started_ticks:
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
