"""A loop that ends with what some variables of its environment are."""

import os

from trainloops.contract import Job, Parts

NAMES = ("CUBLAS_WORKSPACE_CONFIG", "WORLD_SIZE", "SLURM_NTASKS", "ACCELERATE_MIXED_PRECISION")


def train(job: Job, parts: Parts) -> None:
    raise RuntimeError(" ".join(f"{name}={os.environ.get(name)}" for name in NAMES))
