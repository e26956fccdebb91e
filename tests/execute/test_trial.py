"""One trial on a card that is not there: what it tells of the card is that of its last step, not of its end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
WARM_UP = {"min_steps": 2, "max_steps": 2, "seconds": 0.0}
TRIAL = f"""
import os, socket, sys
from pathlib import Path
from types import SimpleNamespace
import torch
from bench.execute.workers import trial
from bench.host import process
from bench.measure import device, memory
from bench.measure.ticks import TURN
from tests.host.machines import nvml
from trainloops.contract import Job

HELD = []

def of_processes(board):
    return [SimpleNamespace(pid=os.getpid(), usedGpuMemory=1000 * len(HELD))]

def train(job, parts):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    try:
        for _ in range(1000):
            HELD.append("a step's")
            optimizer.step()
    finally:
        HELD.clear()  # as Lightning does, which moves everything to the host and empties the cache

sys.modules["pynvml"] = nvml(
    nvmlDeviceGetComputeRunningProcesses=of_processes,
    nvmlDeviceGetClockInfo=lambda board, domain: 2000 - len(HELD),
)
torch.cuda.get_device_properties = lambda device: SimpleNamespace(uuid="7")
trial.devices.of = lambda name: device.Host()
trial.parts.build = lambda job: None
parent, control = socket.socketpair()
parent.sendall(b"".join(map(TURN.pack, (5, 3, 0))))
trial.run(
    trial.Assignment(
        runner=train,
        job=Job(workload="mlp", batch_size=1, epochs=1, steps_per_epoch=1000, device="cuda"),
        request={{"threads": 1, "phase": "timing", "is_alone": False, "hides_imports": False, "warm_up": {WARM_UP}}}
        | {{"block": 0, "sees_collections": False}},
        host=memory.HostBaseline(inherited_bytes=0, at_start=process.resident()),
        scratch=Path(sys.argv[1]),
        control=control,
    )
)
"""


@pytest.fixture(scope="module")
def timing(tmp_path_factory):
    """What a trial leaves that warms up for two steps and has turns of five and of three."""
    scratch = tmp_path_factory.mktemp("trial")
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "src")))
    command = [sys.executable, "-c", TRIAL, str(scratch)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths})
    assert done.returncode == 0, done.stderr
    result = json.loads((scratch / "result.json").read_text())
    assert result["status"] == "ok", result
    return result["timing"]


def test_the_memory_of_a_process_is_read_at_its_last_step_before_a_framework_lets_go_of_it(timing):
    assert timing["memory"]["device_process_bytes"] == 1000 * (2 + 5 + 3)


def test_the_clock_of_its_card_is_read_where_turns_end(timing):
    assert timing["sm_clock_mhz"] == [2000 - (2 + 5), 2000 - (2 + 5 + 3)]
    assert timing["unavailable"] == {"energy_j": "the board's counter is too slow for loops that take turns"}
