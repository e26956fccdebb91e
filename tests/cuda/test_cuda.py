"""What only a real CUDA device can show: `PYTHONPATH=.:src python -m pytest tests/cuda`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench.measure import device as devices
from bench.measure import memory, rss
from trainloops import parts, runners
from trainloops.contract import Job

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device here")

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}


def summary_of(tmp_path: Path, *arguments: str, code: int = 0) -> dict:
    command = [sys.executable, "-m", "bench.run", *arguments, "--blocks", "1"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=ENVIRONMENT, check=False, timeout=600
    )
    assert done.returncode == code, done.stderr
    (path,) = tmp_path.glob("results/*/summary.json")
    return json.loads(path.read_text())


def test_all_loops_are_equivalent_on_cuda_and_trials_are_forks(tmp_path):
    summary = summary_of(
        tmp_path, "--device", "cuda", "--batch-size", "64", "--steps", "100", "--precision", "fp32,bf16"
    )
    assert {cell["status"] for cell in summary["cells"]} == {"ok"}
    assert {cell["equivalence"]["verdict"] for cell in summary["cells"]} <= {"baseline", "bitwise", "close"}
    (journal,) = tmp_path.glob("results/*/trials.jsonl")
    trials = [json.loads(line) for line in journal.read_text().splitlines()]
    assert {trial["interpreter"]["launch"] for trial in trials} == {"fork"}


def test_cpu_and_cuda_stand_in_one_report(tmp_path):
    summary = summary_of(
        tmp_path, "--device", "cpu,cuda", "--runner", "pytorch,floor", "--batch-size", "64", "--steps", "100"
    )
    rows = {(cell["device"], cell["runner"]): cell for cell in summary["cells"]}
    assert set(rows) == {("cpu", "pytorch"), ("cpu", "floor"), ("cuda", "pytorch"), ("cuda", "floor")}
    assert rows["cpu", "pytorch"]["device_memory_bytes"]["allocated"] is None
    assert rows["cuda", "pytorch"]["device_memory_bytes"]["allocated"] > 0
    assert rows["cuda", "pytorch"]["device_step_time_us"]["value"] > 0


def test_memory_figures_are_torch_s_own():
    job = Job(workload="mlp-wide", batch_size=256, epochs=2, steps_per_epoch=10, device="cuda")
    built, device = parts.build(job), devices.of("cuda")
    host = memory.HostBaseline(inherited_bytes=0, at_start=rss.read())
    device.reset_peaks()
    runners.load("pytorch")(job, built)
    device.synchronize()
    figures = memory.figures(devices.Peaks(), device.peaks(), device="cuda", host=host)
    assert figures["device_allocated_bytes"] == torch.cuda.max_memory_allocated()
    assert figures["device_reserved_bytes"] == torch.cuda.max_memory_reserved()
    weights = sum(parameter.nbytes for parameter in built.model.parameters())
    assert figures["device_allocated_bytes"] >= 4 * weights  # weights, gradients and two moments


def test_turns_on_the_card_have_a_device_time_for_every_step(tmp_path):
    summary = summary_of(tmp_path, "--device", "cuda", "--runner", "pytorch", "--batch-size", "64", "--only", "time")
    (journal,) = tmp_path.glob("results/*/trials.jsonl")
    timed = [trial for line in journal.read_text().splitlines() if (trial := json.loads(line)).get("timing")]
    assert len(timed) == 2  # the loop and its clone
    for trial in timed:
        assert len(trial["timing"]["device_step_us"]) == len(trial["timing"]["step_ns"])
        assert all(us > 0 for us in trial["timing"]["device_step_us"])
    assert summary["cells"][0]["step_time_us"]["value"] == summary["cells"][0]["device_step_time_us"]["value"]


def test_out_of_device_memory_is_a_row_and_the_rest_is_kept(tmp_path):
    summary = summary_of(
        tmp_path,
        *("--device", "cuda", "--workload", "mlp-wide", "--runner", f"pytorch,{ROOT}/tests/loops/out_of_memory.py"),
        *("--batch-size", "64", "--steps", "20"),
        code=4,
    )
    good, bad = summary["cells"]
    assert (good["status"], bad["status"]) == ("ok", "oom")
    assert "out of memory" in bad["reason"]
