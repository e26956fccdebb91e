"""The hand-written loop without a loader: the batches are on the device before the first step.

What is left is the arithmetic, the same bits as every other runner's; nobody trains like this,
but the distance to it is what the rest of a loop costs. A long job goes round the first batches
again, since all of them would not fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, cycle, islice

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader

from trainloops import zero
from trainloops.contract import Batch, Job, Parts
from trainloops.sharding import all_ranks, reduce_gradients, shard

MAX_STEPS_HELD = 16
"""Steps whose batches are held; more than those that prove its arithmetic."""


def batches_on_device(job: Job, parts: Parts) -> list[Batch]:
    """The batches of the first `MAX_STEPS_HELD` steps in their order, of all steps in a shorter job."""
    sampler = parts.sampler.of_rank(job.rank, job.ranks, job.batch_size)
    loader = DataLoader(parts.dataset, sampler=sampler, **parts.loader)

    def epoch(number: int) -> DataLoader[Batch]:
        sampler.set_epoch(number)
        return loader

    batches = chain.from_iterable(map(epoch, range(job.epochs)))
    held = islice(batches, min(job.steps, MAX_STEPS_HELD) * job.grad_accumulation)
    return [{key: value.to(job.device) for key, value in batch.items()} for batch in held]


def held_in_turn(job: Job, parts: Parts) -> Iterator[Batch]:
    """As many as the job has, going round those that are held."""
    return islice(cycle(batches_on_device(job, parts)), job.steps * job.grad_accumulation)


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    if job.strategy == "deepspeed":
        zero.train(job, parts, held_in_turn(job, parts))
        return
    model: nn.Module = torch.compile(parts.model) if job.compile else parts.model  # type: ignore[assignment]
    optimizer = parts.optimizer
    if job.ranks > 1 and not distributed.is_initialized():
        distributed.init_process_group()
    if job.strategy == "fsdp":
        model = shard(model, optimizer, all_ranks(job))
    elif job.ranks > 1:
        model = DistributedDataParallel(model)
    loss_of = parts.autocast(parts.loss)
    scaler = torch.amp.GradScaler(job.device_type) if job.precision == "fp16" else None
    model.train()
    for index, batch in enumerate(held_in_turn(job, parts), start=1):
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
