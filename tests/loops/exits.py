"""A loop that ends its process by `sys.exit`, as a script may where it has nothing to do."""

import sys

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    sys.exit(0)
