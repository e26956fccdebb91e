"""What all tests on a card share: one run of all loops, and a summary of figures to be pasted."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LOOPS = ROOT / "tests" / "loops"
DEVICE = "cuda"
RUNNERS = ("pytorch", "hf-trainer", "lightning", "accelerate", "fabric", "floor")
PLANTED = ("reads_a_value", "adds_a_number", "collects_garbage")
ONE_BLOCK = ("--blocks", "1", "--max-blocks", "1")
FIGURES: list[str] = []


def started(*arguments, cwd, path=(), **environment):
    """Start Python with the import path of the checkout and that of whoever tests, `path` before them."""
    paths = os.pathsep.join(map(str, (*path, ROOT, ROOT / "src", os.environ.get("PYTHONPATH", ""))))
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths, "LOOPTAX_CACHE": str(cwd / "cache"), **environment},
    )


def ended(running, timeout_s):
    """How it ended; it is killed where it takes longer."""
    try:
        out, err = running.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        running.kill()
        out, err = running.communicate()
    return subprocess.CompletedProcess(running.args, running.returncode, out, err)


def python(*arguments, cwd, timeout_s=240, path=(), **environment):
    """Run Python to its end."""
    return ended(started(*arguments, cwd=cwd, path=path, **environment), timeout_s)


def answer(code, *, cwd):
    """What a program prints as its last line, as JSON."""
    done = python("-c", code, cwd=cwd)
    assert done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


@dataclass
class Measured:
    """A run folder."""

    summary: dict
    trials: list

    @property
    def cells(self):
        """The rows by the runner's name."""
        return {Path(cell["runner"]).stem: cell for cell in self.summary["cells"]}

    def of(self, phase):
        """The trials of a pass, by the runner's name; clones are left out."""
        trials = [trial for trial in self.trials if trial["phase"] == phase and not trial["cell"]["clone"]]
        by_runner = {}
        for trial in trials:
            by_runner.setdefault(Path(trial["cell"]["runner"]).stem, []).append(trial)
        return by_runner


def measured(folder, *arguments, code=0, path=(), **environment):
    done = python("-m", "bench.run", *arguments, *ONE_BLOCK, cwd=folder, path=path, **environment)
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return left(folder)


def on_two_nodes(folder, *arguments):
    """Two commands that meet, as on two machines: NCCL takes them for two by their names, and goes by the network."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{probe.getsockname()[1]}"
    command = ["-m", "bench.run", *arguments, *ONE_BLOCK, "--nnodes", "2", "--rdzv-endpoint", endpoint]
    nodes = {"a": folder / "a", "b": folder / "b"}
    for node in nodes.values():
        node.mkdir()
    running = [started(*command, cwd=cwd, NCCL_HOSTID=name, NCCL_SOCKET_IFNAME="lo") for name, cwd in nodes.items()]
    ends = [ended(each, timeout_s=420) for each in running]
    assert [done.returncode for done in ends] == [0, 0], [(done.stdout[-2000:], done.stderr[-2000:]) for done in ends]
    return left(folder)


def left(folder):
    """The one run that lies in it."""
    (summary,) = folder.rglob("results/*/summary.json")
    lines = (summary.parent / "trials.jsonl").read_text().splitlines()
    return Measured(json.loads(summary.read_text()), [json.loads(line) for line in lines])


@pytest.fixture(scope="session")
def run():
    return measured


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """All loops and three planted ones in one comparison, every pass of it."""
    runners = [*RUNNERS, *(str(LOOPS / f"{name}.py") for name in PLANTED)]
    folder = tmp_path_factory.mktemp("whole")
    return measured(folder, "--device", DEVICE, "--batch-size", "64", "--runner", ",".join(runners))


@pytest.fixture(scope="session")
def tell():
    """Keep a line for the summary."""
    return FIGURES.append


def pytest_terminal_summary(terminalreporter):
    if FIGURES:
        terminalreporter.section("figures of this card")
        for line in FIGURES:
            terminalreporter.line(line)
