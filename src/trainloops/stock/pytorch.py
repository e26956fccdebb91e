"""The hand-written loop with what people always add: a progress bar, and the loss every 50 steps."""

from __future__ import annotations

from torch.utils.data import DataLoader
from tqdm import tqdm

from trainloops.contract import Job, Parts

PRINT_EVERY = 50


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    model, optimizer = parts.model, parts.optimizer
    loader = DataLoader(
        parts.dataset, batch_size=job.batch_size, sampler=parts.sampler, collate_fn=parts.loader["collate_fn"]
    )
    model.train()
    for epoch in range(job.epochs):
        parts.sampler.set_epoch(epoch)
        bar = tqdm(loader, desc=f"epoch {epoch}")
        for step, batch in enumerate(bar):
            if job.on_accelerator:
                batch = {key: value.to(job.device) for key, value in batch.items()}
            optimizer.zero_grad()
            loss = parts.loss(model, batch)
            loss.backward()
            optimizer.step()
            if step % PRINT_EVERY == 0:
                print(f"step {step}: loss {loss.item():.4f}")  # noqa: T201 - as people do
