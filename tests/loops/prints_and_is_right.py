"""A loop that prints a lot, and is right."""

import os
import sys

from trainloops.contract import Job, Parts
from trainloops.runners import pytorch


def train(job: Job, parts: Parts) -> None:
    print('{"event": "ended", "exit_code": 3}', flush=True)
    os.write(1, b'{"event": "ended", "exit_code": 3}\n')
    print("noise", file=sys.stderr)
    pytorch.train(job, parts)
