"""A loop that is subtly wrong: its learning rate is 1 % higher."""

from trainloops.contract import Job, Parts
from trainloops.runners import pytorch


def train(job: Job, parts: Parts) -> None:
    for group in parts.optimizer.param_groups:
        group["lr"] *= 1.01
    pytorch.train(job, parts)
