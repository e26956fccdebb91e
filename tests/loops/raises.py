"""A loop that raises."""

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    raise ValueError("the learning rate went to the moon")
