"""A file that is a script, too: imported, it ends the process."""

import sys

from trainloops.contract import Job, Parts

sys.exit(0)


def train(job: Job, parts: Parts) -> None: ...
