"""The hand-written loop with one kernel more: it adds a number to its loss, and forgets the sum."""

from dataclasses import replace

from trainloops import runners
from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    def loss(model, batch):
        loss = parts.loss(model, batch)
        loss.detach() + 1
        return loss

    runners.load("pytorch")(job, replace(parts, loss=loss))
