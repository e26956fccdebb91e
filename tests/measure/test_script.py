"""When a script's step ends, and how many samples it takes."""

from contextlib import suppress

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from bench.measure import script


def optimizers(count):
    return [torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1) for _ in range(count)]


def ticks(rule, order, made=None):
    """After which optimizers' steps it ticks, as their places in `order`."""
    made = made or optimizers(max(order) + 1)
    places = []
    current = -1
    handle = script.listen(rule, lambda *_: places.append(current))
    try:
        for current, number in enumerate(order):  # noqa: B007 - the tick reads it
            made[number].step()
    finally:
        handle.remove()
    return places


@pytest.mark.parametrize(
    ("rule", "order", "ended"),
    [
        ("last", [0, 0, 0], [0, 1, 2]),
        ("last", [0, 1, 0, 1, 0, 1], [0, 1, 3, 5]),  # a GAN: what comes before both have stepped is its start
        ("last", [0, 0, 0, 1, 0, 0, 0, 1], [0, 1, 2, 3, 7]),  # five critics' steps to one of the generator
        ("last", [0, 0, 1, 2, 2], [0, 1, 2, 3, 4]),  # one optimizer after the other, as in stages
        ("every", [0, 1, 0, 1], [0, 1, 2, 3]),
        ("3", [0, 1, 0, 1, 0, 1, 0], [2, 5]),
    ],
)
def test_a_step_ends_as_the_rule_says(rule, order, ended):
    assert ticks(rule, order) == ended


def test_an_optimizer_that_is_out_of_use_ends_no_steps_for_good():
    order = [0, 1] + [0] * (script.PATIENCE + 3)
    assert ticks("last", order) == [0, 1, *range(script.PATIENCE + 2, len(order))]


def test_an_optimizer_around_another_makes_one_step_of_both():
    class Around(torch.optim.SGD):
        def step(self, closure=None):
            inner.step()
            return super().step(closure)

    (inner,) = optimizers(1)
    outer = Around([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    assert ticks("last", [0, 0, 0], made=[outer]) == [0, 1, 2]
    assert ticks("every", [0, 0, 0], made=[outer]) == [0, 1, 2]


@pytest.mark.parametrize("outer", [False, True])
def test_a_step_that_raised_does_not_hide_those_after_it(outer):
    class Failing(torch.optim.SGD):
        def step(self, closure=None):
            raise RuntimeError

    class Around(torch.optim.SGD):
        def step(self, closure=None):
            with suppress(RuntimeError):
                failing.step()
            return super().step(closure)

    failing = Failing([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    around = Around([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    (plain,) = optimizers(1)
    stepped = []
    handle = script.listen("every", lambda optimizer, *_: stepped.append(optimizer))
    try:
        for _ in range(3):
            with suppress(RuntimeError):
                (around if outer else failing).step()
            plain.step()
    finally:
        handle.remove()
    assert stepped == ([around, plain] * 3 if outer else [plain] * 3)


@pytest.mark.parametrize(
    ("batch", "samples"),
    [
        (torch.zeros(8, 3), 8),
        ([torch.zeros(5), torch.zeros(7)], 5),
        ({"name": ["a", "b"], "x": torch.zeros(4, 2)}, 4),
        (({"x": (torch.zeros(6, 1),)}, 3), 6),
        (torch.tensor(1.0), 0),
        ("nothing", 0),
    ],
)
def test_the_samples_of_a_batch_are_the_length_of_its_first_tensor(batch, samples):
    assert script.samples_in(batch) == samples


def test_what_most_steps_take_is_told_and_the_loader_left_as_it_was():
    loader = DataLoader(TensorDataset(torch.zeros(22)), batch_size=4)
    before = type(iter(loader)).__next__
    samples = script.Samples()
    samples.begin()
    batches = iter(loader)
    next(batches)  # a loop that is one batch ahead
    for _ in range(5):
        next(batches, None)
        samples.step()
    samples.end()
    list(loader)
    samples.step()
    assert samples.per_step() == 4.0
    assert type(iter(loader)).__next__ is before
