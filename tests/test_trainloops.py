"""What every loop is handed: one order of samples, few rows however long an epoch is; and the loop without a loader."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch.amp.grad_scaler import GradScaler
from torch.optim.optimizer import register_optimizer_step_post_hook

from bench.measure import hooks
from bench.measure.determinism import flags
from bench.measure.hooks import after_each_step
from bench.plan import length
from trainloops import parts, runners
from trainloops.contract import MAX_ROWS, Job
from trainloops.order import SeededOrder
from trainloops.runners import compat, floor


def job(**changes: object) -> Job:
    return Job(**{"workload": "mlp", "batch_size": 4, "epochs": 2, "steps_per_epoch": 5, "optimizer": "sgd"} | changes)


def order(length: int, *, rows: int | None = None, seed: int = 0, epoch: int = 0) -> list[int]:
    sampler = SeededOrder(length, seed, rows=rows)
    sampler.set_epoch(epoch)
    assert len(sampler) == length
    return list(sampler)


# The order.


@pytest.mark.parametrize(("length", "rows"), [(12, None), (12, 12), (12, 5), (12, 4), (5000, 37)])
@pytest.mark.parametrize("epoch", [0, 3])
def test_each_epoch_is_a_permutation_of_its_length_modulo_the_rows_that_there_are(length, rows, epoch):
    indices = order(length, rows=rows, epoch=epoch)
    assert Counter(indices) == Counter(index % (rows or length) for index in range(length))
    assert indices == [index % (rows or length) for index in order(length, epoch=epoch)]


@pytest.mark.parametrize("ranks", [1, 2, 3])
@pytest.mark.parametrize("epoch", [0, 3])
def test_ranks_divide_every_batch_of_all_among_them_in_their_order(ranks, epoch):
    batch_size, whole = 4, SeededOrder(4 * 6, seed=1, rows=17)
    parts = [whole.of_rank(rank, ranks, batch_size) for rank in range(ranks)]
    for part in parts:
        part.set_epoch(epoch)
    batches = [[*zip(*[iter(part)] * batch_size, strict=True)] for part in parts]
    together = [index for step in zip(*batches, strict=True) for batch in step for index in batch]
    assert [len(part) for part in parts] == [24 // ranks] * ranks
    assert together == order(24, seed=1, rows=17, epoch=epoch)


@pytest.mark.parametrize("rows", [None, 50])
def test_the_order_is_a_function_of_seed_and_epoch(rows):
    assert order(200, rows=rows, seed=1, epoch=2) == order(200, rows=rows, seed=1, epoch=2)
    others = [order(200, rows=rows, seed=s, epoch=e) for s, e in ((1, 2), (1, 3), (2, 2))]
    assert others[0] != others[1] != others[2] != others[0]


def test_rows_that_come_up_again_do_not_come_in_the_same_order():
    indices = order(400, rows=100)
    assert len({tuple(indices[at : at + 100]) for at in range(0, 400, 100)}) == 4


# Rows.


@pytest.mark.parametrize(
    ("batch_size", "steps_per_epoch", "grad_accumulation", "rows"),
    [(4, 5, 1, 20), (4, 5, 3, 60), (64, 128, 1, MAX_ROWS), (64, 129, 1, MAX_ROWS), (2048, 101, 4, MAX_ROWS)],
)
def test_an_epoch_has_as_many_rows_as_samples_up_to_a_cap(batch_size, steps_per_epoch, grad_accumulation, rows):
    asked = job(batch_size=batch_size, steps_per_epoch=steps_per_epoch, grad_accumulation=grad_accumulation)
    assert asked.rows == rows
    assert asked.samples_per_epoch == batch_size * steps_per_epoch * grad_accumulation
    built = parts.build(asked)
    assert len(built.dataset) == rows
    assert len(built.sampler) == asked.samples_per_epoch
    assert max(built.sampler) == rows - 1


def test_a_job_of_more_samples_than_rows_makes_all_of_its_steps():
    long = job(batch_size=512, steps_per_epoch=17, epochs=1)
    assert long.samples_per_epoch > MAX_ROWS
    assert steps_made("pytorch", long) == 17


# The loop without a loader.


def steps_made(runner: str, asked: Job) -> int:
    steps = []
    with after_each_step(steps.append):
        runners.load(runner)(asked, parts.build(asked))
    return len(steps)


@pytest.mark.parametrize("grad_accumulation", [1, 3])
@pytest.mark.parametrize(("epochs", "steps_per_epoch", "held"), [(2, 5, 10), (4, 4, 16), (2, 20, 16), (5, 7, 16)])
def test_it_holds_the_batches_of_sixteen_steps_at_most_and_trains_all(epochs, steps_per_epoch, held, grad_accumulation):
    asked = job(epochs=epochs, steps_per_epoch=steps_per_epoch, grad_accumulation=grad_accumulation)
    assert len(floor.batches_on_device(asked, parts.build(asked))) == held * grad_accumulation
    assert steps_made("floor", asked) == asked.steps


def test_what_it_holds_are_the_first_batches_that_every_loop_has():
    asked = job(epochs=5, steps_per_epoch=7)
    built = parts.build(asked)
    wanted = []
    for epoch in range(3):
        built.sampler.set_epoch(epoch)
        wanted += torch.tensor(list(built.sampler)).split(asked.batch_size)
    held = floor.batches_on_device(asked, parts.build(asked))
    for batch, indices in zip(held, wanted[: len(held)], strict=True):
        assert torch.equal(batch["x"], built.dataset.x[indices])
        assert torch.equal(batch["labels"], built.dataset.labels[indices])


def trained_on(runner: str, asked: Job) -> list[bytes]:
    """What the loss was computed of, batch by batch."""
    built = parts.build(asked)
    seen = []
    built.model.register_forward_pre_hook(lambda _model, inputs: seen.append(inputs[0].numpy().tobytes()))
    runners.load(runner)(asked, built)
    return seen


def test_it_trains_on_what_the_hand_written_loop_trains_on_and_goes_round_in_a_longer_job():
    first = job(epochs=2, steps_per_epoch=8)
    assert trained_on("floor", first) == trained_on("pytorch", first)
    longer = job(epochs=5, steps_per_epoch=8)
    held = trained_on("pytorch", longer)[: floor.MAX_STEPS_HELD]
    assert trained_on("floor", longer) == held + held + held[:8]


def test_the_steps_that_prove_its_arithmetic_never_go_round():
    assert length.EQUIVALENCE.steps <= floor.MAX_STEPS_HELD
    assert length.COUNTING.steps <= floor.MAX_STEPS_HELD


# Copies to a device.


class Moved:
    """A tensor that keeps how it was moved, and cannot be."""

    def to(self, *_: object, **how: object) -> None:
        raise MovedError(how)


class MovedError(Exception):
    pass


@pytest.mark.parametrize(("device", "is_pinned"), [("cuda", True), ("cuda:1", True), ("mps", False), ("xpu", False)])
def test_nobody_goes_on_while_memory_that_is_not_pinned_is_copied(device, is_pinned, monkeypatch):
    """Apple's driver may read it after its next use: batches would be silently wrong."""
    asked = job(device=device)
    assert asked.pins_memory is is_pinned
    built = parts.build(job())
    handed = [{"x": Moved()}]
    monkeypatch.setattr("trainloops.runners.pytorch.DataLoader", lambda *_, **__: handed)
    with pytest.raises(MovedError) as moved:
        runners.load("pytorch")(asked, built)
    assert moved.value.args == ({"non_blocking": is_pinned},)
    import accelerate  # noqa: F401
    import transformers.trainer_pt_utils  # noqa: F401

    assert bool(compat.accelerate_0_30_non_blocking(asked)) is is_pinned
    assert bool(compat.transformers_4_41_non_blocking(asked)) is is_pinned


# Half precision.


def trained(runner, asked, *, overflows_in=()):
    """A model that `runner` has trained, and how many steps end by each rule; `overflows_in` numbers micro-batches."""
    built, losses = parts.build(asked), []

    def loss(model, batch):
        value = built.loss(model, batch)
        losses.append(value.item())
        return value * 1e38 if len(losses) in overflows_in else value

    made, ended = [], []
    scaled = [(made, register_optimizer_step_post_hook), (ended, hooks.on_tick)]
    handles = [listen(lambda *_, steps=steps: steps.append(len(losses))) for steps, listen in scaled]
    try:
        runners.load(runner)(asked, replace(built, loss=loss))
    finally:
        for handle in handles:
            handle.remove()
    return built.model.state_dict(), losses, made, ended


@pytest.fixture
def by_scalers(monkeypatch):
    monkeypatch.setattr(GradScaler, "step", GradScaler.step)
    monkeypatch.setattr(hooks, "_listen", hooks._listen)
    hooks.tick_by_scalers()


@pytest.mark.usefixtures("by_scalers")
@pytest.mark.parametrize("changes", [{}, {"grad_clip": 0.1}, {"grad_accumulation": 2}])
def test_a_step_that_the_scaler_skips_is_a_step_and_no_update(changes):
    asked = job(precision="fp16", **changes)
    steps = [at * asked.grad_accumulation for at in range(1, 11)]
    runs = {runner: trained(runner, asked, overflows_in=[steps[3]]) for runner in ("pytorch", "floor")}
    for weights, losses, made, ended in runs.values():
        assert ended == steps
        assert made == [step for step in steps if step != steps[3]]
        assert losses == runs["pytorch"][1]
        assert all(torch.equal(weights[name], value) for name, value in runs["pytorch"][0].items())
    assert not runs["pytorch"][0].keys() ^ parts.build(asked).model.state_dict().keys()


@pytest.mark.usefixtures("by_scalers")
def test_a_scaled_loss_trains_what_the_loss_would():
    """Powers of two are exact, so that only what would have been lost in fp16 differs: here nothing is."""
    (half, *_), (whole, *_) = (trained("pytorch", job(precision=each)) for each in ("fp16", "fp32"))
    for name, value in whole.items():
        torch.testing.assert_close(half[name], value, rtol=2e-2, atol=1e-4)


# TF32.


def test_compiling_does_not_choose_tf32_for_trainer_and_accelerate():
    from transformers.utils.import_utils import enable_tf32

    def switches():
        cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
        return [torch.get_float32_matmul_precision(), matmul.allow_tf32, cudnn.allow_tf32, cudnn.conv.fp32_precision]

    before = switches()
    with compat.accelerate_0_18_exact_float32():
        enable_tf32(True)  # as TrainingArguments does with torch_compile=True
        torch.backends.cuda.matmul.allow_tf32 = True  # as AcceleratorState does with a backend of dynamo
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    assert switches() == before


def test_whoever_wants_tf32_keeps_it():
    torch.set_float32_matmul_precision("high")
    try:
        with compat.accelerate_0_18_exact_float32():
            torch.backends.cuda.matmul.allow_tf32 = True
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_torch_s_switches_are_told_whichever_api_set_them(monkeypatch):
    assert flags()["cudnn.allow_tf32"] == "True"
    monkeypatch.setattr(torch.backends, "fp32_precision", "ieee")
    switches = flags()
    assert switches["cudnn.allow_tf32"] == "ieee"
    assert "float32 matmul precision" in switches
