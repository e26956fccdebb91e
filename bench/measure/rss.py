"""Resident memory of this process; standard library only, so that it can be read before anything is imported."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_rss_bytes() -> int:
    """Peak resident memory of this process, in bytes.

    Linux's `VmHWM` rather than `getrusage`: the latter also remembers what the parent had resident
    before `exec`, which would charge the harness to the framework.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource  # not there on Windows, where this figure would have to come from elsewhere

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
