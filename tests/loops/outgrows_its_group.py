"""A loop that takes more memory than its control group may have, once somebody has put it into one."""

import time
from pathlib import Path

from trainloops.contract import Job, Parts

GROUP = "looptax-test"
LIMIT_BYTES = 128 << 20


def train(job: Job, parts: Parts) -> None:
    while GROUP not in Path("/proc/self/cgroup").read_text():
        time.sleep(0.01)
    held = [bytearray(b"x" * (8 << 20)) for _ in range(8 * LIMIT_BYTES >> 23)]
    raise ValueError(f"nobody minded {len(held)} pieces")
