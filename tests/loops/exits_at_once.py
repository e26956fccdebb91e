"""A loop that ends its process at once, and leaves nobody the time to say so."""

import os

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    os._exit(0)
