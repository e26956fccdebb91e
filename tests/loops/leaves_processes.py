"""A loop that leaves processes behind: one of its own group, and one that has left that, as a daemon does."""

import subprocess
import sys

from trainloops.contract import Job, Parts
from trainloops.runners import pytorch

TOKEN = "left-behind-by-a-loop"
"""By which a test finds them."""
IDLE = [sys.executable, "-S", "-c", "import time; time.sleep(600)", TOKEN]


def train(job: Job, parts: Parts) -> None:
    for start_new_session in (False, True):
        subprocess.Popen(IDLE, start_new_session=start_new_session)
    pytorch.train(job, parts)
