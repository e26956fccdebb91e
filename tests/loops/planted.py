"""A correct loop that calls a package once a step: what a release of that package costs can be planted by a test."""

from planted import each_step
from torch.utils.data import DataLoader

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    model, optimizer = parts.model, parts.optimizer
    loader = DataLoader(parts.dataset, sampler=parts.sampler, **parts.loader)
    model.train()
    for epoch in range(job.epochs):
        parts.sampler.set_epoch(epoch)
        for batch in loader:
            loss = parts.loss(model, batch)
            loss.backward()
            each_step(loss)
            optimizer.step()
            optimizer.zero_grad()
