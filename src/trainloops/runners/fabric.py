"""Lightning Fabric: the hand-written loop with `setup` and `backward`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from torch import nn
from torch.utils.data import DataLoader

from trainloops import zero
from trainloops.contract import Job, Parts
from trainloops.sharding import shard

PRECISION: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def _strategy(job: Job, parts: Parts) -> Any:
    if job.strategy == "fsdp":
        from lightning_fabric.strategies import ModelParallelStrategy  # came with 2.4

        def sharded(model: nn.Module, mesh: Any) -> nn.Module:
            return shard(model, parts.optimizer, mesh["data_parallel"])

        return ModelParallelStrategy(sharded, data_parallel_size=job.ranks, tensor_parallel_size=1)
    if job.strategy == "deepspeed":
        from lightning_fabric.strategies import DeepSpeedStrategy

        if job.grad_accumulation > 1:
            raise NotImplementedError("Fabric steps DeepSpeed's optimizer, and its engine alone counts micro-batches")
        return DeepSpeedStrategy(config=zero.settings(job, parts.model))
    return "auto" if job.ranks == 1 else "ddp"


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    # Without one it looks for MPI, and fails where that is half installed.
    environment = LightningEnvironment if job.ranks == 1 else TorchElasticEnvironment
    fabric = Fabric(
        accelerator=job.device_type,
        devices=job.ranks // job.nodes,
        num_nodes=job.nodes,
        strategy=_strategy(job, parts),
        plugins=[environment()],
        precision=PRECISION[job.precision],
    )
    fabric.launch()
    model = torch.compile(parts.model) if job.compile else parts.model
    model, optimizer = fabric.setup(model, parts.optimizer)
    sampler = parts.sampler.of_rank(job.rank, job.ranks, job.batch_size)
    loader = fabric.setup_dataloaders(
        DataLoader(parts.dataset, sampler=sampler, **parts.loader), use_distributed_sampler=False
    )
    model.train()
    for epoch in range(job.epochs):
        sampler.set_epoch(epoch)
        for index, batch in enumerate(loader, start=1):
            accumulating = index % job.grad_accumulation != 0
            with fabric.no_backward_sync(model) if accumulating else nullcontext():
                loss = parts.loss(model, batch)
                fabric.backward(loss / job.grad_accumulation if job.grad_accumulation > 1 else loss)
            if accumulating:
                continue
            if job.grad_clip is not None and job.strategy != "deepspeed":  # which clips by its configuration
                fabric.clip_gradients(model, optimizer, max_norm=job.grad_clip)
            optimizer.step()
            optimizer.zero_grad()
