"""The loop as a pytest-benchmark test: `SHARE=0.03 ROUNDS=40 pytest studies/evidence/pytest_benchmark_script.py`."""

import os

from studies.evidence.script import ROUND_STEPS, train


def test_train(benchmark):
    call = {"steps": ROUND_STEPS, "share": float(os.environ["SHARE"])}
    benchmark.pedantic(train, kwargs=call, rounds=int(os.environ["ROUNDS"]), iterations=1, warmup_rounds=2)
