"""Builds what every runner is handed, so that no runner can differ in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map
from torch.utils.data import default_collate

from trainloops import workloads
from trainloops.contract import Job, Loss, Parts, Workload
from trainloops.order import SeededOrder
from trainloops.workloads import WorkloadError, described

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""What is computed in under autocast, by precision."""


def build(job: Job) -> Parts:
    """Model, optimizer, data, loss and loader arguments of `job`, the same for every runner.

    Raises `WorkloadError` where the workload makes what no loop can train.
    """
    workload = workloads.load(job.workload)
    model = _model(job, workload)
    dataset, loader = workload.dataset(job.rows, job.seed), _loader_arguments(job, workload)
    rows = _rows(dataset, loader)
    return Parts(
        model=model,
        optimizer=_optimizer(job, workload, model.parameters()),
        dataset=dataset,
        sampler=SeededOrder(job.samples_per_epoch, job.seed, rows=rows),
        loss=workload.loss,
        loader=loader,
        autocast=_autocast(job),
    )


def _model(job: Job, workload: Workload) -> nn.Module:
    torch.manual_seed(job.seed)
    model = workload.model()
    if not isinstance(model, nn.Module):
        raise WorkloadError(f"the workload's model() made {described(model)}, and not a torch.nn.Module")
    if job.precision != "fp32":
        # Accelerate and Trainer compute the loss from float32 outputs, so every loop must.
        model.register_forward_hook(lambda _model, _inputs, output: _in_float32(output))
    return model.to(job.device)


def _in_float32(output: Any) -> Any:
    """A tensor, or whatever tensors there are in a tuple, a dict or an output of transformers."""
    return _widened(output) if isinstance(output, torch.Tensor) else tree_map(_widened, output)


def _widened(leaf: Any) -> Any:
    return leaf.float() if isinstance(leaf, torch.Tensor) and leaf.dtype in HALVES.values() else leaf


def _rows(dataset: Any, loader: Mapping[str, Any]) -> int:
    """How many samples there are; refuses a dataset that no loop could take batches from."""
    if not isinstance(dataset, Sized) or not hasattr(dataset, "__getitem__"):
        wanted = "a map-style dataset, which has a length and items"
        raise WorkloadError(f"the workload's dataset() made {described(dataset)}, and not {wanted}")
    if len(dataset) == 0:
        raise WorkloadError("the workload's dataset() made an empty one")
    batch = loader["collate_fn"]([dataset[0]])
    if not isinstance(batch, Mapping) or not all(isinstance(value, torch.Tensor) for value in batch.values()):
        wanted = "a dict of tensors: let items of its dataset be dicts, such as {'x': x, 'labels': y}"
        raise WorkloadError(f"a batch of the workload is {described(batch)}, and not {wanted}")
    return len(dataset)


def _optimizer(job: Job, workload: Workload, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    lr, weight_decay = workload.learning_rate, workload.weight_decay
    if job.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=lr, weight_decay=weight_decay)
    # `fused=None` is torch's own default: its choice between foreach and a plain loop, by device.
    fused = True if job.optimizer == "adamw-fused" else None
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay, fused=fused)


def _loader_arguments(job: Job, workload: Workload) -> dict[str, Any]:
    return {
        "batch_size": job.batch_size,
        "num_workers": job.workers,
        "pin_memory": job.pins_memory,
        "drop_last": True,
        "collate_fn": workload.collate or default_collate,
    }


def _autocast(job: Job) -> Callable[[Loss], Loss]:
    if job.precision == "fp32":
        return lambda loss: loss
    return torch.autocast(job.device_type, dtype=HALVES[job.precision])
