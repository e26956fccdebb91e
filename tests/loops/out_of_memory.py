"""A loop that asks for more memory than there is."""

import torch

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    torch.empty(2**60, dtype=torch.uint8, device=job.device)
