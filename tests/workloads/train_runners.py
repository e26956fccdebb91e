"""Trains jobs with some runners, deterministically, and prints as JSON what each came to.

python -m tests.workloads.train_runners '{"a title": {"workload": "mlp"}}' pytorch floor
"""

import json
import os
import sys
import tempfile

import torch

from bench.measure.fingerprint import Recorder
from trainloops import parts, runners
from trainloops.contract import Job


def trained(settings, names):
    """By runner, of one job."""
    job = Job(batch_size=2, epochs=2, steps_per_epoch=3, output_dir=tempfile.mkdtemp(), **settings)
    results = {}
    for name in names:
        recorder = Recorder(parts.build(job))
        with recorder.counting_steps():
            runners.load(name)(job, recorder.parts)
        recorder.refuse_other_than(job.steps)
        results[name] = recorder.result()
    return results


def main():
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # frameworks print
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    jobs, *names = sys.argv[1:]
    json.dump({title: trained(settings, names) for title, settings in json.loads(jobs).items()}, answer)


if __name__ == "__main__":
    main()
