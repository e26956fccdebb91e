"""When a script evaluates, by what it does to its modules."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.measure.evaluation import Evaluation


class Wrapper(nn.Module):
    """As DistributedDataParallel is one."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module


@pytest.fixture
def evaluation():
    found = Evaluation(lambda: found.changes.append(found.is_on))
    found.changes = []
    with found.watching():
        yield found


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
