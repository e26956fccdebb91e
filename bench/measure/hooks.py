"""The two ways to be told what a loop does without being inside it: torch's own step hook, and a wrapped function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data.dataloader import _BaseDataLoaderIter

Function = Callable[..., Any]
Tick = Callable[..., None]
"""Called with the optimizer that has stepped and what its `step` was given; None where none ended the step."""
Listen = Callable[[Tick], Any]
"""Lets a tick be called after each step; gives a handle whose `remove` ends that."""
Step = dict[str, dict[Any, int]]
"""What happened from one tick to the next: by counter, how much by function or by name."""


_listen: Listen = register_optimizer_step_post_hook


def tick_by(listen: Listen) -> None:
    """Let steps of this process end by another rule than after every optimizer step, from now on and for good."""
    global _listen  # a process measures one loop, and all of its instruments mean the same by a step
    _listen = listen


def on_tick(tick: Tick) -> Any:
    """Let `tick` be called after each step, until the handle that this gives is removed."""
    return _listen(tick)


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
