"""The search for the largest batch that a loop can train: doubling until one does not fit, then bisecting.

A plan, and what follows from the trials that were made of it: a run that goes on tries the same sizes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.records.base import Status
from bench.records.schema import Cell, Comparison, Machine, Pass, Trial
from trainloops import runners

if TYPE_CHECKING:
    from bench.plan.settings import Flags

PASS: Pass = "max-batch"  # noqa: S105 - a pass of a run
FLAG = "--find-max-batch"
START = "64"
"""Where it begins with a workload of small samples."""
CEILING = 2**20
"""Nobody trains more samples at once, and to collate them takes many seconds."""
RESOLUTION = 50
"""The search ends where the smallest that does not fit is larger by one in so many, or by one sample."""
DOES_NOT_FIT: tuple[Status, ...] = ("oom", "killed", "timeout")
"""Of a trial: any other failure is no matter of its size, and ends the search."""
USELESS = (
    "preset",
    "only",
    "trace",
    "blocks",
    "budget",
    "target_ci",
    "max_blocks",
    "steps",
    "warmup",
    "nproc_per_node",
    "nnodes",
    "rdzv_endpoint",
    "strategy",
)
"""Flags of what is timed or counted."""


@dataclass(frozen=True, slots=True)
class Search:
    """The trials of one loop so far, by size; `start` is the first one."""

    start: int
    tried: dict[int, Trial]

    @classmethod
    def of(cls, cell: Cell, trials: Iterable[Trial]) -> Search:
        """The search for `cell`, which has the first size."""
        largest = {}
        for trial in trials:
            if trial.phase == PASS and sized(trial.cell, cell.batch_size) == cell:
                largest[trial.cell.batch_size] = trial
        return cls(cell.batch_size, largest)

    @property
    def largest(self) -> Trial | None:
        """That of the largest batch that trains."""
        return max((trial for trial in self.tried.values() if trial.status == "ok"), key=_size, default=None)

    @property
    def smallest_failing(self) -> Trial | None:
        """That of the smallest batch that does not fit."""
        return min((trial for trial in self.tried.values() if trial.status in DOES_NOT_FIT), key=_size, default=None)

    @property
    def broken(self) -> Trial | None:
        """One that failed for another reason than its size."""
        ended = ("ok", *DOES_NOT_FIT)
        return next((trial for trial in self.tried.values() if trial.status not in ended), None)

    @property
    def next_size(self) -> int | None:
        """The batch to try next; None where the search is over."""
        if self.broken is not None:
            return None
        if not self.tried:
            return self.start
        good = 0 if self.largest is None else _size(self.largest)
        if self.smallest_failing is None:
            return min(2 * good, CEILING) if good < CEILING else None
        bad = _size(self.smallest_failing)
        if good == 0:
            return bad // 2 if bad > 1 else None
        return (good + bad) // 2 if bad - good > max(1, good // RESOLUTION) else None


def _size(trial: Trial) -> int:
    return trial.cell.batch_size


def sized(cell: Cell, batch_size: int) -> Cell:
    """The same with another batch."""
    return cell.model_copy(update={"batch_size": batch_size})


def refuse_alone(flags: Flags) -> None:
    """Raise `UsageError` for what means nothing without a search."""
    if flags.memory_limit is not None:
        raise UsageError(f"--memory-limit is how much memory {FLAG} may take: add that, or leave it out.")


def refuse_useless(flags: Flags) -> None:
    """Raise `UsageError` for what a search has no use for."""
    given = [f"--{name.replace('_', '-')}" for name in USELESS if getattr(flags, name) is not None]
    if given:
        raise UsageError(f"{FLAG} looks for a batch size and times nothing: leave {', '.join(given)} out.")
    if flags.batch_size is not None and "," in flags.batch_size:
        raise UsageError(f"--batch-size {flags.batch_size}: {FLAG} begins at one size; name one.")


def usual_runners() -> list[str]:
    """Whose batch is looked for where nobody is named: not `floor`'s, which holds several and is nobody's loop."""
    return [name for name in runners.REGISTRY if name != "floor"]


def memory_limit(comparisons: Iterable[Comparison], limit_bytes: int | None, machine: Machine) -> int | None:
    """What trials on a CPU may take; raises `UsageError` where that is not said, or more than there is."""
    on_cpu = [comparison for comparison in comparisons if comparison.device == "cpu"]
    if limit_bytes is None and on_cpu:
        raise UsageError(
            f"{FLAG} on a cpu needs --memory-limit, such as 2GiB: without one it would fill this machine's memory."
        )
    if limit_bytes is None:
        return None
    if not on_cpu:
        raise UsageError("--memory-limit is for a cpu, and an accelerator has a memory of its own: leave it out.")
    if any(comparison.workers for comparison in on_cpu):
        raise UsageError(f"--workers with {FLAG} on a cpu: what loader workers take cannot be limited; leave it out.")
    if machine.memory_bytes is not None and limit_bytes > machine.memory_bytes:
        there = f"{machine.memory_bytes / 2**30:.1f} GiB"
        raise UsageError(f"--memory-limit is more than there is here, which is {there}: name less.")
    return limit_bytes
