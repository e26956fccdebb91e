"""When a script evaluates what it trains, seen from outside.

Evaluation lasts from the moment at which what is trained is switched to evaluate (`Module.eval()`, or
`Module.train(False)`, which that calls) until it is switched back, or is called in training again, or a backward
pass begins: with the loader's batches, the forwards, the metrics and the logging in between. What is trained is
what was called in training, by no other module, and has parameters: so a layer that a script keeps from training,
a frozen batch norm say, evaluates nothing when it is switched, and neither does another model that is never trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from time import perf_counter_ns
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.optim import Optimizer

from bench.measure.determinism import has_compiled
from bench.measure.hooks import Function, wrapped
from bench.measure.sites import runs_the_loop

PASSES = 8
"""Backward passes after an optimizer was made, in which what it trains is called."""


class Evaluation:
    """Whether a script evaluates now; `before_change` is called when that is about to change."""

    def __init__(self, before_change: Callable[[], None]) -> None:
        self._before_change = before_change
        self._trained: WeakKeyDictionary[nn.Module, frozenset[int]] = WeakKeyDictionary()
        self._depth = 0
        self.is_on = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch how modules are switched meanwhile; `called` has to hear of their calls."""
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

    def trained(self) -> Iterator[nn.Module]:
        """All modules within what is trained."""
        return (module for called, own in self._trained.items() if own for module in called.modules())

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


class EvaluationInTurns:
    """What evaluation takes of a script's timed steps: a meter of turns, the first of which ends the warm-up.

    Calls of modules are looked at while the script warms up, for some steps after it has made an optimizer, and while
    it evaluates. Else only `Module.eval` is, with what models have in its place, which no step of training calls: the
    Trainer says `train()` in each, so that in turns an evaluation that begins by `train(False)` alone goes unseen.
    """

    def __init__(self) -> None:
        self._evaluation = Evaluation(self._charge)
        self._looking = ExitStack()
        self._is_looking = self._is_timed = False
        self._passes: float = math.inf
        self._watched: set[type] = set()
        self._calls = self._spent_ns = self._since_ns = self._turn_ns = self._turns_ns = 0

    def watch(self) -> None:
        """Look at whatever trains in this process, from now on and for good."""
        self._watch_eval_of(nn.Module)
        Optimizer.add_param_group = self._watching_optimizers(Optimizer.add_param_group)  # type: ignore[method-assign]
        self._look()

    def begin(self) -> None:
        """A turn begins."""
        if self._passes == math.inf:
            self._passes = 0
            self._know_what_is_trained()
        self._is_timed = True
        self._since_ns = self._turn_ns = perf_counter_ns()

    def end(self) -> None:
        """A turn ends."""
        self._charge()
        self._is_timed = False
        self._turns_ns += self._since_ns - self._turn_ns

    def result(self) -> dict[str, Any]:
        """No field of `records.schema.Timing`: `record` has what it saw."""
        return {"unavailable": {}}

    def record(self, steps: int) -> dict[str, int]:
        """The fields of `records.schema.EvaluationTime`; its turns had so many `steps`."""
        return {"ns": self._spent_ns, "of_ns": self._turns_ns, "steps": steps}

    def _charge(self) -> None:
        now_ns = perf_counter_ns()
        if self._evaluation.is_on and self._is_timed:
            self._spent_ns += now_ns - self._since_ns
        self._since_ns = now_ns

    def _look(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self._looking.enter_context(self._evaluation.watching())
            self._looking.enter_context(wrapped(nn.Module, "__call__", self._watching_calls))
            self._looking.enter_context(wrapped(torch.autograd, "backward", self._watching_backward))

    def _know_what_is_trained(self) -> None:
        """Look no longer for it, if that was long enough; models of transformers have an `eval` of their own."""
        if not self._passes:
            kinds = {kind for module in self._evaluation.trained() for kind in type(module).__mro__}
            for kind in kinds - self._watched:
                self._watch_eval_of(kind)
            self._look_away()

    def _watch_eval_of(self, kind: type) -> None:
        self._watched.add(kind)
        own = vars(kind).get("eval")
        if isinstance(own, FunctionType):
            kind.eval = self._watching_eval(own)  # type: ignore[attr-defined]

    def _look_away(self) -> None:
        """Look at nothing but `eval`, unless there is something to see."""
        # Torch guards compiled code by what `Module.__call__` is: changed, it would be compiled again in a timed step.
        if self._is_looking and not (self._passes or self._evaluation.is_on or has_compiled()):
            self._is_looking = False
            self._looking.close()

    def _watching_eval(self, switch: Function) -> Function:
        @wraps(switch)
        @runs_the_loop
        def switched(*args: Any, **kwargs: Any) -> Any:
            self._look()
            try:
                return switch(*args, **kwargs)
            finally:
                self._look_away()

        return switched

    def _watching_optimizers(self, add: Function) -> Function:
        @wraps(add)
        @runs_the_loop
        def added(*args: Any, **kwargs: Any) -> Any:
            self._passes = max(self._passes, PASSES)
            self._look()
            return add(*args, **kwargs)

        return added

    def _watching_calls(self, call: Function) -> Function:
        @wraps(call)
        @runs_the_loop
        def called(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if self._calls or torch.compiler.is_dynamo_compiling():
                return call(module, *args, **kwargs)
            self._evaluation.called(module)
            self._calls += 1
            try:
                return call(module, *args, **kwargs)
            finally:
                self._calls -= 1

        return called

    def _watching_backward(self, run: Function) -> Function:
        @wraps(run)
        @runs_the_loop
        def watched(*args: Any, **kwargs: Any) -> Any:
            self._evaluation.end()
            if self._passes:
                self._passes -= 1
                self._know_what_is_trained()
            self._look_away()
            return run(*args, **kwargs)

        return watched


def _parameters(module: nn.Module) -> frozenset[int]:
    """Which they are: what wraps a model, or is wrapped by it, has the same."""
    return frozenset(map(id, module.parameters()))
