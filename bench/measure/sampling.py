"""Exclusive wall time by Python function, by sampling: a profiler that hooks every call makes small ones look dear.

A timer interrupts the loop's thread two thousand times a second of wall time, and the function that
it is in then gets the sample. What that function waits for or does in C is its own; what happens
inside Python's library is its caller's, as in the counts (see `sites`). Python hears of the timer only
when a call into C returns, and then once, however often it rang meanwhile: all of these samples are
that function's. Samples that find one of our own instruments at work, or what it called, are nobody's,
so that it may run beside the splitting of phases. A script that has an alarm or a handler of its own keeps
them: the timer would ring in there, so nothing is sampled.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter_ns
from types import FrameType
from typing import Any

from torch.optim import Optimizer

from bench.measure.hooks import after_each_step
from bench.measure.sites import Site, is_instruments_work, site_of

INTERVAL_S = 0.0005
"""A signal costs some 20 µs of a virtual machine: at this rate 3 to 9 % of the run, at ten thousand a second 24 %."""
INTERVAL_NS = 500_000


class Sampler:
    """Samples from the tick that ends the warm-up to the last tick; made by `sampling`."""

    def __init__(self, *, steps: int, warmup_steps: int) -> None:
        self._steps, self._warmup_steps = steps, warmup_steps
        self._samples: Counter[Site] = Counter()
        self._nobodys = 0
        self._ticks = self._rung = 0
        self._rings = False
        self._start_ns = self._region_ns = 0

    def tick(self, _: Optimizer) -> None:
        """Count a step; the first and the last of the region start and stop the timer."""
        self._ticks += 1
        if self._ticks == self._warmup_steps:
            self._start_ns = perf_counter_ns()
            self._rings = self.has_the_handler and not any(signal.getitimer(signal.ITIMER_REAL))
            if self._rings:
                signal.setitimer(signal.ITIMER_REAL, INTERVAL_S, INTERVAL_S)
        elif self._ticks == self._steps:
            self.stop()
            self._region_ns = perf_counter_ns() - self._start_ns

    def stop(self) -> None:
        """Take no more samples."""
        if self._rings and self.has_the_handler:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self._rings = False

    @property
    def has_the_handler(self) -> bool:
        """Whether the loop has left the alarm to us."""
        return signal.getsignal(signal.SIGALRM) == self.take

    def take(self, _: int, frame: FrameType | None) -> None:
        """Charge all samples that are due to the function that was at work when the signal came."""
        rung = (perf_counter_ns() - self._start_ns) // INTERVAL_NS
        due, self._rung = rung - self._rung, rung
        if frame is None or is_instruments_work(frame):
            self._nobodys += due
        else:
            self._samples[site_of(frame)] += due

    def functions(self) -> list[dict[str, Any]]:
        """Rows of `records.schema.FunctionTime`: the region's time a step, shared out by the samples."""
        step_ns = self._region_ns / max(self._steps - self._warmup_steps, 1)
        ns_each = step_ns / max(self._samples.total() + self._nobodys, 1)
        by_name: Counter[Site] = Counter()
        for site, times in self._samples.items():
            by_name[site.named] += times
        return [{**site._asdict(), "exclusive_ns": round(n * ns_each)} for site, n in sorted(by_name.items()) if n]


@contextmanager
def sampling(*, steps: int, warmup_steps: int) -> Iterator[Sampler]:
    """Sample whatever loop runs meanwhile in the main thread."""
    sampler = Sampler(steps=steps, warmup_steps=warmup_steps)
    before = signal.signal(signal.SIGALRM, sampler.take)
    signal.siginterrupt(signal.SIGALRM, False)  # a driver's system calls must not fail because of us
    try:
        with after_each_step(sampler.tick):
            yield sampler
    finally:
        sampler.stop()
        if sampler.has_the_handler:
            signal.signal(signal.SIGALRM, before)
