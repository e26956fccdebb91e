"""The hand-written loop without a loader: every batch is on the device before the first step.

What is left is the arithmetic, the same bits as every other runner's; nobody trains like this,
but the distance to it is what the rest of a loop costs.
"""

from __future__ import annotations

from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader

from trainloops.contract import Batch, Job, Parts


def batches_on_device(job: Job, parts: Parts) -> list[Batch]:
    """All batches of the job in their order, `job.steps * job.grad_accumulation` of them."""
    loader = DataLoader(parts.dataset, sampler=parts.sampler, **parts.loader)
    batches: list[Batch] = []
    for epoch in range(job.epochs):
        parts.sampler.set_epoch(epoch)
        batches += [{key: value.to(job.device) for key, value in batch.items()} for batch in loader]
    return batches


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    model, optimizer = parts.model, parts.optimizer
    loss_of = parts.autocast(parts.loss)
    model.train()
    for index, batch in enumerate(batches_on_device(job, parts), start=1):
        loss = loss_of(model, batch)
        if job.grad_accumulation > 1:
            loss = loss / job.grad_accumulation
        loss.backward()
        if index % job.grad_accumulation:
            continue
        if job.grad_clip is not None:
            clip_grad_norm_(model.parameters(), job.grad_clip)
        optimizer.step()
        optimizer.zero_grad()
