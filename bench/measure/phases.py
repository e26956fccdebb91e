"""Where a step's time goes: waiting for data, forward, backward, optimizer, and the rest of the loop.

Every instant belongs to exactly one phase, the innermost that has begun, so the phases of a step
sum to the step. The hooks cost about 5 µs a step and, on an accelerator, the device is waited for
at each change of phase; both make this another loop, which is why it is a pass of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from time import perf_counter_ns
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

from bench.measure.device import Device
from bench.measure.hooks import after_each_step, loader_wrapped, wrapped
from bench.measure.sites import runs_the_loop
from trainloops.contract import Parts

PHASES = ("data", "forward", "backward", "optimizer", "rest")


class Phases:
    """Splits the time of each step; made by `splitting`."""

    def __init__(self, parts: Parts, device: Device) -> None:
        # The loss is the workload's and belongs to the forward; a loop that calls the model alone is seen by its hooks.
        self.parts = replace(parts, loss=self.within("forward", parts.loss))
        self.steps_ns: list[dict[str, int]] = []
        self._device = device
        self._entered = ["rest"]
        self._spent_ns = dict.fromkeys(PHASES, 0)
        self._since_ns = perf_counter_ns()

    def enter(self, phase: str) -> None:
        """Charge the time from now on to `phase`."""
        self._charge()
        self._entered.append(phase)

    def leave(self) -> None:
        """Charge the time from now on to the phase that the current one interrupted."""
        self._charge()
        self._entered.pop()

    def within(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap `function` so that its time is charged to `phase`."""

        @wraps(function)
        @runs_the_loop
        def charged(*args: Any, **kwargs: Any) -> Any:
            self.enter(phase)
            try:
                return function(*args, **kwargs)
            finally:
                self.leave()

        return charged

    def begin_optimizer(self, _: Optimizer, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Let the optimizer's phase begin; a closure given to `step`, as by Lightning, is the loop's own."""
        self.enter("optimizer")
        return tuple(map(self._loops_own, args)), {name: self._loops_own(value) for name, value in kwargs.items()}

    def _loops_own(self, value: Any) -> Any:
        return self.within("rest", value) if callable(value) else value

    def end_step(self, _: Optimizer) -> None:
        """End the optimizer's phase, and with it the step."""
        self.leave()
        self.steps_ns.append(self._spent_ns)
        self._spent_ns = dict.fromkeys(PHASES, 0)

    def _charge(self) -> None:
        self._device.synchronize()  # else the device's work would be charged to whichever phase waits for it
        now_ns = perf_counter_ns()
        self._spent_ns[self._entered[-1]] += now_ns - self._since_ns
        self._since_ns = now_ns

    def result(self) -> dict[str, Any]:
        """The fields of `records.schema.Phases`: nanoseconds for each of the `steps - 1` intervals."""
        intervals = self.steps_ns[1:]  # the first step has no tick before it
        return {"phase_ns": {phase: [step[phase] for step in intervals] for phase in PHASES}}


@contextmanager
def splitting(parts: Parts, device: Device) -> Iterator[Phases]:
    """Split the steps of a loop that trains the `parts` of what this yields (not the ones given)."""
    phases = Phases(parts, device)
    hooks = [
        parts.model.register_forward_pre_hook(lambda *_: phases.enter("forward")),
        parts.model.register_forward_hook(lambda *_: phases.leave()),
        register_optimizer_step_pre_hook(phases.begin_optimizer),
    ]
    fetching = loader_wrapped(lambda fetch: phases.within("data", fetch))
    # All of torch's backward passes come through here: `Tensor.backward` looks it up by this name.
    backward = wrapped(torch.autograd, "backward", lambda run: phases.within("backward", run))
    try:
        with fetching, backward, after_each_step(phases.end_step):
            yield phases
    finally:
        for hook in hooks:
            hook.remove()
