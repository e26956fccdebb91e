"""The hand-written loop, and after each optimizer step whatever the installed release of `tinyloop` does."""

import tinyloop

from trainloops.contract import Job, Parts
from trainloops.runners import pytorch


def train(job: Job, parts: Parts) -> None:
    parts.optimizer.register_step_post_hook(lambda *_: tinyloop.after_step())
    pytorch.train(job, parts)
