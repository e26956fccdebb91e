"""Trains every runner for some steps in both profiles and prints as JSON its losses and how it had set itself up.

python -m tests.stock_seen FOLDER
"""

from __future__ import annotations

import contextlib
import io
import json
import sys

from bench.measure import setup
from bench.measure.fingerprint import Recorder
from trainloops import parts, runners, stock
from trainloops.contract import Job

JOB = Job(workload="mlp", batch_size=8, epochs=2, steps_per_epoch=4, output_dir=sys.argv[1])


def seen(train):
    recorder = Recorder(parts.build(JOB))
    with recorder.counting_steps(), setup.reading(train) as facts, contextlib.redirect_stdout(io.StringIO()) as printed:
        train(JOB, recorder.parts)
    recorder.refuse_other_than(JOB.steps)
    return {"setup": facts, "losses": recorder.result()["losses"], "printed": printed.getvalue()}


print(
    json.dumps({name: {"matched": seen(runners.load(name)), "stock": seen(stock.load(name))} for name in stock.MODULES})
)
