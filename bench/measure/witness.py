"""What a script does in its first steps, seen from outside: the script is not changed, and tells nothing.

Everything hangs on what all loops share. Torch's global hooks of optimizers tell of updates
(`torch.optim.optimizer.register_optimizer_step_pre_hook` and `_post_hook`: "a hook common to all
optimizers"). For the rest torch has no hook, or one that misses keyword arguments, so that functions
which every loop comes through are wrapped: `torch.autograd.backward`, which `Tensor.backward` calls by
that name; `Module.__call__`; the iterators of `DataLoader`; `GradScaler.scale` and `step`; and
`torch.nn.utils.clip_grad_norm_` and `clip_grad_value_`, which are seen where they are called by that name.

It keeps a copy of the trained parameters, and reads values back at each step: this is no run to time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, NoReturn

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from bench.measure.batches import Batches, Computed, fingerprint, tensors_in
from bench.measure.determinism import deterministic, flags, has_compiled, random_state
from bench.measure.hooks import Function, Outermost, wrapped
from bench.measure.trained import Trained

Ticking = Callable[[Callable[[], None]], AbstractContextManager[None]]
"""Calls what it is given at each tick meanwhile, as where a named function returns."""
Finish = Callable[[dict[str, Any]], NoReturn]


class NoStepSeenError(RuntimeError):
    """The script came to its end, and nothing ticked."""


class SeenEnoughError(BaseException):
    """Ends a script from inside its last step; no `except Exception` of the script swallows it."""


def record(
    run: Callable[[], object],
    *,
    steps: int,
    seed: int = 0,
    ticking: Ticking | None = None,
    finish: Finish | None = None,
) -> dict[str, Any]:
    """Call `run`, which executes a script, and return the fields of `records.schema.ScriptFingerprint`.

    Random generators are seeded before, and torch is asked for deterministic kernels; what the script sets itself
    wins. Every optimizer step ticks, one inside another once; with `ticking`, what that calls.

    After `steps` ticks `finish` is called with the fields, inside the step: it ends the process, so that neither the
    script's own clean-up nor a bare `except` keeps it alive. Without it `SeenEnoughError` is raised at that tick, and
    at each after it, which ends any script that doesn't catch everything.

    Raises `NoStepSeenError` where nothing ticked, and whatever the script raises before its last step.
    """
    witness = _Witness(steps=steps, seed=seed, finish=finish, is_updated_by_hand=ticking is not None)
    with deterministic(seed), witness.watching(ticking):
        try:
            run()
        except SeenEnoughError:
            pass
        except SystemExit:
            if not witness.steps:
                raise
        if not witness.steps:
            raise NoStepSeenError(
                "no optimizer step was seen: name the function that updates with --tick-on module:function, "
                "if it is no optimizer of torch.optim"
            )
        return witness.result()


class _Witness:
    def __init__(self, *, steps: int, seed: int, finish: Finish | None, is_updated_by_hand: bool) -> None:
        self.steps: list[dict[str, Any]] = []
        self._wanted, self._seed, self._finish = steps, seed, finish
        self._is_updated_by_hand = is_updated_by_hand
        self._trained, self._batches, self._computed = Trained(), Batches(), Computed()
        self._inputs: list[dict[str, Any]] = []
        self._autocast: set[str] = set()
        self._recomputes = False
        self._calls = self._backwards = self._updates = 0
        self._scale = 1.0
        self._step = _nothing_yet()

    @contextmanager
    def watching(self, ticking: Ticking | None) -> Iterator[None]:
        """Watch whatever trains meanwhile."""
        scaler, utils = torch.amp.GradScaler, torch.nn.utils
        with ExitStack() as stack:
            stack.enter_context(self._batches.watching())
            stack.enter_context(wrapped(nn.Module, "__call__", self._watching_modules))
            stack.enter_context(wrapped(torch.autograd, "backward", self._watching_backward))
            stack.enter_context(wrapped(scaler, "scale", self._watching_scale))
            stack.enter_context(wrapped(scaler, "step", self._watching_scaled_step))
            for owner in (utils, utils.clip_grad):
                stack.enter_context(wrapped(owner, "clip_grad_norm_", partial(self._watching_clip, "norm", "max_norm")))
                by_value = partial(self._watching_clip, "value", "clip_value")
                stack.enter_context(wrapped(owner, "clip_grad_value_", by_value))
            stack.callback(register_optimizer_step_pre_hook(self._before_update).remove)
            stack.callback(register_optimizer_step_post_hook(self._after_update).remove)
            if ticking is None:
                stack.callback(Outermost(lambda optimizer, *_: self._tick(optimizer)).remove)
            else:
                stack.enter_context(ticking(lambda: self._tick(None)))
            yield

    def _before_update(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        self._trained.see_optimizer(optimizer)

    def _after_update(self, _optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        self._updates += 1

    def _tick(self, optimizer: Optimizer | None) -> None:
        if len(self.steps) < self._wanted:
            self.steps.append(self._step | self._trained.step(optimizer))
            self._step = _nothing_yet()
        if len(self.steps) < self._wanted:
            return
        if self._finish is not None:
            self._finish(self.result())
        raise SeenEnoughError

    def _watching_modules(self, call: Function) -> Function:
        def watched(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if torch.compiler.is_dynamo_compiling():
                return call(module, *args, **kwargs)
            self._called(module, (args, kwargs))
            self._calls += 1
            try:
                returned = call(module, *args, **kwargs)
            finally:
                self._calls -= 1
            if not self._calls:
                self._computed.see(returned, given=(args, kwargs))
            return returned

        return watched

    def _called(self, module: nn.Module, arguments: Any) -> None:
        if self._backwards:
            self._recomputes = True
            return
        parameter = next(module.parameters(), None)
        if parameter is None:
            return  # a loss or an activation is nobody's model
        is_training = module.training and torch.is_grad_enabled()
        if is_training and torch.is_autocast_enabled(parameter.device.type):
            self._autocast.add(str(torch.get_autocast_dtype(parameter.device.type)).removeprefix("torch."))
        if self._calls == 0:
            self._batches.fed(training=is_training)
            if is_training:
                with torch._C._DisableFuncTorch():  # noqa: SLF001 - a model may be called within a transform of torch.func
                    self._fed(module, arguments, parameter.device)

    def _fed(self, model: nn.Module, arguments: Any, device: torch.device) -> None:
        self._trained.see_model(model, is_updated_by_hand=self._is_updated_by_hand)
        if self._step["random_state"] is None:
            self._step["random_state"] = random_state(device)
        given = [tensor for tensor in tensors_in(arguments) if not (tensor.requires_grad or tensor in self._computed)]
        if given:
            self._inputs.append(fingerprint(given))

    def _watching_backward(self, run: Function) -> Function:
        def watched(tensors: Any, grad_tensors: Any = None, *args: Any, **kwargs: Any) -> Any:
            if not self._backwards:  # reentrant checkpointing runs one within another
                self._step["losses"].append(_value(tensors, grad_tensors) / self._scale)
                self._scale = 1.0
            self._backwards += 1
            try:
                return run(tensors, grad_tensors, *args, **kwargs)
            finally:
                self._backwards -= 1

        return watched

    def _watching_scale(self, scale: Function) -> Function:
        def watched(scaler: Any, outputs: Any) -> Any:
            scaled = scale(scaler, outputs)
            if scaler.is_enabled():
                self._step["loss_scale"] = self._scale = scaler.get_scale()
            return scaled

        return watched

    def _watching_scaled_step(self, step: Function) -> Function:
        def watched(scaler: Any, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
            before = self._updates
            returned = step(scaler, optimizer, *args, **kwargs)
            self._step["skipped"] += self._updates == before
            return returned

        return watched

    def _watching_clip(self, kind: str, limit: str, clip: Function) -> Function:
        def watched(*args: Any, **kwargs: Any) -> Any:
            norm = clip(*args, **kwargs)
            at_most = float(kwargs[limit] if limit in kwargs else args[1])
            self._step["clips"].append({"kind": kind, "limit": at_most, "norm": None if norm is None else float(norm)})
            return norm

        return watched

    def result(self) -> dict[str, Any]:
        """The fields of `records.schema.ScriptFingerprint`."""
        made, wanted = len(self.steps), self._wanted
        return {
            **self._trained.result(),
            **self._batches.result(),
            "seed": self._seed,
            "steps": self.steps,
            "inputs": self._inputs,
            "autocast": sorted(self._autocast),
            "recomputes": self._recomputes,
            "compiled": has_compiled(),
            "flags": flags(),
            "ended": None if made == wanted else f"the script ended by itself after {made} of {wanted} steps",
        }


def _nothing_yet() -> dict[str, Any]:
    return {"losses": [], "clips": [], "loss_scale": None, "skipped": 0, "random_state": None}


def _value(tensors: Any, grad_tensors: Any) -> float:
    """The sum of what a backward pass begins with, each weighed by the gradient that it is given."""
    roots = list(tensors) if isinstance(tensors, list | tuple) else [tensors]
    given = list(grad_tensors) if isinstance(grad_tensors, list | tuple) else [grad_tensors] * len(roots)
    total = 0.0
    for root, gradient in zip(roots, given, strict=False):
        if isinstance(root, torch.Tensor):
            value = root.detach().double()
            total += float((value if gradient is None else value * gradient).sum().item())
    return total
