"""A loop that takes the interpreter it was forked from down with it."""

import os
import signal

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()
