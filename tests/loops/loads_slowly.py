"""A loop whose samples cost a millisecond of processor time each, and one whose step costs nothing beside."""

import time

import torch
from torch.utils.data import DataLoader, Dataset

from trainloops.contract import Job, Parts

SAMPLE_S = 0.001


class Slow(Dataset):
    """As many samples as anybody asks for."""

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, index: int) -> torch.Tensor:
        until = time.thread_time() + SAMPLE_S
        while time.thread_time() < until:
            pass
        return torch.zeros(1)


def train(job: Job, parts: Parts) -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    for _ in range(job.steps):
        for batch in DataLoader(Slow(), batch_size=job.batch_size, num_workers=job.workers):
            parameter.grad = batch.mean(0)
            optimizer.step()
