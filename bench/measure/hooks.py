"""The two ways to be told what a loop does without being inside it: torch's own step hook, and a wrapped function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data.dataloader import _BaseDataLoaderIter

Function = Callable[..., Any]
Step = dict[str, dict[Any, int]]
"""What happened from one tick to the next: by counter, how much by function or by name."""


@contextmanager
def after_each_step(tick: Callable[[Optimizer], None]) -> Iterator[None]:
    """Call `tick` after every optimizer step of whatever loop runs meanwhile."""
    hook = register_optimizer_step_post_hook(lambda optimizer, _args, _kwargs: tick(optimizer))
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
