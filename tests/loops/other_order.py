"""A loop that is subtly wrong: it forgets to tell the sampler its epoch."""

from trainloops.contract import Job, Parts
from trainloops.runners import pytorch


def train(job: Job, parts: Parts) -> None:
    parts.sampler.set_epoch = lambda epoch: None  # type: ignore[method-assign]
    pytorch.train(job, parts)
