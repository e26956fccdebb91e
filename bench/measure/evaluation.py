"""When a script evaluates what it trains, told from outside.

Evaluation lasts from the moment at which what is trained is switched to evaluate (`Module.eval()`, or
`Module.train(False)`, which that calls) until it is switched back, or is called in training again, or a backward
pass begins: with the loader's batches, the forwards, the metrics and the logging in between. What is trained is
what was called in training, by no other module, and has parameters: so a layer that a script keeps from training,
a frozen batch norm say, evaluates nothing when it is switched, and neither does another model that is never trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from bench.measure.hooks import Function, wrapped
from bench.measure.sites import runs_the_loop


class Evaluation:
    """Whether a script evaluates now; `before_change` is called when that is about to change."""

    def __init__(self, before_change: Callable[[], None]) -> None:
        self._before_change = before_change
        self._trained: WeakKeyDictionary[nn.Module, frozenset[int]] = WeakKeyDictionary()
        self._depth = 0
        self.is_on = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch how modules are switched meanwhile; `called` has to be told of their calls."""
        with wrapped(nn.Module, "train", self._watching_switches):
            yield

    def called(self, module: nn.Module) -> None:
        """Take note of a call of a module that no other module makes."""
        if not (module.training and torch.is_grad_enabled()):
            return
        if module not in self._trained:
            self._trained[module] = _parameters(module)
        if self._trained[module]:
            self.end()

    def end(self) -> None:
        """Take it that the script trains, whatever it said last: it runs a backward pass, say."""
        if self.is_on:
            self._switch(on=False)

    def _watching_switches(self, train: Function) -> Function:
        @runs_the_loop
        def switched(module: nn.Module, mode: bool = True) -> Any:
            self._depth += 1
            try:
                return train(module, mode)
            finally:
                self._depth -= 1
                # A module switches all of its own; one that is switched to where it is already changes nothing.
                if self._depth == 0 and self.is_on == mode and self._holds_what_is_trained(module):
                    self._switch(on=not mode)

        return switched

    def _holds_what_is_trained(self, module: nn.Module) -> bool:
        parameters = _parameters(module)
        return any(trained and trained <= parameters for trained in self._trained.values())

    def _switch(self, *, on: bool) -> None:
        self._before_change()
        self.is_on = on


def _parameters(module: nn.Module) -> frozenset[int]:
    """Which they are: what wraps a model, or is wrapped by it, has the same."""
    return frozenset(map(id, module.parameters()))
