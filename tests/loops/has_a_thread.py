"""A loop with a thread of its own, so that it is stopped while it waits for its turn."""

import threading

from trainloops.contract import Job, Parts
from trainloops.runners import pytorch


def train(job: Job, parts: Parts) -> None:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    pytorch.train(job, parts)
