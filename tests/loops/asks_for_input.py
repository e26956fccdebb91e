"""A loop that asks whoever is there for input."""

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    input("learning rate? ")
