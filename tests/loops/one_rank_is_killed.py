"""The last rank is killed while the others wait for it."""

import os
import signal

from torch import distributed


def train(job, parts):
    distributed.init_process_group()
    if job.rank == job.ranks - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    distributed.barrier()
