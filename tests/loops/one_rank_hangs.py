"""The last rank never comes to where the others wait for it."""

import signal

from torch import distributed


def train(job, parts):
    distributed.init_process_group()
    if job.rank == job.ranks - 1:
        signal.pause()
    distributed.barrier()
