"""A trace of a few steady steps, for chrome://tracing or ui.perfetto.dev."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch.profiler import profile, schedule

from bench.measure.hooks import after_each_step

TRACED_STEPS = 10


def first_steady_step(*, warmup_steps: int, steps_per_epoch: int, steps: int = TRACED_STEPS) -> int:
    """The first step after the warm-up from which `steps` follow without crossing an epoch boundary.

    Raises `ValueError` where an epoch has too few.
    """
    if steps_per_epoch <= steps:
        raise ValueError(f"an epoch of {steps_per_epoch} steps has no {steps} steady ones: trace a longer job")
    first = max(warmup_steps, 1)
    place = first % steps_per_epoch
    if place == 0:
        return first + 1
    return first if place + steps <= steps_per_epoch else first - place + steps_per_epoch + 1


@contextmanager
def tracing(path: Path, *, first_step: int, steps: int = TRACED_STEPS) -> Iterator[None]:
    """Write the trace of `steps` steps to `path`, beginning with `first_step` (from 0, at least 1)."""
    window = schedule(wait=first_step - 1, warmup=1, active=steps, repeat=1)

    def write(finished: profile) -> None:
        finished.export_chrome_trace(str(path))

    with profile(schedule=window, on_trace_ready=write) as recording, after_each_step(lambda _: recording.step()):
        yield
