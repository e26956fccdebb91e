"""The plain scripts train what the harness trains, and share no code with it or with each other."""

import json
from pathlib import Path

import pytest
import torch

from bench.measure.fingerprint import Recorder
from tests import verbs
from trainloops import parts
from trainloops.contract import Job
from trainloops.runners import REGISTRY, pytorch

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = sorted((ROOT / "studies" / "plain").glob("*.py"))
JOB = Job(workload="mlp", batch_size=1500, epochs=2, steps_per_epoch=6)
"""More samples an epoch than a dataset has rows."""


@pytest.fixture(autouse=True)
def one_thread():
    """As they have; with more, sums of a batch this large have other bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def run(script: Path) -> dict[str, float | str]:
    arguments = ["--batch-size", "1500", "--epochs", "2", "--steps-per-epoch", "6", "--warmup", "2"]
    return json.loads(verbs.program(f"studies.plain.{script.stem}", *arguments).splitlines()[-1])


def test_there_is_one_for_every_runner():
    assert {script.stem for script in SCRIPTS} == {name.replace("-", "_") for name in REGISTRY}


def test_all_train_the_same_bits_as_the_harness():
    results = [run(script) for script in SCRIPTS]
    recorder = Recorder(parts.build(JOB))
    pytorch.train(JOB, recorder.parts)
    expected = recorder.result()["weights_sha256"]
    weights = {script.stem: result["weights_sha256"] for script, result in zip(SCRIPTS, results, strict=True)}
    assert weights == dict.fromkeys(weights, expected)
    assert all(result["median_step_us"] > 10 for result in results)
