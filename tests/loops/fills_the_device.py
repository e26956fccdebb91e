"""A loop that is right, and keeps more and more of its device's memory."""

import torch

from trainloops.contract import Job, Parts
from trainloops.runners import pytorch

MIB = 1 << 20
MOST = 4096
"""So many of them no test's device has."""


def train(job: Job, parts: Parts) -> None:
    kept = [torch.empty(MIB, dtype=torch.uint8, device=job.device) for _ in range(MOST)]
    pytorch.train(job, parts)
    del kept
