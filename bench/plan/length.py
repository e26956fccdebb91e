"""How many steps a trial makes: enough for a region of a chosen duration on the baseline."""

from __future__ import annotations

from math import ceil

from bench.errors import UsageError
from bench.records.schema import Length

EPOCHS = 5
WARMUP_S = 0.05
MIN_WARMUP_STEPS, MAX_WARMUP_STEPS = 2, 50
MIN_REGION_STEPS = 10

PILOT = Length(epochs=2, steps_per_epoch=6, warmup_steps=4)
COUNTING = Length(epochs=2, steps_per_epoch=8, warmup_steps=4)
TRACE = Length(epochs=1, steps_per_epoch=16, warmup_steps=4)
EQUIVALENCE = Length(epochs=2, steps_per_epoch=6, warmup_steps=1)


def for_step_time(step_s: float, *, target_region_s: float) -> Length:
    """The length for a baseline that needs `step_s` a step.

    Five epochs, so that the region holds boundaries to measure; at least ten steps in it, so that
    a median means something; a warm-up of some 50 ms, since first steps pay for lazy initialisation.
    """
    warmup_steps = min(max(ceil(WARMUP_S / step_s), MIN_WARMUP_STEPS), MAX_WARMUP_STEPS)
    region_steps = max(ceil(target_region_s / step_s), MIN_REGION_STEPS)
    return Length(
        epochs=EPOCHS, steps_per_epoch=ceil((warmup_steps + region_steps) / EPOCHS), warmup_steps=warmup_steps
    )


def halved(length: Length) -> Length:
    """About half the region, for a pass that looks at shares: one good trial of it is enough."""
    least = ceil((length.warmup_steps + MIN_REGION_STEPS) / length.epochs)
    return length.model_copy(update={"steps_per_epoch": max(ceil(length.steps_per_epoch / 2), least)})


def fixed(*, steps: int, warmup_steps: int | None) -> Length:
    """The length for `--steps` and `--warmup`; raises `UsageError` where no region is left.

    The steps are spread over as many equal epochs as divide them, at most five.
    """
    warmup = max(1, steps // 10) if warmup_steps is None else warmup_steps
    if warmup < 1:
        raise UsageError(f"--warmup {warmup} must be at least 1: the first step pays for lazy initialisation.")
    if steps < warmup + 2:
        raise UsageError(
            f"--steps {steps} must be at least two more than --warmup {warmup}; the steps include the warm-up."
        )
    epochs = next(count for count in range(EPOCHS, 0, -1) if steps % count == 0)
    return Length(epochs=epochs, steps_per_epoch=steps // epochs, warmup_steps=warmup)
