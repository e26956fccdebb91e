"""What is seen of scripts that know nothing of it, each run in a process of its own, and how they are ended."""

from __future__ import annotations

import random

import pytest
import torch
from torch.nn import Module
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks
from torch.utils.data import DataLoader

from bench.measure import witness
from bench.records.schema import ScriptFingerprint
from tests.measure.witnessed import request, witnessed

STEPS = 6
REQUESTS = {
    "loop": request("loop.py"),
    "descends": request("loop.py --optimizer SGD --weight-decay 0"),
    "accumulates": request("loop.py --accumulation 2"),
    "clips": request("loop.py --clip 0.01"),
    "falls": request("loop.py --gamma 0.5"),
    "scales": request("loop.py --scaler 1024"),
    "overflows": request("loop.py --scaler 1e38 --reduction sum"),
    "half": request("loop.py --autocast --dtype bfloat16"),
    "frozen": request("loop.py --freeze --dropout 0.5 --weight-decay 0.1"),
    "checkpoints": request("loop.py --checkpoint"),
    "compiles": request("loop.py --compile"),
    "evaluates": request("loop.py --evaluate", steps=10),
    "works": request("loop.py --workers 2", steps=10),
    "no loader": request("loop.py --no-loader", steps=4),
    "ends": request("loop.py --epochs 1"),
    "catches all": request("loop.py --catch-all"),
    "unseeded": request("loop.py --unseeded", seed=7),
    "two optimizers": request("two_optimizers.py"),
    "closure": request("closure.py"),
    "wrapping": request("wrapping.py"),
    "recovers": request("recovers.py"),
    "by hand": request("by_hand.py", tick_on="updates:update"),
    "recurrent": request("recurrent.py 0.1"),
    "recurrent, faster": request("recurrent.py 0.2"),
    "functional": request("functional.py"),
    "by hand, unnamed": request("by_hand.py"),
}


@pytest.fixture(scope="module")
def seen() -> dict[str, ScriptFingerprint | str]:
    return dict(zip(REQUESTS, witnessed(*REQUESTS.values()), strict=True))


def test_a_step_shows_its_loss_its_parameters_and_its_learning_rate(seen):
    steps = seen["loop"].steps
    assert len(steps) == STEPS
    assert [len(step.losses) for step in steps] == [1] * STEPS
    assert len({step.losses[0] for step in steps}) == len({step.parameters_sha256 for step in steps}) == STEPS
    descent = seen["descends"].steps[0]
    assert descent.moved == pytest.approx(0.01 * descent.grad_norm, rel=1e-5)
    assert [step.learning_rates for step in steps] == [[0.01]] * STEPS
    assert [step.learning_rates[0] for step in seen["falls"].steps[:3]] == [0.01, 0.005, 0.0025]


def test_the_losses_are_those_that_the_same_training_computes(seen):
    torch.manual_seed(1)
    first, last = torch.nn.Linear(4, 8), torch.nn.Linear(8, 1)
    data = torch.Generator().manual_seed(3)
    x, y = torch.rand(32, 4, generator=data), torch.rand(32, 1, generator=data)
    rows = seen["loop"].batches[0].indices
    loss = (last(first(x[rows]).relu()) - y[rows]).square().mean()
    assert seen["loop"].steps[0].losses == [pytest.approx(loss.item(), rel=1e-6)]


def test_each_micro_batch_has_its_loss(seen):
    assert [len(step.losses) for step in seen["accumulates"].steps] == [2] * STEPS
    assert seen["accumulates"].steps[0].losses[0] == pytest.approx(seen["loop"].steps[0].losses[0] / 2)


def test_clipping_is_seen_with_its_limit_and_the_norms_around_it(seen):
    (clip,) = seen["clips"].steps[0].clips
    assert (clip.kind, clip.limit) == ("norm", 0.01)
    assert clip.norm == pytest.approx(seen["loop"].steps[0].grad_norm)
    assert seen["clips"].steps[0].grad_norm == pytest.approx(0.01, rel=1e-3)


def test_losses_are_told_without_the_scale_of_a_scaler(seen):
    assert [step.loss_scale for step in seen["scales"].steps] == [1024.0] * STEPS
    assert [step.losses for step in seen["scales"].steps] == [step.losses for step in seen["loop"].steps]
    assert seen["loop"].steps[0].loss_scale is None


def test_updates_that_a_scaler_leaves_out_are_no_steps_but_counted(seen):
    steps = seen["overflows"].steps
    assert steps[0].skipped > 0
    assert len(steps[0].losses) == steps[0].skipped + 1
    assert [step.skipped for step in steps[1:]] == [0] * (STEPS - 1)


def test_what_is_trained_is_told(seen):
    fingerprint = seen["frozen"]
    assert [(each.name, each.shape) for each in fingerprint.trainable] == [("last.weight", [1, 8]), ("last.bias", [1])]
    assert [each.name for each in fingerprint.frozen] == ["first.weight", "first.bias"]
    assert [model.model_dump() for model in fingerprint.models] == [
        {"name": "Net", "attention": None, "dropout": [0.5]}
    ]
    (optimizer,) = fingerprint.optimizers
    (group,) = optimizer.groups
    assert (optimizer.name, group.tensors, group.numbers) == ("AdamW", 2, 9)
    assert group.settings["weight_decay"] == 0.1
    assert group.settings["betas"] == [0.9, 0.999]
    assert not {"params", "lr", "initial_lr"} & group.settings.keys()


def test_precision_is_told(seen):
    assert {parameter.dtype for parameter in seen["half"].trainable} == {"bfloat16"}
    assert seen["half"].autocast == ["bfloat16"]
    assert seen["loop"].autocast == []


@pytest.mark.parametrize(
    ("name", "recomputes", "compiled"), [("loop", 0, 0), ("checkpoints", 1, 0), ("compiles", 0, 1)]
)
def test_checkpointing_and_compiling_are_seen(seen, name, recomputes, compiled):
    assert (seen[name].recomputes, seen[name].compiled) == (recomputes, compiled)
    assert [model.name for model in seen[name].models] == ["Net"]
    assert [parameter.name for parameter in seen[name].trainable] == [
        "first.weight", "first.bias", "last.weight", "last.bias",
    ]  # fmt: skip


def test_the_loader_and_its_batches_are_those_of_training_alone(seen):
    evaluates = seen["evaluates"]
    (loader,) = evaluates.loaders
    assert loader.model_dump() == {
        "dataset": "TensorDataset", "samples": 32, "batch_size": 8, "workers": 0, "shuffle": True, "drop_last": False,
        "pin_memory": False,
    }  # fmt: skip
    assert [batch.epoch for batch in evaluates.batches] == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3]
    assert sorted(index for batch in evaluates.batches[:4] for index in batch.indices) == list(range(32))


def test_workers_that_fetch_ahead_change_nothing_of_the_batches(seen):
    assert [loader.workers for loader in seen["works"].loaders] == [2]
    assert seen["works"].batches == seen["evaluates"].batches


def test_without_a_loader_the_models_inputs_are_the_batches(seen):
    without, with_loader = seen["no loader"], seen["works"]
    assert without.batches == without.loaders == []
    assert without.steps == with_loader.steps[:4]
    assert without.inputs == with_loader.inputs[:4]
    for given, batch in zip(without.inputs, with_loader.batches[:4], strict=True):
        assert set(given.tensors) < set(batch.tensors)  # the model is not called with what it shall say


def test_a_hidden_state_that_goes_from_batch_to_batch_is_no_sample(seen):
    slow, fast = seen["recurrent"], seen["recurrent, faster"]
    assert slow.steps[0].losses == fast.steps[0].losses
    assert slow.steps[2].losses != fast.steps[2].losses
    assert [len(given.tensors) for given in slow.inputs[1:]] == [1] * (STEPS - 1)
    assert slow.inputs == fast.inputs


def test_a_model_that_is_called_within_a_transform_shows_its_samples(seen):
    assert [len(given.samples) for given in seen["functional"].inputs] == [8] * STEPS
    assert [step.losses for step in seen["functional"].steps] == [[]] * STEPS
    assert len({step.parameters_sha256 for step in seen["functional"].steps}) == STEPS


def test_a_script_that_ends_early_says_so(seen):
    assert len(seen["ends"].steps) == 4
    assert seen["ends"].ended == "the script ended by itself after 4 of 6 steps"
    assert seen["loop"].ended is None


def test_a_script_that_catches_everything_is_ended_from_inside_its_step(seen):
    assert seen["catches all"].steps == seen["loop"].steps


def test_what_the_script_seeds_wins_and_what_it_does_not_is_seeded(seen):
    assert seen["unseeded"].initial_sha256 != seen["loop"].initial_sha256
    assert seen["unseeded"].steps == witnessed(REQUESTS["unseeded"])[0].steps


def test_each_step_of_two_optimizers_is_one(seen):
    steps = seen["two optimizers"].steps
    assert [step.optimizer for step in steps] == [0, 1] * 3
    assert [len(step.losses) for step in steps] == [2, 1] * 3
    assert [optimizer.name for optimizer in seen["two optimizers"].optimizers] == ["SGD", "Adam"]


def test_all_losses_of_a_closure_belong_to_its_step(seen):
    first = seen["closure"].steps[0].losses
    assert len(first) == 3
    assert first == sorted(first, reverse=True)


def test_an_optimizer_within_another_makes_no_step_of_its_own(seen):
    steps = seen["wrapping"].steps
    assert [len(step.losses) for step in steps] == [1] * STEPS
    assert {step.optimizer for step in steps} == {0}
    assert steps[0].moved == pytest.approx(2 * 0.1 * steps[0].grad_norm)


def test_a_step_that_raised_is_a_part_of_the_one_after_it(seen):
    steps = seen["recovers"].steps
    assert [len(step.losses) for step in steps] == [1, 2] + [1] * (STEPS - 2)


def test_a_named_function_ticks_where_no_optimizer_does(seen):
    by_hand = seen["by hand"]
    assert [step.optimizer for step in by_hand.steps] == [None] * STEPS
    assert by_hand.steps[0].moved == pytest.approx(0.1 * by_hand.steps[0].grad_norm, rel=1e-4)
    assert len(by_hand.trainable) == 4
    assert by_hand.optimizers == []


def test_a_script_in_which_nothing_ticks_is_told_the_way_out(seen):
    assert seen["by hand, unnamed"] == (
        "NoStepSeenError: no optimizer step was seen: name the function that updates with --tick-on module:function, "
        "if it is no optimizer of torch.optim"
    )


def one_step() -> None:
    parameter = torch.nn.Parameter(torch.ones(1))
    parameter.sum().backward()
    torch.optim.SGD([parameter], lr=0.1).step()


def test_without_a_way_to_finish_an_exception_ends_the_script_and_nothing_stays_behind():
    before = Module.__call__, torch.autograd.backward, DataLoader.__iter__, torch.nn.utils.clip_grad_norm_
    after = []

    def script():
        one_step()
        after.append("not reached")

    result = witness.record(script, steps=1)
    assert [step["losses"] for step in result["steps"]] == [[1.0]]
    assert not after
    assert before == (Module.__call__, torch.autograd.backward, DataLoader.__iter__, torch.nn.utils.clip_grad_norm_)
    assert not _global_optimizer_pre_hooks
    assert not _global_optimizer_post_hooks
    assert not torch.are_deterministic_algorithms_enabled()


def test_what_a_script_raises_before_its_last_step_is_its_own():
    def script():
        one_step()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        witness.record(script, steps=2)


@pytest.mark.parametrize("steps_made", [0, 1])
def test_a_script_that_exits_is_one_that_ended_if_it_has_trained(steps_made):
    def script():
        for _ in range(steps_made):
            one_step()
        raise SystemExit(3)

    if steps_made:
        assert witness.record(script, steps=2)["ended"] == "the script ended by itself after 1 of 2 steps"
    else:
        with pytest.raises(SystemExit):
            witness.record(script, steps=2)


def test_all_random_generators_are_seeded():
    import numpy as np

    drawn = []

    def script():
        drawn.append((random.random(), np.random.rand(), torch.rand(1).item()))
        one_step()

    for seed in (0, 0, 1):
        witness.record(script, steps=1, seed=seed)
    assert drawn[0] == drawn[1]
    assert not set(drawn[0]) & set(drawn[2])
