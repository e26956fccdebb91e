"""Builders of two runs that are compared: the later one with a newer transformers."""

from __future__ import annotations

from datetime import timedelta

from bench.records.schema import Count, Counters, FunctionCounts, Run, Trial
from tests.factories import STARTED, STEP_US, cell, run, trial

LATER = STARTED + timedelta(days=3)
NEWER = {"torch": "2.13.0", "transformers": "5.24.0", "accelerate": "1.15.0"}
LOOPS = ("pytorch", "hf-trainer", "accelerate", "floor")
STEP = FunctionCounts(file="transformers/trainer.py", function="Trainer.training_step", line=10, python_calls=5, ops=40)
LOG = FunctionCounts(file="transformers/trainer.py", function="Trainer.log", line=90, python_calls=2, ops=1, syncs=1)


def before(**changes: object) -> Run:
    return run(**{"runners": LOOPS, "name": "before"} | changes)


def after(**changes: object) -> Run:
    return run(**{"runners": LOOPS, "name": "after", "started_at": LATER, "packages": NEWER} | changes)


def scaled(factor: float = 1.0, **by_runner: float) -> dict[str, float]:
    """Step times of a machine that is slower by `factor`, and of loops that are slower on top of that."""
    return {name: us * factor * by_runner.get(name.replace("-", "_"), 1.0) for name, us in STEP_US.items()}


def counters(*functions: FunctionCounts, tensor_bytes: int = 60_000) -> Counters:
    totals = {
        name: Count(value=sum(getattr(function, name) for function in functions), share=1.0)
        for name in ("python_calls", "c_calls", "ops", "syncs")
    }
    return Counters(
        steady_steps=10,
        **totals,
        tensor_bytes=Count(value=tensor_bytes, share=1.0),
        ops_by_name={},
        tensor_bytes_by_category={},
        functions=list(functions),
        unavailable=dict.fromkeys(("kernels", "device_syncs", "allocations"), "the device is the host"),
    )


def counted(planned: Run, *functions: FunctionCounts, runner: str | None = None, **changes: int) -> list[Trial]:
    """Both counts of every cell, or of the cells of one runner."""
    cells = [
        cell(name, **comparison.model_dump())
        for comparison in planned.settings.comparisons
        for name in planned.settings.runners
        if runner in (None, name)
    ]
    return [
        trial(
            cell=cell,
            phase="counting",
            block=-1,
            replicate=again,
            timing=None,
            counters=counters(*functions, **changes),
        )
        for cell in cells
        for again in (0, 1)
    ]
