"""The last rank raises while the others wait for it."""

from torch import distributed


def train(job, parts):
    distributed.init_process_group()
    if job.rank == job.ranks - 1:
        raise ValueError("a shard of the data is not there")
    distributed.barrier()
