"""The loops whose frameworks do not come with looptax: they train what the others train, to the last bit."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.execute.environments import cache
from trainloops import runners

ROOT = Path(__file__).parent.parent
OWN = ROOT / "tests" / "workloads" / "own.py"
PROGRAM = """
import json, os, sys, tempfile
import torch
from bench.measure.fingerprint import Recorder
from trainloops import parts, runners
from trainloops.contract import Job

answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
results = {}
for workload in json.loads(sys.argv[2]):
    scratch = tempfile.mkdtemp()
    settings = json.loads(sys.argv[1])
    job = Job(workload=workload, batch_size=2, epochs=2, steps_per_epoch=3, output_dir=scratch, **settings)
    for name in ("pytorch", *runners.EXTRA):
        recorder = Recorder(parts.build(job))
        with recorder.counting_steps():
            runners.load(name)(job, recorder.parts)
        recorder.refuse_other_than(job.steps)
        results.setdefault(workload, {})[name] = recorder.result()
json.dump(results, answer)
"""
COMPILING = """
import json, os
from tests.measure.compile_every_runner import proof
from tests.measure.count_every_runner import in_a_fork
from trainloops import runners

answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
json.dump({name: in_a_fork(proof, runners.load(name), 0) for name in ("pytorch", *runners.EXTRA)}, answer)
"""

pytestmark = [pytest.mark.slow, pytest.mark.network]


@pytest.fixture(scope="module")
def python(shared_cache):
    """The interpreter of an environment that has their frameworks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOPTAX_CACHE", shared_cache)
        try:
            yield cache.obtain(
                " ".join(sorted({need for entry in runners.EXTRA.values() for need in entry.needs}))
            ).python
        except BenchError as error:
            if "does not answer" in str(error):
                pytest.skip(str(error))
            raise


def printed_by(python, program, *arguments):
    """What a program writes as JSON."""
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    done = subprocess.run([python, "-c", program, *arguments], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"workers": 1},
        {"optimizer": "sgd", "grad_accumulation": 3},
        {"precision": "bf16", "grad_accumulation": 2, "grad_clip": 0.1},
    ],
    ids=str,
)
def test_they_end_with_the_bits_of_the_hand_written_loop(python, settings):
    workloads = ["mlp", "cnn", "encoder", "causal-lm", f"{OWN}:rude"]
    results = printed_by(python, PROGRAM, json.dumps(settings), json.dumps(workloads))
    assert list(results) == workloads
    for workload, by_runner in results.items():
        assert by_runner.keys() == {"pytorch", *runners.EXTRA}
        assert len(set(by_runner["pytorch"]["losses"])) == 6 * settings.get("grad_accumulation", 1)
        for name, result in by_runner.items():
            assert result == by_runner["pytorch"], f"{name} on {workload}"


def test_compiled_they_end_with_the_bits_of_the_hand_written_loop(python):
    results = printed_by(python, COMPILING)
    assert results.keys() == {"pytorch", *runners.EXTRA}
    baseline = results.pop("pytorch")
    assert baseline["compilation"]["graphs"] == 1
    for name, result in results.items():
        assert result.get("error") is None, name
        assert result["fingerprint"] == baseline["fingerprint"], name
        assert (result["compilation"]["graphs"], result["compilation"]["graph_breaks"]) == (1, 0), name
