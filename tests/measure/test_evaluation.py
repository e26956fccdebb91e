"""When a script evaluates, by what it does to its modules."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from bench.measure.evaluation import PASSES, Evaluation, EvaluationInTurns


class Wrapper(nn.Module):
    """As DistributedDataParallel is one."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module


@pytest.fixture
def evaluation():
    seen = Evaluation(lambda: seen.changes.append(seen.is_on))
    seen.changes = []
    with seen.watching():
        yield seen


@pytest.fixture
def model(evaluation):
    trained = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    evaluation.called(trained)
    return trained


def test_it_lasts_from_one_switch_to_the_other(evaluation, model):
    assert not evaluation.is_on
    model.eval()
    assert evaluation.is_on
    model.train()
    assert not evaluation.is_on
    assert evaluation.changes == [False, True]  # called before each change, and once


def test_a_model_that_is_called_in_training_ends_it(evaluation, model):
    model.eval()
    evaluation.called(model)  # evaluated
    assert evaluation.is_on
    model.training = True
    with torch.no_grad():
        evaluation.called(model)
    assert evaluation.is_on
    evaluation.called(model)
    assert not evaluation.is_on


@pytest.mark.parametrize("wrap", [Wrapper, lambda model: nn.Sequential(model)])
def test_what_wraps_the_model_switches_it_too(evaluation, model, wrap):
    wrapper = wrap(model)
    wrapper.eval()
    assert evaluation.is_on


def test_what_the_called_module_wraps_is_the_model(evaluation):
    wrapper = Wrapper(nn.Linear(2, 2))
    evaluation.called(wrapper)
    wrapper.module.eval()
    assert evaluation.is_on


def test_a_layer_of_the_model_is_not_the_model(evaluation, model):
    model[1].eval()
    assert not evaluation.is_on


def test_a_model_that_was_never_trained_evaluates_nothing(evaluation, model):
    nn.Linear(2, 2).eval()
    evaluation.called(nn.ReLU())
    nn.ReLU().eval()
    assert not evaluation.is_on


@pytest.fixture
def in_turns():
    """Watches a script whose every look at the clock is a nanosecond after the one before."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((nn.Module, "eval"), (torch.optim.Optimizer, "add_param_group")):
            patch.setattr(owner, name, getattr(owner, name))
        patch.setattr("bench.measure.evaluation.perf_counter_ns", itertools.count().__next__)
        evaluation = EvaluationInTurns()
        evaluation.watch()
        yield evaluation
        evaluation.begin()
        evaluation.end()


def looked_at() -> tuple[object, ...]:
    return nn.Module.__call__, nn.Module.train, torch.autograd.backward


UNTOUCHED = looked_at()


class Script:
    """What one does."""

    def __init__(self) -> None:
        self.model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)

    def train(self, steps: int = 1) -> None:
        for _ in range(steps):
            self.model.train()
            self.model(torch.ones(1, 2)).sum().backward()
            self.optimizer.step()

    def evaluate(self) -> None:
        self.model.eval()
        with torch.no_grad():
            self.model(torch.ones(1, 2))


def spent_ns(meter: EvaluationInTurns) -> int:
    return meter.record(0)["ns"]


def test_of_turns_only_evaluation_is_looked_at_and_nothing_in_steps_that_train(in_turns):
    script = Script()
    script.train()
    script.evaluate()
    script.train()
    in_turns.begin()
    script.train(3)
    assert looked_at() == UNTOUCHED
    assert spent_ns(in_turns) == 0  # what came before is none of a turn's
    script.evaluate()
    assert looked_at() != UNTOUCHED
    script.train()
    assert looked_at() == UNTOUCHED
    in_turns.end()
    assert spent_ns(in_turns) == 1
    script.evaluate()
    script.train()
    assert spent_ns(in_turns) == 1
    assert in_turns.record(4) == {"ns": 1, "of_ns": 3, "steps": 4}


def test_a_model_that_trains_in_turns_for_the_first_time_evaluates_too(in_turns):
    Script().train()
    in_turns.begin()
    second = Script()  # as of the next fold
    second.train(PASSES)
    assert looked_at() == UNTOUCHED
    second.evaluate()
    second.train()
    in_turns.end()
    assert spent_ns(in_turns) == 1


class WithItsOwnEval(nn.Sequential):
    """As the models of transformers."""

    def eval(self):
        return self.train(False)


def test_a_model_with_an_eval_of_its_own_evaluates_too(in_turns):
    script = Script()
    script.model = WithItsOwnEval(*script.model)
    script.train()
    in_turns.begin()
    script.train()
    assert looked_at() == UNTOUCHED
    script.evaluate()
    script.train()
    in_turns.end()
    assert spent_ns(in_turns) == 1


def test_where_something_was_compiled_nothing_changes_that_compiled_code_is_guarded_by(in_turns, monkeypatch):
    monkeypatch.setattr("bench.measure.evaluation.has_compiled", lambda: True)
    script = Script()
    script.train()
    warm = looked_at()
    in_turns.begin()
    script.train()
    assert looked_at() == warm != UNTOUCHED
    monkeypatch.undo()
    script.train()
    assert looked_at() == UNTOUCHED
    in_turns.end()


def test_a_model_that_is_not_trained_is_not_looked_at_for_long(in_turns):
    Script().train()
    in_turns.begin()
    nn.Linear(2, 2).eval()
    assert looked_at() == UNTOUCHED
