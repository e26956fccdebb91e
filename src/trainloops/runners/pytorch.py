"""The hand-written loop: the baseline that every other runner is compared with."""

from __future__ import annotations

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader

from trainloops import zero
from trainloops.contract import Job, Parts
from trainloops.sharding import all_ranks, reduce_gradients, shard


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    if job.strategy == "deepspeed":
        zero.train(job, parts, zero.loaded(job, parts))
        return
    model: nn.Module = torch.compile(parts.model) if job.compile else parts.model  # type: ignore[assignment]
    optimizer = parts.optimizer
    if job.ranks > 1 and not distributed.is_initialized():
        distributed.init_process_group()
    if job.strategy == "fsdp":
        model = shard(model, optimizer, all_ranks(job))
    elif job.ranks > 1:
        model = DistributedDataParallel(model)
    sampler = parts.sampler.of_rank(job.rank, job.ranks, job.batch_size)
    loader = DataLoader(parts.dataset, sampler=sampler, **parts.loader)
    loss_of = parts.autocast(parts.loss)
    scaler = torch.amp.GradScaler(job.device_type) if job.precision == "fp16" else None
    model.train()
    for epoch in range(job.epochs):
        sampler.set_epoch(epoch)
        for index, batch in enumerate(loader, start=1):
            if job.on_accelerator:
                batch = {key: value.to(job.device, non_blocking=job.pins_memory) for key, value in batch.items()}
            if job.ranks > 1 and job.grad_accumulation > 1:
                reduce_gradients(model, now=index % job.grad_accumulation == 0)
            loss = loss_of(model, batch)
            if job.grad_accumulation > 1:
                loss = loss / job.grad_accumulation
            (loss if scaler is None else scaler.scale(loss)).backward()
            if index % job.grad_accumulation:
                continue
            if job.grad_clip is not None:
                if scaler is not None:
                    scaler.unscale_(optimizer)
                clip_grad_norm_(model.parameters(), job.grad_clip)
            if scaler is None:
                optimizer.step()
            else:
                scaler.step(optimizer)
                scaler.update()
            optimizer.zero_grad()
