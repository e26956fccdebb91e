"""A loop that is subtly wrong: its third optimizer step changes nothing, though the hook sees it."""

from trainloops.contract import Job, Parts
from trainloops.runners import pytorch


def train(job: Job, parts: Parts) -> None:
    steps = 0

    def drop_third_gradient(optimizer, *_):
        nonlocal steps
        steps += 1
        if steps == 3:
            optimizer.zero_grad()

    parts.optimizer.register_step_pre_hook(drop_third_gradient)
    pytorch.train(job, parts)
