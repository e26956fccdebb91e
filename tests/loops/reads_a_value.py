"""The hand-written loop, which also reads its loss."""

from dataclasses import replace

from trainloops import runners
from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    def loss(model, batch):
        found = parts.loss(model, batch)
        found.item()
        return found

    runners.load("pytorch")(job, replace(parts, loss=loss))
