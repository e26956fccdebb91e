"""Builds what every runner is handed, so that no runner can differ in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils.data import default_collate

from trainloops import workloads
from trainloops.contract import Job, Loss, Parts, Workload
from trainloops.order import SeededOrder


def build(job: Job) -> Parts:
    """Model, optimizer, data, loss and loader arguments of `job`, the same for every runner."""
    workload = workloads.load(job.workload)
    model = _model(job, workload)
    return Parts(
        model=model,
        optimizer=_optimizer(job, workload, model.parameters()),
        dataset=workload.dataset(job.rows, job.seed),
        sampler=SeededOrder(job.samples_per_epoch, job.seed, rows=job.rows),
        loss=workload.loss,
        loader=_loader_arguments(job),
        autocast=_autocast(job),
    )


def _model(job: Job, workload: Workload) -> torch.nn.Module:
    torch.manual_seed(job.seed)
    model = workload.model().to(job.device)
    if job.precision == "bf16":
        # Accelerate and Trainer compute the loss from float32 outputs, so every loop must.
        model.register_forward_hook(lambda _model, _inputs, output: output.float())
    return model


def _optimizer(job: Job, workload: Workload, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    lr, weight_decay = workload.learning_rate, workload.weight_decay
    if job.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=lr, weight_decay=weight_decay)
    # `fused=None` is torch's own default: its choice between foreach and a plain loop, by device.
    fused = True if job.optimizer == "adamw-fused" else None
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay, fused=fused)


def _loader_arguments(job: Job) -> dict[str, Any]:
    return {
        "batch_size": job.batch_size,
        "num_workers": job.workers,
        "pin_memory": job.pins_memory,
        "drop_last": True,
        "collate_fn": default_collate,
    }


def _autocast(job: Job) -> Callable[[Loss], Loss]:
    if job.precision == "fp32":
        return lambda loss: loss
    return torch.autocast(torch.device(job.device).type, dtype=torch.bfloat16)
