"""A planted slowdown: after each optimizer step, a busy-wait of a share of what the step took."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter

SHARES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1)
"""Of a step: nothing, and one to ten per cent."""
LOOP = '''"""The hand-written loop, whose every step takes {share:.0%} longer."""

from studies.evidence.waits import after_step
from trainloops.contract import Job, Parts
from trainloops.runners import pytorch


def train(job: Job, parts: Parts) -> None:
    parts.optimizer.register_step_post_hook(after_step({share}))
    pytorch.train(job, parts)
'''


def after_step(share: float) -> Callable[..., None]:
    """A hook that waits; relative to the step, so that a machine that slows down slows what is planted, too."""
    before = perf_counter()

    def wait(*_: object) -> None:
        nonlocal before
        now = perf_counter()
        ends = now + share * (now - before)
        while perf_counter() < ends:
            pass
        before = perf_counter()

    return wait


def loop(folder: Path, share: float) -> Path:
    """Write a runner file that waits `share` of each step, named after it: `waits_03.py`."""
    path = folder / f"waits_{round(100 * share):02d}.py"
    path.write_text(LOOP.format(share=share))
    return path
