"""What all processes together did on some processors: Linux's own count in `/proc/stat`.

Its ticks are 10 ms and are sampled, so that a window of a second is good to some 2 % of one core and
a block of ten seconds to half a per cent (docs/method.md).
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
BUSY = (0, 1, 2, 5, 6)
"""user, nice, system, irq, softirq; `guest` is in user already, and `iowait` is idle."""
STOLEN = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class CpuTimes:
    """Processor seconds since the machine was started, summed over some processors."""

    busy_s: float
    stolen_s: float
    """What the hypervisor gave to others while there was something to run here."""


class StatUnavailableError(Exception):
    """Why processor times cannot be had, in one phrase."""


def usable_cpus() -> frozenset[int]:
    """The processors that this process may use; raises `StatUnavailableError` where the system does not tell."""
    if not hasattr(os, "sched_getaffinity"):
        raise StatUnavailableError("this system does not report which processors a process may use")
    return frozenset(os.sched_getaffinity(0))


def cpu_times(cpus: Collection[int], proc: Path = PROC) -> CpuTimes:
    """The times of `cpus` until now; raises `StatUnavailableError`."""
    path = proc / "stat"
    try:
        rows = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line.startswith("cpu")]
    except OSError as error:
        raise StatUnavailableError(f"{path} cannot be read ({error.strerror})") from error
    wanted = {f"cpu{cpu}" for cpu in cpus}
    ticks = [[int(value) for value in row[1:]] for row in rows if row[0] in wanted]
    if not ticks or any(len(row) <= STOLEN for row in ticks):
        raise StatUnavailableError(f"{path} does not list the processors of this process")
    if not any(map(any, ticks)):  # a sandbox such as gVisor: no machine has been up for no time at all
        raise StatUnavailableError(f"{path} says 0 of everything")
    per_s = os.sysconf("SC_CLK_TCK")
    return CpuTimes(
        busy_s=sum(row[field] for row in ticks for field in BUSY) / per_s,
        stolen_s=sum(row[STOLEN] for row in ticks) / per_s,
    )
