"""How long a warm-up, a turn, a block of turns and the passes that are not timed are."""

from __future__ import annotations

from statistics import mean

import pytest

from bench.errors import UsageError
from bench.measure.ticks import MAX_STEPS
from bench.plan import length
from bench.plan.length import EPOCH_STEPS, WarmUp
from bench.records.schema import Settings, TurnLength
from tests import factories

STEPS_US = [2.0, 50.0, 127.0, 363.0, 681.0, 4e3, 60e3, 0.9e6]


def settings(**changes: object) -> Settings:
    return factories.run().settings.model_copy(update=changes)


def steps_of(turn: TurnLength) -> tuple[int, int]:
    return turn.cold_steps, turn.kept_steps


# Turns.


@pytest.mark.parametrize(
    ("step_us", "cold_and_kept"),
    [(50.0, (333, 334)), (363.0, (55, 56)), (681.0, (29, 30)), (4e3, (5, 6)), (60e3, (1, 2)), (0.9e6, (0, 2))],
)
def test_a_turn_has_as_many_kept_steps_as_cold_ones_and_fewer_of_longer_steps(step_us, cold_and_kept):
    assert steps_of(length.turn(step_us, workers=0)) == cold_and_kept


@pytest.mark.parametrize("cold_us", [760.0, 8_000.0, 50_000.0])
@pytest.mark.parametrize("step_us", [each for each in STEPS_US if each > 50])  # shorter ones end at the longest turn
def test_kept_steps_are_as_good_as_warm_and_no_step_is_left_out_in_vain(step_us, cold_us):
    turn = length.turn(step_us, workers=0, cold_us=cold_us)
    kept = range(turn.cold_steps + 1, turn.steps + 1)
    assert mean(cold_us / place**2 for place in kept) < 0.006 * step_us
    is_early = turn.cold_steps * step_us <= length.COLD_S * 1e6
    assert is_early or cold_us / turn.cold_steps**2 >= 0.01 * step_us


def piloted(cold_us: float, warm_us: float, *, pauses: bool = False) -> list[list[int]]:
    """The turns of a pilot, in nanoseconds; a pause of 50 ms may fall into one of them, anywhere."""
    turns = [[round(1e3 * (warm_us + cold_us / place**2)) for place in range(1, 17)] for _ in range(6)]
    if pauses:
        for number, turn in enumerate(turns):
            turn[3 * number % 16] += 50_000_000 * (number < 2)
    return turns


@pytest.mark.parametrize("pauses", [False, True])
@pytest.mark.parametrize("cold_us", [2_000.0, 8_000.0, 25_000.0])
def test_a_pilot_tells_how_cold_a_step_is_and_what_a_warm_one_takes(cold_us, pauses):
    seen = [piloted(cold_us, warm_us, pauses=pauses) for warm_us in (600.0, 1_200.0, 9_000.0)]
    assert length.cold_us(seen) == pytest.approx(cold_us, rel=0.15)
    assert length.warm_us(seen[1]) == pytest.approx(1_200.0 + cold_us / 140, rel=0.02)


def test_where_handing_over_costs_nothing_or_was_not_looked_at_the_least_is_taken():
    assert length.cold_us([piloted(0.0, 700.0)]) == length.cold_us([]) == length.cold_us([[]]) == length.COLD_US


@pytest.mark.parametrize("workers", [0, 1, 2, 3, 5, 10])
@pytest.mark.parametrize("step_us", STEPS_US)
def test_kept_steps_come_in_whole_strides_so_that_each_delivery_of_a_worker_is_there_as_often(step_us, workers):
    turn = length.turn(step_us, workers=workers)
    stride = max(2, workers)
    assert turn.kept_steps % stride == 0
    enough = max(turn.cold_steps, 1)
    assert enough <= turn.kept_steps < enough + stride


@pytest.mark.parametrize(
    ("workers", "steps_per_epoch", "stride"),
    [
        (0, 17, 2),
        (0, 16, 16),
        (0, 5, 10),
        (2, 33, 2),
        (2, 32, 32),
        (10, EPOCH_STEPS, 10),
        (11, EPOCH_STEPS, 2 * EPOCH_STEPS),
    ],
)
def test_of_epochs_so_short_that_they_are_all_ends_only_whole_ones_are_kept(workers, steps_per_epoch, stride):
    assert length.has_ends(workers, steps_per_epoch) == (stride == max(2, workers))
    turn = length.turn(363.0, workers=workers, steps_per_epoch=steps_per_epoch)
    assert steps_of(turn) == (55, stride * -(-55 // stride))


@pytest.mark.parametrize("workers", [0, 3, 11, 64])
@pytest.mark.parametrize("step_us", [0.01, *STEPS_US])
def test_a_turn_is_never_longer_than_the_memory_in_which_it_leaves_its_times(step_us, workers):
    assert length.turn(step_us, workers=workers).steps <= length.MAX_TURN_STEPS <= MAX_STEPS


def test_the_end_of_an_epoch_falls_on_every_place_in_a_turn():
    steps = length.turn(363.0, workers=0).steps
    assert {end % steps for end in range(EPOCH_STEPS, EPOCH_STEPS * (steps + 1), EPOCH_STEPS)} == set(range(steps))


# Cycles.


@pytest.mark.parametrize(
    ("turns_s", "steps_s", "cycles"),
    [
        (2.5, 4e-3, 27),  # 23 steps of each of so many trials that one step of all takes 4 ms
        (0.6, 4e-3, 7),
        (2.5, 1e-4, 60),
        (2.5, 1.0, 6),
    ],
)
def test_the_turns_of_a_block_last_as_long_as_was_asked_within_bounds(turns_s, steps_s, cycles):
    turn = TurnLength(cold_steps=11, kept_steps=12)
    assert length.cycles(settings(turns_s=turns_s), turn, steps_s) == cycles


@pytest.mark.parametrize(("steps", "cycles"), [(230, 10), (229, 9), (10_000, 434), (10, 2), (1, 2)])
def test_named_steps_are_as_many_whole_turns_whatever_they_take_and_more_than_an_epochs_end_takes(steps, cycles):
    turn = TurnLength(cold_steps=11, kept_steps=12)
    for steps_s in (1e-5, 1e3):
        assert length.cycles(settings(steps=steps), turn, steps_s) == cycles


@pytest.mark.parametrize(
    ("cold_and_kept", "workers", "turns"),
    [((20, 20), 0, 1), ((18, 18), 0, 2), ((2, 6), 0, 3), ((0, 2), 0, 6), ((0, 2), 2, 10), ((40, 40), 10, 2)],
)
def test_turns_too_short_for_an_epochs_end_are_never_so_few_that_it_takes_them_all(cold_and_kept, workers, turns):
    cold, kept = cold_and_kept
    turn = TurnLength(cold_steps=cold, kept_steps=kept)
    for asked in (settings(steps=1), settings(turns_s=1e-9)):
        least = length.MIN_CYCLES if asked.steps is None else 1
        assert length.cycles(asked, turn, 1.0, workers=workers) == max(turns, least)


# The warm-up.


def test_a_trial_warms_up_by_the_clock_for_longer_on_an_accelerator_whose_clocks_have_to_rise():
    assert length.warm_up(settings(), factories.comparison()) == WarmUp(min_steps=2, max_steps=50, seconds=0.05)
    assert length.warm_up(settings(), factories.comparison(device="cuda:1")).seconds == 1.0
    assert length.warm_up(settings(), factories.comparison(device="cuda:1")).max_steps > 1e5  # whatever a step takes
    assert length.warm_up(settings(), factories.comparison(device="cuda:1")).min_steps == 2


def test_ranks_warm_up_by_steps_alone_since_their_clocks_would_not_agree_on_the_last_one():
    warm_up = length.warm_up(settings(), factories.comparison(ranks=2))
    assert warm_up.min_steps == warm_up.max_steps > 1


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("steps", [1, 7, 200])
def test_a_named_warm_up_has_exactly_so_many_steps(device, steps):
    warm_up = length.warm_up(settings(warmup_steps=steps), factories.comparison(device=device))
    assert (warm_up.min_steps, warm_up.max_steps) == (steps, steps)


# The jobs.


def test_a_timed_job_is_longer_than_any_trial_trains():
    job = length.timed()
    assert job.steps_per_epoch == EPOCH_STEPS
    assert job.steps >= 10 * length.MAX_TURN_STEPS * length.MAX_CYCLES


def test_the_phases_of_a_long_step_are_looked_at_in_fewer_steps():
    assert length.phases(None) == length.phases(0.3) == length.PHASES
    assert length.phases(0.31) == length.SHORT_PHASES
    assert 0.31 * length.PHASES.steps > 30 > 0.31 * 6 * length.SHORT_PHASES.steps
    for each in (length.PHASES, length.SHORT_PHASES):
        assert each.warmup_steps < each.steps_per_epoch


@pytest.mark.parametrize(
    ("steps", "warmup_steps", "sentence"),
    [
        (0, None, "--steps 0 must be at least 1."),
        (-3, 5, "--steps -3 must be at least 1."),
        (None, 0, "--warmup 0 must be at least 1: the first step pays for lazy initialisation."),
    ],
)
def test_numbers_of_steps_that_are_none_are_refused(steps, warmup_steps, sentence):
    with pytest.raises(UsageError) as caught:
        length.check(steps=steps, warmup_steps=warmup_steps)
    assert str(caught.value) == sentence


def test_steps_and_warm_up_are_named_apart_from_each_other():
    length.check(steps=None, warmup_steps=None)
    length.check(steps=1, warmup_steps=None)
    length.check(steps=None, warmup_steps=1)
    length.check(steps=5, warmup_steps=50)  # the steps do not include the warm-up
