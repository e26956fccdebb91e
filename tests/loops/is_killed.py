"""A loop that is killed from outside, as the kernel does when memory runs out."""

import os
import signal

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
