"""A loop that changes its folder, as Hydra does, and is right."""

import os
import tempfile

from trainloops.contract import Job, Parts
from trainloops.runners import pytorch


def train(job: Job, parts: Parts) -> None:
    os.chdir(tempfile.gettempdir())
    pytorch.train(job, parts)
