"""The machine at one instant, and what happened between two: the part that every run reads.

Without torch and in some ten milliseconds, since a run does it before its first trial and after its
last. Nothing is read while a trial runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from bench.host import container, cpu, memory, nvidia
from bench.host import processes as host_processes
from bench.host.proc_stat import CpuTimes, StatUnavailableError, cpu_times, usable_cpus
from bench.host.process import cpu_s
from bench.host.processes import Process
from bench.records.health import Activity, Health

ROOT = Path("/")
COUNTED = {
    "swapped_pages": "memory",
    "throttle_events": "cpu",
    "throttled_periods": "container",
    "throttled_s": "container",
}
"""What only ever grows, so that its growth describes a window, and the part of `Health` that has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Instant:
    """All that is read at once, the readings of a window's end included."""

    health: Health
    wall_clock_s: float
    steady_clock_s: float
    all: CpuTimes | None
    no_times: str | None
    """Why there are no processor times."""
    own_s: float
    processes: Mapping[int, Process]


def now(root: Path = ROOT, *, cards: Collection[str] | None = ()) -> Instant:
    """Read the machine; `cards` are the NVIDIA cards to ask about by their UUIDs, None for all, most often none."""
    try:
        times, why_not = cpu_times(usable_cpus(), root / "proc"), None
    except StatUnavailableError as error:
        times, why_not = None, str(error)
    asks = cards is None or len(cards) > 0
    health = Health(
        taken_at=datetime.now(UTC),
        cpu=cpu.read(root),
        memory=memory.read(root),
        container=container.read(root),
        nvidia=nvidia.read(cards) if asks else None,
    )
    return Instant(
        health=health,
        wall_clock_s=time.time(),
        steady_clock_s=time.monotonic(),
        all=times,
        no_times=why_not,
        own_s=cpu_s(),
        processes=host_processes.read(),
    )


def ended(before: Instant, after: Instant, *, moment: Literal["end"] | None = None) -> Health:
    """The machine at the end of a window, with what happened in it."""
    return after.health.model_copy(update={"moment": moment, "activity": activity(before, after)})


def activity(before: Instant, after: Instant) -> Activity:
    """What happened between two instants."""
    window_s = after.steady_clock_s - before.steady_clock_s
    values, unavailable = _grown(before.health, after.health)
    if before.all is None or after.all is None:
        unavailable["busy_cores"] = before.no_times or after.no_times or "it was not read"
    else:
        values |= _cores(before.all, after.all, after.own_s - before.own_s, window_s)
    return Activity(
        window_s=window_s,
        processes=host_processes.busiest(before.processes, after.processes, window_s=window_s, own=os.getpid()),
        # The steady clock is slewed together with the wall clock, but never set: what remains is steps.
        clock_step_s=(after.wall_clock_s - before.wall_clock_s) - window_s,
        unavailable=unavailable,
        **values,
    )


def _cores(before: CpuTimes, after: CpuTimes, own_s: float, window_s: float) -> dict[str, float]:
    return {
        "busy_cores": (after.busy_s - before.busy_s) / window_s,
        "own_cores": own_s / window_s,
        "stolen_cores": (after.stolen_s - before.stolen_s) / window_s,
    }


def _grown(before: Health, after: Health) -> tuple[dict[str, Any], dict[str, str]]:
    """By how much each counter grew, and why others are not known."""
    values: dict[str, Any] = {}
    unavailable: dict[str, str] = {}
    for name, part in COUNTED.items():
        first, last = getattr(before, part), getattr(after, part)
        if getattr(first, name) is None or getattr(last, name) is None:
            unavailable[name] = last.unavailable.get(name) or first.unavailable.get(name) or "it was not read"
        else:
            values[name] = getattr(last, name) - getattr(first, name)
    return values, unavailable
