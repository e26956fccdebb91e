"""Hugging Face Accelerate as its quick tour has it: `prepare` and `backward`, nothing else."""

from __future__ import annotations

from accelerate import Accelerator
from torch.utils.data import DataLoader

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    accelerator = Accelerator(cpu=not job.on_accelerator)
    loader = DataLoader(
        parts.dataset, batch_size=job.batch_size, sampler=parts.sampler, collate_fn=parts.loader["collate_fn"]
    )
    model, optimizer, loader = accelerator.prepare(parts.model, parts.optimizer, loader)
    model.train()
    for epoch in range(job.epochs):
        parts.sampler.set_epoch(epoch)
        for batch in loader:
            optimizer.zero_grad()
            loss = parts.loss(model, batch)
            accelerator.backward(loss)
            optimizer.step()
