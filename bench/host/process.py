"""Memory and processor time of this process; standard library only, so that they can be read before all else."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

STATUS = Path("/proc/self/status")


@dataclass(frozen=True, kw_only=True, slots=True)
class Resident:
    """What a process has in memory, in bytes; None is what the system does not tell.

    Where it tells only the peak, as macOS does, all are the peak.
    """

    total: int
    peak: int | None
    anonymous: int | None
    """Without what is mapped from files, such as the code of libraries."""


def resident(status: Path = STATUS) -> Resident:
    """Read this process's figures, on Linux from `status`, else by `getrusage`.

    Not by `getrusage` on Linux: there it also remembers what the parent had resident before
    `exec`, which would charge the harness to the framework. Kernels that only look like Linux, such as
    gVisor, leave fields out.
    """
    if not status.exists():
        return _by_getrusage()
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    if "VmRSS" not in fields:
        return _by_getrusage()
    return Resident(
        total=_bytes(fields, "VmRSS") or 0,
        peak=_bytes(fields, "VmHWM"),
        anonymous=_bytes(fields, "RssAnon", "RssShmem"),
    )


def data_bytes(status: Path = STATUS) -> int:
    """What is private and can be written, as `RLIMIT_DATA` counts it; raises `OSError` where Linux does not tell."""
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    if "VmData" not in fields:
        raise OSError(f"{status} has no VmData")
    return _bytes(fields, "VmData") or 0


def _bytes(fields: dict[str, str], *names: str) -> int | None:
    """The sum of fields in KiB; None where one is not there."""
    if any(name not in fields for name in names):
        return None
    return sum(int(fields[name].split()[0]) for name in names) * 1024


def _by_getrusage() -> Resident:
    import resource  # not there on every system that has /proc

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Resident(total=peak, peak=peak, anonymous=peak)


def growth_bytes(before: Resident, now: Resident) -> int | None:
    """Return how much memory of its own this process had at its peak beyond what it had at `before`.

    Counted in anonymous memory, because a forked child has its parent's libraries mapped but not
    resident until it touches them. The kernel keeps no peak of it, but what is mapped from files
    only grows, so that the fall from the total's peak is a fall of anonymous memory. None where the
    system does not tell one of these.
    """
    if before.anonymous is None or now.anonymous is None or now.peak is None:
        return None
    peak_anonymous = now.anonymous + (now.peak - now.total)
    return max(0, peak_anonymous - before.anonymous)


def cpu_s() -> float:
    """Processor seconds, user and system, of this process and of its children that have been waited for.

    By `getrusage`, which the kernel keeps to the nanosecond for every process that has ended and was
    waited for, with all that these had waited for: exact, and nobody has to look while they run.
    """
    import resource  # not there on every system; whoever asks is on one that has it

    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
