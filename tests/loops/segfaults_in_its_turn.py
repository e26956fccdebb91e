"""A loop that trains for a while, then reads what is not its own."""

import os
import signal

from torch.optim.optimizer import register_optimizer_step_post_hook

from trainloops.contract import Job, Parts
from trainloops.runners import pytorch

STEPS = 60
"""More than its warm-up, fewer than its turns."""


def train(job: Job, parts: Parts) -> None:
    made = 0

    def crash(*_: object) -> None:
        nonlocal made
        made += 1
        if made == STEPS:
            os.kill(os.getpid(), signal.SIGSEGV)

    register_optimizer_step_post_hook(crash)
    pytorch.train(job, parts)
