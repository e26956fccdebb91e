"""The plain scripts of `studies/plain`: run whole and undisturbed, or as trials that take turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.execute.workers import cores
from bench.execute.workers.channel import WorkerTimeoutError
from bench.execute.workers.protocol import LOG
from bench.execute.workers.request import Request
from bench.execute.workers.running import Running
from bench.execute.workers.spec import Spec, environment
from bench.execute.workers.trial_process import Ended, Process
from bench.plan import schedule
from bench.plan.length import EPOCH_STEPS
from bench.records.schema import Interpreter
from studies.evidence.blocks import THREADS

ROOT = Path(__file__).parent.parent.parent
WARM_UP = 50
"""Steps of a whole run that are left out."""


def script(runner: str) -> str:
    return f"studies.plain.{runner.replace('-', '_')}"


def spec(number: int) -> Spec:
    """A fresh interpreter like those of the harness's set `number`."""
    return Spec(device="cpu", threads=THREADS, layout=schedule.layout(seed=0, number=number))


def whole(runner: str, *, batch_size: int, steps: int, number: int) -> dict[str, float]:
    """The figures that a script prints after so many steps in epochs as the harness has them, on the same core."""
    where = cores.for_trials(threads=THREADS, workers=0, device="cpu")
    sizes = {"batch-size": batch_size, "steps-per-epoch": EPOCH_STEPS, "warmup": WARM_UP}
    options = {**sizes, "epochs": max(1, round(steps / EPOCH_STEPS))}
    command = [sys.executable, "-m", script(runner), *(f"--{name}={value}" for name, value in options.items())]
    with cores.leaving(where):
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment(spec(number)),
            check=True,
            preexec_fn=lambda: _pin(where),
        )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _pin(where: Sequence[int]) -> None:
    if where:
        os.sched_setaffinity(0, where)


class Launcher:
    """Starts plain scripts as trials, each in a fresh interpreter; see `studies.evidence.gated`."""

    def __init__(self, number: int) -> None:
        self._spec = spec(number)

    def start(self, request: Request) -> Running:
        running = Running(request, _record(self._spec))
        sizes = {"batch_size": request.cell.batch_size, "steps_per_epoch": EPOCH_STEPS, "warmup": 1}
        asked = {
            "script": script(request.cell.runner),
            "options": {**sizes, "epochs": request.length.epochs},
            "scratch": str(running.scratch),
            "cores": list(request.cores),
            "warm_up": asdict(request.warm_up),
        }
        (descriptor,) = running.descriptors
        with (running.scratch / LOG).open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "studies.evidence.gated", str(descriptor), json.dumps(asked)],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=environment(self._spec),
                pass_fds=[descriptor],
                start_new_session=True,
            )
        return running.started(Process(process.pid, lambda timeout_s: _ended(process, timeout_s)))

    def close(self) -> None:
        """Nothing is left that could be closed: a script ends with its socket."""


def _ended(process: subprocess.Popen[bytes], timeout_s: float) -> Ended:
    try:
        return Ended(exit_code=process.wait(timeout_s), cpu_s=0.0)
    except subprocess.TimeoutExpired:
        raise WorkerTimeoutError(f"no end within {timeout_s:.0f} s") from None


def _record(of: Spec) -> Interpreter:
    unknown = {"pid": 0, "alone": False, "import_s": 0.0, "import_rss_bytes": 0, "base_rss_bytes": 0}
    return Interpreter.model_validate({**unknown, **asdict(of.layout), "launch": "spawn"})
