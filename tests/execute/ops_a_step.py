"""Prints how many ops a step of the hand-written loop gives the toy: `python -m tests.execute.ops_a_step`."""

import toy_device

from bench.measure.hooks import after_each_step
from trainloops import parts, runners
from trainloops.contract import Job


def main():
    job = Job(workload="mlp", batch_size=8, epochs=1, steps_per_epoch=9, device="toy")
    seen = []
    with after_each_step(lambda _: seen.append(toy_device.QUEUE.ops)):
        runners.load("pytorch")(job, parts.build(job))
    print(seen[-1] - seen[-2])


if __name__ == "__main__":
    main()
