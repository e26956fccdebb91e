"""The two ways to hear of what a loop does without being inside it: torch's own step hook, and a wrapped function."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.data.dataloader import _BaseDataLoaderIter
from torch.utils.hooks import RemovableHandle

from bench.measure.sites import runs_the_loop

if TYPE_CHECKING:
    from types import FrameType

Function = Callable[..., Any]
Tick = Callable[..., None]
"""Called with the optimizer that has stepped and what its `step` was given; None where none ended the step."""
Listen = Callable[[Tick], Any]
"""Lets a tick be called after each step; gives a handle whose `remove` ends that."""
Step = dict[str, dict[Any, int]]
"""What happened from one tick to the next: by counter, how much by function or by name."""

_STEP = Optimizer.profile_hook_step(lambda: None).__code__
"""Torch's wrapper of every optimizer's `step`, which calls the hooks."""


_listen: Listen = register_optimizer_step_post_hook


def tick_by(listen: Listen) -> None:
    """Let steps of this process end by another rule than after every optimizer step, from now on and for good."""
    global _listen  # a process measures one loop, and all of its instruments mean the same by a step
    _listen = listen


def on_tick(tick: Tick) -> Any:
    """Let `tick` be called after each step, until the handle that this gives is removed."""
    return _listen(tick)


def tick_by_scalers() -> None:
    """Let steps of this process end where a `GradScaler` has stepped, be it that it skips the update.

    By the optimizers' own hooks, two loops that skip would end after fewer steps than they have batches, and one with
    a fused optimizer, which is called and skips by itself, would not.
    """
    ticks: OrderedDict[int, Tick] = OrderedDict()

    def listen(tick: Tick) -> RemovableHandle:
        handle = RemovableHandle(ticks)
        ticks[handle.id] = tick
        return handle

    scaled_step = GradScaler.step

    @runs_the_loop
    def step(scaler: GradScaler, optimizer: Optimizer, *args: Any, **kwargs: Any) -> float | None:
        returned = scaled_step(scaler, optimizer, *args, **kwargs)
        for tick in tuple(ticks.values()):
            tick(optimizer, args, kwargs)
        return returned

    setattr(GradScaler, "step", step)  # noqa: B010 - mypy takes a function that is assigned for no method
    tick_by(listen)


def steps_around() -> int:
    """Within how many other optimizer steps the one is made whose hook calls this: the stack is asked.

    Counting where steps begin and end does not do: one that raises has no end.
    """
    frame: FrameType | None = inspect.currentframe()
    steps = 0
    while frame is not None:
        steps += frame.f_code is _STEP
        frame = frame.f_back
    return steps - 1


class Outermost:
    """Ticks after optimizer steps that are made within no other; the handle of its hooks."""

    def __init__(self, tick: Tick) -> None:
        begun = 0

        def begin(*_: object) -> None:
            nonlocal begun
            begun += 1

        def end(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
            nonlocal begun
            begun = steps_around() if begun > 1 else 0  # the stack is walked where it may matter: a tick is timed
            if not begun:
                tick(optimizer, args, kwargs)

        self._hooks = register_optimizer_step_pre_hook(begin), register_optimizer_step_post_hook(end)

    def remove(self) -> None:
        """Listen no longer."""
        for hook in self._hooks:
            hook.remove()


@contextmanager
def after_each_optimizer(look: Callable[[Optimizer], None]) -> Iterator[None]:
    """Call `look` after the step of every optimizer, be it the end of a step or not."""
    hook = register_optimizer_step_post_hook(lambda optimizer, _args, _kwargs: look(optimizer))
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def after_each_step(tick: Callable[[Optimizer], None]) -> Iterator[None]:
    """Call `tick` after every step of whatever loop runs meanwhile."""
    hook = on_tick(lambda optimizer, _args, _kwargs: tick(optimizer))
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def wrapped(owner: Any, name: str, wrap: Callable[[Function], Function]) -> Iterator[None]:
    """Let `owner.name` be `wrap(owner.name)` meanwhile."""
    original = getattr(owner, name)
    setattr(owner, name, wrap(original))
    try:
        yield
    finally:
        setattr(owner, name, original)


@contextmanager
def loader_wrapped(wrap: Callable[[Function], Function]) -> Iterator[None]:
    """Wrap what every iterator of every `DataLoader` does to fetch a batch; torch has no hook for it."""
    with wrapped(_BaseDataLoaderIter, "__next__", wrap):
        yield
