"""What all tests on a card share: one run of all loops, and a summary of figures to be pasted."""

import json
import os
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
FIGURES: list[str] = []


def python(*arguments, cwd, timeout_s=240, path=(), **environment):
    """Run Python with the import path of the checkout and that of whoever tests, `path` before them."""
    paths = os.pathsep.join(map(str, (*path, ROOT, ROOT / "src", os.environ.get("PYTHONPATH", ""))))
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths, "LOOPTAX_CACHE": str(cwd / "cache"), **environment},
        check=False,
        timeout=timeout_s,
    )


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
    done = python(
        "-m", "bench.run", *arguments, "--blocks", "1", "--max-blocks", "1", cwd=folder, path=path, **environment
    )
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    (summary,) = folder.glob("results/*/summary.json")
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
