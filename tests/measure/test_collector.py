"""Where in a trial the first full collection comes, which allocation alone would decide the same way every time."""

import json
import subprocess
import sys

import pytest

STEPS_TO_THE_FIRST = """
import gc, json, sys
from bench.measure import collector

held = [[] for _ in range(200_000)]
gc.collect()
collector.begin_at(float(sys.argv[1]))
full = []
gc.callbacks.append(lambda phase, info: full.append(step) if phase == "start" and info["generation"] == 2 else None)
for step in range(200_000):
    batch = [[] for _ in range(2000)]  # alive at the same time, as the samples of a batch are
    if full:
        break
print(json.dumps(step))
"""


def steps_to_the_first(fraction: float) -> int:
    command = [sys.executable, "-c", STEPS_TO_THE_FIRST, str(fraction)]
    return int(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def test_a_process_begins_as_far_on_the_way_to_a_full_collection_as_it_is_told():
    whole, half, most = (steps_to_the_first(fraction) for fraction in (0.0, 0.5, 0.9))
    assert whole > 50
    assert half == pytest.approx(whole / 2, rel=0.2)
    assert most < half * 0.8  # eleven younger collections come before a full one in any case
