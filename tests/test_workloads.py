"""What is trained: every loop trains each workload alike, and what no loop can train says what is wrong with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from bench.measure.fingerprint import Recorder, UnusableLossError
from tests import verbs
from trainloops import parts, runners, workloads
from trainloops.contract import Job
from trainloops.options.hf_trainer import RECOMPUTED
from trainloops.workloads import RECOMPUTE, WorkloadError

ROOT = Path(__file__).parent.parent
OWN = ROOT / "tests" / "workloads" / "own.py"
ADDED = ("cnn", "encoder", "causal-lm")

PRECISION = {"fp32": {}, "bf16": {"precision": "bf16", "grad_accumulation": 2, "grad_clip": 0.1}}
ALL_LOOPS = {
    **{
        f"{workload} in {precision}": {"workload": workload, **settings}
        for workload in (*ADDED, f"{OWN}:rude")
        for precision, settings in PRECISION.items()
    },
    **{
        f"mlp in {precision}, {micro} micro-batches, clipped to {clip}": {
            "workload": "mlp", "precision": precision, "grad_accumulation": micro, "grad_clip": clip,
        }
        for precision in PRECISION
        for micro in (1, 2)
        for clip in (None, 0.1)
    },
    **{
        f"mlp-wide by {optimizer}, two workers": {"workload": "mlp-wide", "optimizer": optimizer, "workers": 2}
        for optimizer in ("adamw-fused", "sgd")
    },
}  # fmt: skip
"""What a job is for all loops to end with the same bits, by what it is called."""


@pytest.fixture(scope="module")
def trained():
    """For each job what every runner came to."""
    return json.loads(verbs.program("tests.workloads.train_runners", json.dumps(ALL_LOOPS), *runners.REGISTRY))


@pytest.mark.parametrize("job", ALL_LOOPS)
def test_every_loop_ends_with_the_same_bits(trained, job):
    """`rude` has dropout, buffers that training moves, a dict for an output and batches that are padded."""
    by_runner = trained[job]
    assert by_runner.keys() == runners.REGISTRY.keys()
    losses = by_runner["pytorch"]["losses"]
    assert len(losses) == len(set(losses)) == 6 * ALL_LOOPS[job].get("grad_accumulation", 1)
    for name, result in by_runner.items():
        assert result == by_runner["pytorch"], name


def test_dropout_draws_something_else_in_every_micro_step():
    """The proof seeds it, so that loops draw alike; with one seed for all, it would be a fixed mask."""
    built = parts.build(job(f"{OWN}:rude"))
    recorder = Recorder(built)
    batch = built.loader["collate_fn"]([built.dataset[0], built.dataset[1]])
    built.model.train()
    losses = {recorder.parts.loss(built.model, batch).item() for _ in range(8)}
    assert len(losses) > 4


def job(workload: str, **changes: object) -> Job:
    return Job(**{"workload": workload, "batch_size": 2, "epochs": 1, "steps_per_epoch": 4} | changes)


# Sizes, and weights.


@pytest.mark.parametrize(
    ("workload", "shape", "parameters"),
    [("cnn", (2, 10), 78_042), ("encoder", (2, 2), 172_098), ("causal-lm", (2, 32, 8192), 1_130_816)],
)
def test_the_models_are_as_small_as_they_are_said_to_be(workload, shape, parameters):
    built = parts.build(job(workload))
    batch = built.loader["collate_fn"]([built.dataset[0], built.dataset[1]])
    inputs = next(value for key, value in batch.items() if key != "labels")
    assert built.model(inputs).shape == shape
    assert sum(parameter.numel() for parameter in built.model.parameters()) == parameters


def test_tokens_are_packed_and_the_labels_are_those_that_follow():
    data = workloads.load("causal-lm").dataset(5, 0)
    assert len(data) == 5
    stream = torch.cat([data[index]["input_ids"] for index in range(5)])
    assert torch.equal(torch.cat([data[index]["labels"] for index in range(5)])[:-1], stream[1:])


@pytest.mark.parametrize("workload", ["encoder", "causal-lm"])
def test_the_seed_decides_the_weights_and_no_release_of_transformers(workload, monkeypatch):
    first = list(parts.build(job(workload)).model.parameters())
    monkeypatch.setattr("torch.nn.init.normal_", lambda tensor, *_, **__: tensor)  # what a release draws by itself
    again, other = (list(parts.build(job(workload, seed=seed)).model.parameters()) for seed in (0, 1))
    assert all(torch.equal(*both) for both in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert first[0].std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("workload", ["encoder", "causal-lm"])
def test_a_model_of_transformers_computes_its_layers_again_where_it_is_asked_to(workload):
    built = parts.build(Job(workload=workload, batch_size=2, epochs=1, steps_per_epoch=1))
    layer = next(
        module
        for name, module in built.model.named_modules()
        if isinstance(module, torch.nn.Linear) and re.search(r"\.layers?\.0\.", name)
    )
    passes = []
    layer.register_forward_pre_hook(lambda *_: passes.append(1))

    def trained():
        passes.clear()
        tokens = torch.zeros(2, 8, dtype=torch.int64)
        built.model.train()(tokens).sum().backward()
        return len(passes)

    once = trained()
    assert RECOMPUTED.make(Job(workload=workload, batch_size=2, epochs=1, steps_per_epoch=1), built) is True
    getattr(built.model, next(name for name in RECOMPUTE if hasattr(built.model, name)))()
    assert trained() == 2 * once > 0


def test_a_model_that_cannot_compute_its_layers_again_is_named():
    job = Job(workload="mlp", batch_size=2, epochs=1, steps_per_epoch=1)
    with pytest.raises(WorkloadError, match="the model of mlp has no activation_checkpointing_enable or gradient_"):
        RECOMPUTED.make(job, parts.build(job))


def test_of_a_dataset_of_another_length_rows_come_up_again():
    short = parts.build(job("cnn", batch_size=1024, steps_per_epoch=2))
    assert (len(short.dataset), len(short.sampler)) == (1024, 2048)
    assert sorted(short.sampler) == sorted([*range(1024)] * 2)
    own = parts.build(job(f"{OWN}:rude", steps_per_epoch=2))
    assert (len(own.dataset), len(own.sampler), max(own.sampler)) == (10, 4, 3)


# What no loop can train.


@pytest.mark.parametrize(
    ("factory", "sentence"),
    [
        (
            "a_tuple",
            "its function returned a tuple (Sequential, Points, function), and not a trainloops.contract.Workload("
            "model=..., dataset=..., loss=..., learning_rate=...)",
        ),
        (
            "a_model_that_is_made",
            "its model is a Sequential, and not a function () that makes a torch.nn.Module, since",
        ),
        ("a_dataset_that_is_made", "its dataset is a Points, and not a function (length, seed) that makes a dataset"),
        ("a_loss_of_torch", "its loss is a CrossEntropyLoss, and not a function (model, batch) that computes it"),
        ("no_rate", "its learning_rate and weight_decay are None and 0.0, and not two numbers"),
        ("no_module", "the workload's model() made None, and not a torch.nn.Module"),
        ("a_stream", "the workload's dataset() made a list_iterator, and not a map-style dataset, which has a length"),
        ("an_empty_dataset", "the workload's dataset() made an empty one"),
        ("pairs", "a batch of the workload is a list (Tensor, Tensor), and not a dict of tensors: let items of"),
        ("NUMBER", "it is an int, and not a function that returns a trainloops.contract.Workload("),
    ],
)
def test_what_is_no_workload_says_what_it_is_and_what_is_wanted(factory, sentence):
    with pytest.raises(WorkloadError) as refused:
        parts.build(job(f"{OWN}:{factory}"))
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("factory", "sentence"),
    [
        ("a_loss_a_sample", "the loss of micro-step 1 is a tensor of shape [2], and not one number: take its mean"),
        ("a_loss_in_a_dict", "the loss of micro-step 1 is a dict, and not a tensor with one number"),
        ("turns_nan", "the loss of micro-step 3 is nan, and no finite number, so that nothing can be proven"),
    ],
)
def test_a_loss_that_nothing_can_be_proven_by_says_in_which_step(factory, sentence):
    workloads.load.cache_clear()
    asked = job(f"{OWN}:{factory}")
    recorder = Recorder(parts.build(asked))
    with pytest.raises(UnusableLossError) as refused:
        runners.load("pytorch")(asked, recorder.parts)
    assert str(refused.value) == sentence
