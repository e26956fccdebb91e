"""Trains a little with Lightning and Fabric, and prints how many steps each made.

python -m tests.execute.workers.train_lightning FOLDER
"""

import sys

from bench.measure.hooks import after_each_step
from trainloops import parts, runners
from trainloops.contract import Job

if __name__ == "__main__":
    job = Job(workload="mlp", batch_size=8, epochs=2, steps_per_epoch=6, output_dir=sys.argv[1])
    for name in ("lightning", "fabric"):
        steps = []
        with after_each_step(steps.append):
            runners.load(name)(job, parts.build(job))
        print(name, len(steps))
