"""A loop that trains for a while, then does nothing any more."""

import threading

from torch.optim.optimizer import register_optimizer_step_post_hook

from trainloops.contract import Job, Parts
from trainloops.runners import pytorch

STEPS = 60
"""More than its warm-up, fewer than its turns."""


def train(job: Job, parts: Parts) -> None:
    made = 0

    def hang(*_: object) -> None:
        nonlocal made
        made += 1
        if made == STEPS:
            threading.Event().wait()

    register_optimizer_step_post_hook(hang)
    pytorch.train(job, parts)
