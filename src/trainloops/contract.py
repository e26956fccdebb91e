"""The words that workloads, runners and the harness share.

A workload says *what* is trained, a runner says *how* the loop is written, and a job says
*how much*: the same job with the same workload must mean the same arithmetic in every runner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.utils.data import Dataset

    from trainloops.order import SeededOrder

Precision = Literal["fp32", "bf16", "fp16"]
"""`bf16` and `fp16` are autocast; with `fp16` a `GradScaler` scales the loss, and skips updates that overflow."""
OptimizerName = Literal["adamw", "adamw-fused", "sgd"]
Strategy = Literal["ddp", "fsdp", "deepspeed"]
"""How ranks train together: `ddp` has the whole model on each, `fsdp` (FSDP2) a part of every parameter."""
Profile = Literal["matched", "stock"]
"""`matched`: all that a user can pass in is equal; `stock`: what a framework does where nothing is set."""
Batch = Mapping[str, "torch.Tensor"]
MAX_ROWS = 8192
"""Samples that a dataset holds at most: an epoch may be long without costing memory, because its rows repeat."""
Loss = Callable[["nn.Module", Batch], "torch.Tensor"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """How much to train, and with which settings; equal for every runner of a comparison.

    `batch_size` is the micro-batch of one rank: one optimizer step consumes `batch_size * grad_accumulation`
    samples on each of the `ranks`, and an epoch is exactly `steps_per_epoch` optimizer steps.
    """

    workload: str
    batch_size: int
    epochs: int
    steps_per_epoch: int
    device: str = "cpu"
    precision: Precision = "fp32"
    optimizer: OptimizerName = "adamw"
    grad_accumulation: int = 1
    grad_clip: float | None = None
    workers: int = 0
    compile: bool = False
    ranks: int = 1
    """Processes that train together, each on its part of every batch."""
    nodes: int = 1
    """Machines that they are on, as many on each."""
    strategy: Strategy = "ddp"
    """How they do; others than `ddp` of several alone."""
    rank: int = 0
    """Which of them this one is."""
    seed: int = 0
    output_dir: str = "."  # a scratch folder, for frameworks that insist on one

    @property
    def steps(self) -> int:
        """Optimizer steps in the whole job."""
        return self.epochs * self.steps_per_epoch

    @property
    def samples_per_step(self) -> int:
        """Samples that one optimizer step consumes, on all ranks together."""
        return self.batch_size * self.grad_accumulation * self.ranks

    @property
    def samples_per_epoch(self) -> int:
        """Samples that one epoch trains; beyond `MAX_ROWS` the dataset's rows come up several times."""
        return self.steps_per_epoch * self.samples_per_step

    @property
    def rows(self) -> int:
        """Length of the dataset."""
        return min(self.samples_per_epoch, MAX_ROWS)

    @property
    def device_type(self) -> str:
        """The device without its index: `cuda` for `cuda:1`."""
        return self.device.partition(":")[0]

    @property
    def pins_memory(self) -> bool:
        """Whether batches are in pinned memory: only then is a copy that nobody waits for safe."""
        return self.device_type == "cuda"

    @property
    def on_accelerator(self) -> bool:
        """Whether batches must be moved from the host to the device."""
        return self.device != "cpu"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What every runner is handed, built once by `trainloops.parts.build`.

    The model is on the device and the optimizer holds its parameters; `sampler` is the order of all ranks, of
    which `of_rank` is one's own, for loops whose framework does not divide batches itself; `loader` is the keyword
    arguments of `torch.utils.data.DataLoader`, the sampler apart; `autocast` makes a loss that is
    computed in the job's precision, for loops that no framework puts under autocast.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    dataset: Dataset[dict[str, torch.Tensor]]
    sampler: SeededOrder
    loss: Loss
    loader: dict[str, Any]
    autocast: Callable[[Loss], Loss]


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """What is trained: three functions and the optimizer's recipe."""

    model: Callable[[], nn.Module]
    """A fresh model on the host, of whatever the loss hands it; called with torch's generator freshly seeded."""

    dataset: Callable[[int, int], Dataset[dict[str, torch.Tensor]]]
    """`(length, seed)` to a map-style dataset of dicts of tensors, an item of which depends on its index alone.

    It may have another length: an epoch takes so many samples all the same, and rows come up again where it is less.
    """

    loss: Loss
    """`(model, batch)` to the mean loss over the batch, a scalar."""

    learning_rate: float
    weight_decay: float = 0.0
    collate: Callable[[list[dict[str, torch.Tensor]]], Batch] | None = None
    """Items to a batch, such as one that pads; None is torch's `default_collate`."""


Train = Callable[[Job, Parts], None]
"""A runner: trains `parts.model` for `job.epochs` epochs. It times nothing and returns nothing."""
