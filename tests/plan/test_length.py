"""Trial lengths."""

import pytest

from bench.plan import length


@pytest.mark.parametrize("step_s", [50e-6, 363e-6, 4e-3, 60e-3, 0.9])
def test_the_region_lasts_as_long_as_was_asked(step_s):
    chosen = length.for_step_time(step_s, target_region_s=0.3)
    region_steps = chosen.steps - chosen.warmup_steps
    assert region_steps * step_s >= 0.3
    assert region_steps >= 10
    assert region_steps * step_s <= max(0.3, 10 * step_s) + 5 * step_s  # no longer than it has to be
    assert chosen.epochs == 5


def test_a_warm_up_of_fifty_milliseconds_within_bounds():
    warmups = [length.for_step_time(s, target_region_s=0.3).warmup_steps for s in (50e-6, 5e-3, 0.9)]
    assert warmups == [50, 10, 2]


@pytest.mark.parametrize(("steps", "epochs"), [(500, 5), (404, 4), (9, 3), (14, 2), (503, 1)])
def test_fixed_steps_are_kept_exactly_and_spread_over_equal_epochs(steps, epochs):
    fixed = length.fixed(steps=steps, warmup_steps=3)
    assert (fixed.steps, fixed.epochs, fixed.warmup_steps) == (steps, epochs, 3)
