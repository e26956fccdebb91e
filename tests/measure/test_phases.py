import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, Dataset

from bench.measure import phases, trace
from bench.measure.device import Host
from tests.measure.fake_device import FakeAccelerator
from trainloops import parts, runners
from trainloops.contract import Job, Parts
from trainloops.order import SeededOrder

ROOT = Path(__file__).parent.parent.parent


class Time:
    """A clock that moves only when a part of the loop says how long it takes."""

    now_ns = 0

    def passes(self, ns):
        self.now_ns += ns


@pytest.fixture
def time(monkeypatch):
    clock = Time()
    monkeypatch.setattr(phases, "perf_counter_ns", lambda: clock.now_ns)
    return clock


class SlowBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, time):
        ctx.time = time
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        ctx.time.passes(100_000)
        return gradient, None


class SlowModel(torch.nn.Linear):
    def __init__(self, time):
        super().__init__(1, 1)
        self.time = time

    def forward(self, x):
        self.time.passes(1_000)
        return SlowBackward.apply(super().forward(x), self.time)


class SlowData(Dataset):
    def __init__(self, time):
        self.time = time

    def __len__(self):
        return 8

    def __getitem__(self, index):
        self.time.passes(10)
        return {"x": torch.ones(1)}


class SlowOptimizer(torch.optim.Optimizer):
    def __init__(self, parameters, time):
        super().__init__(parameters, {})
        self.time = time

    def step(self, closure=None):
        if closure is not None:
            closure()
        self.time.passes(1_000_000)


def slow_parts(time):
    model = SlowModel(time)

    def loss(model, batch):
        time.passes(10_000)
        return model(batch["x"]).sum()

    return Parts(
        model=model,
        optimizer=SlowOptimizer(model.parameters(), time),
        dataset=SlowData(time),
        sampler=SeededOrder(8, 0),
        loss=loss,
        loader={"batch_size": 2},
        autocast=torch.enable_grad(),
    )


def plain_loop(parts, time):
    for batch in DataLoader(parts.dataset, sampler=parts.sampler, **parts.loader):
        loss = parts.loss(parts.model, batch)
        time.passes(10_000_000)
        loss.backward()
        parts.optimizer.step()
        parts.optimizer.zero_grad()


def loop_with_a_closure(parts, time):
    for batch in DataLoader(parts.dataset, sampler=parts.sampler, **parts.loader):

        def closure(batch=batch):
            time.passes(10_000_000)
            loss = parts.loss(parts.model, batch)
            loss.backward()
            return loss

        parts.optimizer.step(closure=closure)
        parts.optimizer.zero_grad()


def loop_that_calls_the_model_itself(parts, time):
    for batch in DataLoader(parts.dataset, sampler=parts.sampler, **parts.loader):
        time.passes(10_000_000)
        loss = parts.model(batch["x"]).sum()
        time.passes(10_000)
        torch.autograd.backward([loss])
        parts.optimizer.step()
        parts.optimizer.zero_grad()


@pytest.mark.parametrize(
    ("loop", "forward_ns", "rest_ns"),
    [
        (plain_loop, 11_000, 10_000_000),
        (loop_with_a_closure, 11_000, 10_000_000),
        (loop_that_calls_the_model_itself, 1_000, 10_010_000),
    ],
)
def test_every_instant_belongs_to_the_innermost_phase(time, loop, forward_ns, rest_ns):
    with phases.splitting(slow_parts(time), Host()) as split:
        loop(split.parts, time)
    assert split.result() == {
        "phase_ns": {
            "data": [20] * 3,
            "forward": [forward_ns] * 3,
            "backward": [100_000] * 3,
            "optimizer": [1_000_000] * 3,
            "rest": [rest_ns] * 3,
        }
    }


def test_the_device_is_waited_for_at_each_change_of_phase(time):
    device = FakeAccelerator()
    with phases.splitting(slow_parts(time), device) as split:
        before = len(device.calls)
        plain_loop(split.parts, time)
    # Data, the loss, the model, backward and the optimizer begin and end, and so does the step; the loader ends once
    # more than it gives.
    assert device.calls[before:] == ["synchronize"] * (4 * (2 * 5 + 1) + 2)


def test_nothing_stays_behind(time):
    built = slow_parts(time)
    backward, fetch = torch.autograd.backward, torch.utils.data.dataloader._BaseDataLoaderIter.__next__
    with pytest.raises(ZeroDivisionError), phases.splitting(built, Host()):
        raise ZeroDivisionError
    assert torch.autograd.backward is backward
    assert torch.utils.data.dataloader._BaseDataLoaderIter.__next__ is fetch
    assert not built.model._forward_pre_hooks
    assert not built.model._forward_hooks
    assert not _global_optimizer_pre_hooks
    assert not _global_optimizer_post_hooks


# Scripts, of which nothing is known before they run.


def phases_of(script, time, *, steps=4):
    with phases.splitting_script(Host()) as split:
        script(slow_parts(time), time)
    assert len(split.steps_ns) == steps
    return split.result()


def a_script(parts, time):
    for batch in DataLoader(parts.dataset, sampler=parts.sampler, **parts.loader):
        loss = parts.model(batch["x"]).sum()
        time.passes(10_000_000)
        loss.backward()
        parts.optimizer.step()
        parts.optimizer.zero_grad()


def test_a_script_has_the_phases_of_a_loop(time):
    assert phases_of(a_script, time) == {
        "phase_ns": {
            "data": [20] * 3,
            "forward": [1_000] * 3,
            "backward": [100_000] * 3,
            "optimizer": [1_000_000] * 3,
            "rest": [10_000_000] * 3,
        },
        "evaluation_ns": [0] * 3,
    }


def test_a_step_that_raised_has_no_share_in_those_after_the_next(time):
    def recovers(parts, time):
        a_script(parts, time)
        with pytest.raises(ZeroDivisionError):
            parts.optimizer.step(lambda: 1 // 0)
        a_script(parts, time)

    phase_ns = phases_of(recovers, time, steps=8)["phase_ns"]
    assert phase_ns["optimizer"][-3:] == [1_000_000] * 3
    assert phase_ns["rest"][-3:] == [10_000_000] * 3


def evaluates(parts, time):
    a_script(parts, time)
    parts.model.eval()
    time.passes(7)
    with torch.no_grad():
        for batch in DataLoader(SlowData(time), batch_size=4):
            parts.model(batch["x"])
    parts.model.train()
    a_script(parts, time)


def trains_with_another_model_in_evaluation(parts, time):
    other = SlowModel(time)
    with torch.no_grad():
        other.eval()(torch.ones(1, 1))
    a_script(parts, time)
    other.eval()
    a_script(parts, time)


def freezes_a_layer(parts, time):
    layer = torch.nn.Dropout()
    layer(torch.ones(1))
    for _ in range(2):
        layer.eval()
        a_script(parts, time)


@pytest.mark.parametrize(
    ("script", "evaluation_ns", "rest_ns"),
    [
        # Two batches of four samples and two forwards, and 7 ns before them.
        (evaluates, 7 + 8 * 10 + 2 * 1_000, 10_000_000),
        (trains_with_another_model_in_evaluation, 0, 10_000_000),
        (freezes_a_layer, 0, 10_000_000),
    ],
)
def test_evaluation_is_told_apart_from_the_step_in_which_it_falls(time, script, evaluation_ns, rest_ns):
    result = phases_of(script, time, steps=8)
    assert result["evaluation_ns"] == [0, 0, 0, evaluation_ns, 0, 0, 0]
    assert result["phase_ns"]["rest"] == [rest_ns] * 7
    assert result["phase_ns"]["data"] == [20] * 7
    assert result["phase_ns"]["forward"] == [1_000] * 7


def stays_in_evaluation(parts, time):
    """Trains on in evaluation mode, as who fine-tunes without dropout may."""
    a_script(parts, time)
    parts.model.eval()
    a_script(parts, time)


def test_evaluation_ends_with_the_next_backward_where_nobody_switches_back(time):
    result = phases_of(stays_in_evaluation, time, steps=8)
    assert result["evaluation_ns"][:3] == [0, 0, 0]
    assert result["evaluation_ns"][4:] == [0, 0, 0]
    assert result["phase_ns"]["optimizer"] == [1_000_000] * 7


def checkpoints(parts, time):
    for batch in DataLoader(parts.dataset, sampler=parts.sampler, **parts.loader):
        loss = checkpoint(parts.model, batch["x"], use_reentrant=False).sum()
        loss.backward()
        parts.optimizer.step()
        parts.optimizer.zero_grad()


def test_what_is_computed_again_belongs_to_the_backward(time):
    result = phases_of(checkpoints, time)
    assert result["phase_ns"]["forward"] == [1_000] * 3
    assert result["phase_ns"]["backward"] == [101_000] * 3


def nests(parts, time):
    class Outer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = parts.model

        def forward(self, x):
            time.passes(500)
            return self.inner(x)

    a_script(replace(parts, model=Outer()), time)


def test_modules_within_modules_are_one_forward(time):
    assert phases_of(nests, time)["phase_ns"]["forward"] == [1_500] * 3


def test_a_script_that_raised_leaves_nothing_behind():
    before = torch.nn.Module.__call__, torch.nn.Module.train, torch.autograd.backward
    with pytest.raises(ZeroDivisionError), phases.splitting_script(Host()):
        raise ZeroDivisionError
    assert before == (torch.nn.Module.__call__, torch.nn.Module.train, torch.autograd.backward)
    assert not _global_optimizer_pre_hooks
    assert not _global_optimizer_post_hooks


# The trace.


@pytest.mark.parametrize(
    ("warmup_steps", "steps_per_epoch", "first"), [(5, 40, 5), (0, 40, 1), (30, 40, 30), (31, 40, 41), (40, 40, 41)]
)
def test_the_traced_steps_cross_no_epoch_boundary(warmup_steps, steps_per_epoch, first):
    assert trace.first_steady_step(warmup_steps=warmup_steps, steps_per_epoch=steps_per_epoch) == first


def test_an_epoch_of_ten_steps_is_too_short_to_trace():
    with pytest.raises(ValueError, match="an epoch of 10 steps has no 10 steady ones"):
        trace.first_steady_step(warmup_steps=0, steps_per_epoch=10)


def test_the_trace_holds_ten_steps(tmp_path):
    job = Job(workload="mlp", batch_size=2, epochs=1, steps_per_epoch=16)
    path = tmp_path / "trace.json"
    with trace.tracing(path, first_step=3):
        runners.load("pytorch")(job, parts.build(job))
    events = json.loads(path.read_text())["traceEvents"]
    steps = {e["name"] for e in events if e.get("cat") == "user_annotation" and e["name"].startswith("ProfilerStep")}
    assert steps == {f"ProfilerStep#{step}" for step in range(3, 13)}
    assert sum(e.get("name") == "aten::addmm" for e in events) == 10 * 3
