"""The hand-written loop, which also reads its loss."""

from dataclasses import replace

from trainloops import runners
from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    def loss(model, batch):
        loss = parts.loss(model, batch)
        loss.item()
        return loss

    runners.load("pytorch")(job, replace(parts, loss=loss))
