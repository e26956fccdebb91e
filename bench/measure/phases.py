"""Where a step's time goes: waiting for data, forward, backward, optimizer, and the rest of the loop.

Every instant belongs to exactly one phase, the innermost that has begun, so the phases of a step
sum to the step. The hooks cost about 5 µs per step and, on an accelerator, the device is waited for
at each change of phase; both make this another loop, which is why it is a pass of its own.

Of a script nothing is known before it runs. Its forward is what modules do that no other module calls: what it
computes between them, such as a loss by a function, is its own code and belongs to the rest. What it spends on
evaluation is counted apart, and in no phase.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import wraps
from time import perf_counter_ns
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from bench.measure.device import Device
from bench.measure.evaluation import Evaluation
from bench.measure.hooks import Function, after_each_step, loader_wrapped, steps_around, wrapped
from bench.measure.sites import runs_the_loop
from trainloops.contract import Parts

PHASES = ("data", "forward", "backward", "optimizer", "rest")
EVALUATION = "evaluation"


class Phases:
    """Splits the time of each step; made by `splitting` and `splitting_script`."""

    def __init__(self, device: Device) -> None:
        self.steps_ns: list[dict[str, int]] = []
        self.evaluation = Evaluation(self._charge)
        self._device = device
        self._entered = ["rest"]
        self._calls = 0
        self._spent_ns = dict.fromkeys((*PHASES, EVALUATION), 0)
        self._since_ns = perf_counter_ns()

    def enter(self, phase: str) -> None:
        """Charge the time from now on to `phase`."""
        self._charge()
        if phase == "backward":
            self.evaluation.end()
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
        if "optimizer" in self._entered and not steps_around():  # of a step that raised, and so has no end
            self._entered = [phase for phase in self._entered if phase != "optimizer"]
        self.enter("optimizer")
        return tuple(map(self._loops_own, args)), {name: self._loops_own(value) for name, value in kwargs.items()}

    def _loops_own(self, value: Any) -> Any:
        return self.within("rest", value) if callable(value) else value

    def end_optimizer(self, *_: Any) -> None:
        """End the optimizer's phase."""
        self.leave()

    def end_step(self, *_: Any) -> None:
        """End the step."""
        self._charge()
        self.steps_ns.append(self._spent_ns)
        self._spent_ns = dict.fromkeys((*PHASES, EVALUATION), 0)

    def calling(self, call: Function) -> Function:
        """Wrap `Module.__call__`: what modules do that no other module calls is the forward.

        What a backward pass calls again, for gradient checkpointing, is the backward's.
        """

        @wraps(call)
        @runs_the_loop
        def charged(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if self._calls or torch.compiler.is_dynamo_compiling() or "backward" in self._entered:
                return call(module, *args, **kwargs)
            self.evaluation.called(module)
            self._calls += 1
            self.enter("forward")
            try:
                return call(module, *args, **kwargs)
            finally:
                self.leave()
                self._calls -= 1

        return charged

    def _charge(self) -> None:
        self._device.synchronize()  # else the device's work would be charged to whichever phase waits for it
        now_ns = perf_counter_ns()
        self._spent_ns[EVALUATION if self.evaluation.is_on else self._entered[-1]] += now_ns - self._since_ns
        self._since_ns = now_ns

    def result(self) -> dict[str, Any]:
        """The fields of `records.schema.Phases`: nanoseconds for each of the `steps - 1` intervals."""
        intervals = self.steps_ns[1:]  # the first step has no tick before it
        return {"phase_ns": {phase: [step[phase] for step in intervals] for phase in PHASES}}


class PhasesOfParts(Phases):
    """Of a loop that trains the `parts` which this has, and not the ones that it is given."""

    def __init__(self, parts: Parts, device: Device) -> None:
        super().__init__(device)
        # The loss is the workload's and belongs to the forward; a loop that calls the model alone is seen by its hooks.
        self.parts = replace(parts, loss=self.within("forward", parts.loss))


class PhasesOfScript(Phases):
    """Of whatever runs meanwhile."""

    def result(self) -> dict[str, Any]:
        """The same, with what of each interval went into evaluation and is in none of its phases."""
        return {**super().result(), "evaluation_ns": [step[EVALUATION] for step in self.steps_ns[1:]]}


@contextmanager
def splitting(parts: Parts, device: Device, *, compiled: bool = False) -> Iterator[PhasesOfParts]:
    """Split the steps of a loop that trains the `parts` of what this yields (not the ones given).

    The model of a `compiled` loop has no hooks: they would be compiled with it. Its forward is what the loss takes.
    """
    phases = PhasesOfParts(parts, device)
    with ExitStack() as stack:
        if not compiled:
            stack.callback(parts.model.register_forward_pre_hook(lambda *_: phases.enter("forward")).remove)
            stack.callback(parts.model.register_forward_hook(lambda *_: phases.leave()).remove)
        stack.enter_context(_splitting(phases))
        yield phases


@contextmanager
def splitting_script(device: Device) -> Iterator[PhasesOfScript]:
    """Split the steps of whatever script runs meanwhile."""
    phases = PhasesOfScript(device)
    with phases.evaluation.watching(), wrapped(nn.Module, "__call__", phases.calling), _splitting(phases):
        yield phases


@contextmanager
def _splitting(phases: Phases) -> Iterator[None]:
    """Attach what loops of all kinds come through."""
    with ExitStack() as stack:
        stack.callback(register_optimizer_step_pre_hook(phases.begin_optimizer).remove)
        # Not what ends a step: that may be the last of several optimizers, or no optimizer at all.
        stack.callback(register_optimizer_step_post_hook(phases.end_optimizer).remove)
        stack.enter_context(after_each_step(phases.end_step))
        stack.enter_context(loader_wrapped(lambda fetch: phases.within("data", fetch)))
        # All of torch's backward passes come through here: `Tensor.backward` looks it up by this name.
        stack.enter_context(wrapped(torch.autograd, "backward", lambda run: phases.within("backward", run)))
        yield
