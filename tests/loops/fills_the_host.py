"""A loop that wants more memory than it may have."""

import resource

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    soft_bytes = 64 << 30
    resource.setrlimit(resource.RLIMIT_AS, (soft_bytes, soft_bytes))
    bytearray(4 * soft_bytes)
