"""Each rank trains by itself: a loop that nobody has told of the others."""

from torch.utils.data import DataLoader


def train(job, parts):
    sampler = parts.sampler.of_rank(job.rank, job.ranks, job.batch_size)
    loader = DataLoader(parts.dataset, sampler=sampler, **parts.loader)
    for epoch in range(job.epochs):
        sampler.set_epoch(epoch)
        for batch in loader:
            parts.loss(parts.model, batch).backward()
            parts.optimizer.step()
            parts.optimizer.zero_grad()
