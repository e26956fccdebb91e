"""How a script is divided into steps without being touched, and how many samples a step of its takes."""

from __future__ import annotations

import os
import resource
from collections import Counter
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from operator import attrgetter
from time import monotonic
from typing import Any, NoReturn
from weakref import WeakSet

import torch
from torch.optim import Optimizer
from torch.utils.data.dataloader import _BaseDataLoaderIter, _MultiProcessingDataLoaderIter

from bench.measure.hooks import Function, Outermost, Tick
from bench.measure.sites import runs_the_loop

LAST, EVERY = "last", "every"
PATIENCE = 100
"""Steps of other optimizers after which the one that ended the steps is taken to be out of use."""
UNSTEPPED_S = 60.0
"""How long a script may run backward passes before its first step."""


def listen(rule: str, tick: Tick) -> Any:
    """Let `tick` be called after the optimizer steps that `rule` names: last, every, or a number; a handle.

    `last`: of optimizers that take turns, as a GAN's, the one that was the last to make its first step ends a step, so
    that a step is one iteration of the script's loop. Steps that a grad scaler skips are not made, and not seen; one
    that is made within another, as by an optimizer that wraps or extends one, is a part of it.
    """
    if rule == EVERY:
        return Outermost(tick)
    return Outermost(_of_the_last(tick) if rule == LAST else _of_each(int(rule), tick))


def _of_the_last(tick: Tick) -> Tick:
    last: Optimizer | None = None
    seen: WeakSet[Optimizer] = WeakSet()
    missed = 0

    def stepped(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        nonlocal last, missed
        if optimizer is not last:
            missed += 1
            if optimizer in seen and missed <= PATIENCE:
                return
            seen.add(optimizer)
            last = optimizer
        missed = 0
        tick(optimizer, args, kwargs)

    return stepped


def _of_each(count: int, tick: Tick) -> Tick:
    made = 0

    def stepped(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        nonlocal made
        made += 1
        if made % count == 0:
            tick(optimizer, args, kwargs)

    return stepped


class Steps:
    """Counts a script's steps, and calls `then` from inside the one that makes so many."""

    def __init__(self, wanted: int, then: Callable[[], None]) -> None:
        self.made = 0
        self._wanted, self._then = wanted, then

    def tick(self, *_: object) -> None:
        """A step has ended."""
        self.made += 1
        if self.made == self._wanted:
            self._then()


class FunctionTicks:
    """Calls whoever listens after each call of a function, in the place of an optimizer's steps."""

    def __init__(self) -> None:
        self._ticks: list[Tick] = []

    def listen(self, tick: Tick) -> Any:
        """Let `tick` be called after each call of the function."""
        self._ticks.append(tick)
        return _Listening(self._ticks, tick)

    def wrap(self, function: Function) -> Function:
        """The function, after each call of which the listeners are called."""

        @wraps(function)
        @runs_the_loop
        def stepping(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            for tick in tuple(self._ticks):
                tick(None, args, kwargs)
            return result

        return stepping

    def attach(self, reference: str) -> None:
        """Wrap `module:function` where it stands; raises `ImportError` or `AttributeError` where that is nothing."""
        module, _, path = reference.partition(":")
        owner_path, _, name = path.rpartition(".")
        owner = import_module(module)
        owner = attrgetter(owner_path)(owner) if owner_path else owner
        setattr(owner, name, self.wrap(getattr(owner, name)))


class _Listening:
    def __init__(self, ticks: list[Tick], tick: Tick) -> None:
        self._ticks, self._tick = ticks, tick

    def remove(self) -> None:
        """Listen no longer."""
        self._ticks.remove(self._tick)


class Samples:
    """Counts, while a trial warms up, the samples of the batches that its loaders hand out from tick to tick."""

    def __init__(self) -> None:
        self._by_step: list[int] = []
        self._now = 0
        self._fetch = _BaseDataLoaderIter.__next__

    def begin(self) -> None:
        """Look at every batch from now on."""
        fetch = self._fetch

        @runs_the_loop
        def counted(iterator: Any) -> Any:
            batch = fetch(iterator)
            self._now += samples_in(batch)
            return batch

        _BaseDataLoaderIter.__next__ = counted  # type: ignore[method-assign, assignment]

    def step(self) -> None:
        """A step has ended."""
        self._by_step.append(self._now)
        self._now = 0

    def end(self) -> None:
        """Look at no more batches."""
        _BaseDataLoaderIter.__next__ = self._fetch  # type: ignore[method-assign]

    def per_step(self) -> float | None:
        """What most steps take; the first may fetch ahead for others. None where no batch was seen."""
        taken = Counter(filter(None, self._by_step[1:])) or Counter(filter(None, self._by_step))
        return float(taken.most_common(1)[0][0]) if taken else None


def samples_in(batch: Any) -> int:
    """The length of the first tensor in a batch: of its first dimension. 0 where there is none."""
    if isinstance(batch, torch.Tensor):
        return batch.shape[0] if batch.dim() else 0
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if isinstance(batch, (list, tuple)):
        return next(filter(None, map(samples_in, batch)), 0)
    return 0


def let_loader_workers_spread() -> None:
    """Let this process run wherever its parent may, once it starts loader workers: one core has no room for them."""
    begin = _MultiProcessingDataLoaderIter.__init__

    @wraps(begin)
    @runs_the_loop
    def spread(iterator: Any, loader: Any) -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, os.sched_getaffinity(os.getppid()) | os.sched_getaffinity(0))
        begin(iterator, loader)

    _MultiProcessingDataLoaderIter.__init__ = spread  # type: ignore[method-assign, assignment]


def refuse_to_wait_for_steps(has_stepped: Callable[[], bool], give_up: Callable[[str], NoReturn]) -> None:
    """Call `give_up` with the reason in a script that has run backward passes for a minute and made no step.

    Torch's own `backward` is in its place again once a step was seen.
    """
    backward, since_s = torch.autograd.backward, 0.0

    @wraps(backward)
    @runs_the_loop
    def watched(*args: Any, **kwargs: Any) -> Any:
        nonlocal since_s
        since_s = since_s or monotonic()
        if has_stepped():
            if torch.autograd.backward is watched:  # else another instrument stands before it, and this one is nothing
                torch.autograd.backward = backward
        elif monotonic() - since_s > UNSTEPPED_S:
            give_up(f"no optimizer step was seen in {UNSTEPPED_S:.0f} s of backward passes; {WAY_OUT}")
        return backward(*args, **kwargs)

    torch.autograd.backward = watched


def no_step() -> str:
    """Why a script that has ended was seen to make no step, and the way out."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    if children.ru_utime + children.ru_stime > TRAINED_ELSEWHERE_S:
        return (
            "no optimizer step was seen in its own process; it started others, which are not looked into: let it "
            "train in its own, without torch.multiprocessing.spawn or a launcher"
        )
    return f"no optimizer step was seen; {WAY_OUT}"


TRAINED_ELSEWHERE_S = 1.0
"""Processor time of children that can have trained: to import torch alone takes them as long."""
WAY_OUT = (
    "where its weights are updated without an optimizer of torch, --tick-on module:function names the function that "
    "does it (__main__:function in the script itself), whose return then ends a step"
)
