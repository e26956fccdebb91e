"""The clock: a tick after every optimizer step of whatever loop is running.

`torch.optim.optimizer.register_optimizer_step_post_hook` is global: it fires for a hand-written
loop, inside Lightning's closures and behind Accelerate's wrappers alike, so that no loop has to
know that it is being timed.
"""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter_ns
from types import TracebackType
from typing import Any

from torch.optim.optimizer import register_optimizer_step_post_hook

from bench.measure.device import Device, Peaks
from bench.measure.energy import RegionEnergy


class WrongStepCountError(RuntimeError):
    """The loop made more or fewer optimizer steps than its job said."""


class Clock:
    """Times the optimizer steps made while it is entered.

    The region goes from the tick that ends the warm-up to the last tick. The device is
    synchronised there and nowhere between, because a synchronised loop is another loop.
    """

    def __init__(self, *, steps: int, warmup_steps: int, device: Device, energy: RegionEnergy | None = None) -> None:
        self.steps = steps
        self.warmup_steps = warmup_steps
        self.device = device
        self.energy = energy
        self.ticks_ns: list[int] = []
        self.events: list[Any] = []
        self.warmup_peaks = Peaks()
        self.region_peaks = Peaks()
        self.region_end_ns = 0

    def __enter__(self) -> Clock:
        self._hook = register_optimizer_step_post_hook(self._tick)
        self.start_ns = perf_counter_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_ns = perf_counter_ns()
        self._hook.remove()

    def _tick(self, *_: object) -> None:
        ticks = self.ticks_ns
        ticks.append(perf_counter_ns())
        event = self.device.event()
        if event is not None:
            self.events.append(event)
        if len(ticks) == self.warmup_steps:
            self._begin_region()
        elif len(ticks) == self.steps:
            self._end_region()

    def _begin_region(self) -> None:
        self.device.synchronize()
        self.warmup_peaks = self.device.peaks()
        self.device.reset_peaks()
        if self.energy is not None:
            self.energy.begin()
        self.ticks_ns[-1] = perf_counter_ns()  # the region must not pay for the lines above

    def _end_region(self) -> None:
        self.device.synchronize()
        self.region_end_ns = perf_counter_ns()
        if self.energy is not None:
            self.energy.end()
        self.region_peaks = self.device.peaks()

    def result(self) -> dict[str, Any]:
        """The fields of `records.schema.Timing`, memory apart; raises `WrongStepCountError`."""
        ticks = self.ticks_ns
        if len(ticks) != self.steps:
            raise WrongStepCountError(f"the loop made {len(ticks)} optimizer steps, its job says {self.steps}")
        return {
            "startup_ns": ticks[0] - self.start_ns,
            "step_ns": [after - before for before, after in pairwise(ticks)],
            "region_ns": self.region_end_ns - ticks[self.warmup_steps - 1],
            "train_ns": self.end_ns - self.start_ns,
            "device_step_us": self._device_step_us(),
        }

    def _device_step_us(self) -> list[float] | None:
        if not self.events:
            return None
        return [round(self.device.elapsed_us(before, after), 2) for before, after in pairwise(self.events)]
