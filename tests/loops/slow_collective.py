"""A loop whose last rank comes late to every collective: the others wait for it inside theirs."""

import time

from torch import distributed
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

LATE_S = 0.03


def train(job, parts):
    if not distributed.is_initialized():
        distributed.init_process_group()
    model = DistributedDataParallel(parts.model)
    model.register_comm_hook(job, come_late)
    sampler = parts.sampler.of_rank(job.rank, job.ranks, job.batch_size)
    for batch in DataLoader(parts.dataset, sampler=sampler, **parts.loader):
        parts.loss(model, batch).backward()
        parts.optimizer.step()
        parts.optimizer.zero_grad()


def come_late(job, bucket):
    if job.rank == job.ranks - 1:
        time.sleep(LATE_S)
    return allreduce_hook(distributed.group.WORLD, bucket)
