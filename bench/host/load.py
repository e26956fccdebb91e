"""How much others used the processors while a trial ran: read before it and after it, never meanwhile.

What all processes did comes from `/proc/stat`. What this run did comes from the kernel's own
accounts of ended processes: the parent's `getrusage`, and what each interpreter says of the trials that it
waited for. The difference is what others did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from bench.host.proc_stat import PROC, CpuTimes, StatUnavailableError, cpu_times, usable_cpus
from bench.host.process import cpu_s
from bench.records.schema import Load


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One instant: a clock, what all processes had used until then, and what this one had."""

    at_s: float
    all: CpuTimes
    own_s: float


class LoadMeter:
    """Reads the processors that this process may use; where they cannot be read, `unavailable` says why."""

    def __init__(
        self, proc: Path = PROC, *, own_s: Callable[[], float] = cpu_s, clock: Callable[[], float] = monotonic
    ) -> None:
        self._proc, self._own_s, self._clock = proc, own_s, clock
        self.unavailable: str | None = None
        try:
            self._cpus = usable_cpus()
            cpu_times(self._cpus, proc)
        except StatUnavailableError as error:
            self.unavailable = str(error)

    def read(self) -> Reading | None:
        """Read now; None where that cannot be done."""
        if self.unavailable is not None:
            return None
        return Reading(at_s=self._clock(), all=cpu_times(self._cpus, self._proc), own_s=self._own_s())

    def since(self, before: Reading | None, *, forks_s: float | None) -> Load | None:
        """What happened since a reading; `forks_s` is what processes used that this one did not wait for itself.

        None where there is no reading, or where it is not known what the run itself used.
        """
        now = self.read()
        if before is None or now is None or forks_s is None:
            return None
        return Load(
            wall_s=now.at_s - before.at_s,
            cpus=len(self._cpus),
            busy_s=now.all.busy_s - before.all.busy_s,
            own_s=now.own_s - before.own_s + forks_s,
            stolen_s=now.all.stolen_s - before.all.stolen_s,
        )
