"""A loop that never ends."""

import threading

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    threading.Event().wait()
