"""No figure depends on where an epoch ends or a pause falls: loops of known cost, told from their turns."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from bench.analyse.cells.gather import gather
from bench.analyse.cells.pairs import log_ratios_by_block, pooled, ratio
from bench.analyse.cells.turns import figures
from bench.plan import length as lengths
from bench.plan import schedule
from bench.records.schema import Length, Timing, Turns
from tests import factories

FETCH_US, TRAIN_US = 100.0, 300.0
STEP_US = FETCH_US + TRAIN_US
BATCH_SIZE = 64
WARMUP_STEPS = 50
CYCLES = 60
BLOCKS = 6
PAUSE_US = 4000.0

Loop = Callable[[int], Iterator[tuple[float, float]]]
"""For epochs of so many steps, without end: µs from one tick to the next, and of these what the collector paused."""


def ahead_by(batches: int, *, epoch_us: float = 0.0) -> Loop:
    """A loop that has so many batches more in hand than it needs, and at an epoch's end fetches none."""

    def steps(per_epoch: int) -> Iterator[tuple[float, float]]:
        for _ in itertools.count():
            fetched = min(batches + 1, per_epoch)
            yield epoch_us + fetched * FETCH_US + TRAIN_US, 0.0
            for _ in range(per_epoch - 1):
                more = fetched < per_epoch
                fetched += more
                yield more * FETCH_US + TRAIN_US, 0.0

    return steps


def two_every_other_step(per_epoch: int) -> Iterator[tuple[float, float]]:
    """A loop that loads two batches every other step, across the ends of epochs."""
    for step in itertools.count():
        yield (2 * FETCH_US if step % 2 else 0.0) + TRAIN_US, 0.0


def paused(every: int, *, by_the_collector: bool) -> Loop:
    """A loop that pauses every so many steps."""

    def steps(per_epoch: int) -> Iterator[tuple[float, float]]:
        for step in itertools.count(1):
            pause_us = PAUSE_US if step % every == 0 else 0.0
            yield STEP_US + pause_us, pause_us if by_the_collector else 0.0

    return steps


def timing(loop: Loop, per_epoch: int, turn, warmup_steps: int = WARMUP_STEPS, cycles: int = CYCLES) -> Timing:
    """What the instrument would see of it in one block."""
    count = cycles * turn.steps
    seen = list(itertools.islice(loop(per_epoch), warmup_steps, warmup_steps + count))
    return Timing(
        startup_ns=1,
        step_ns=[round(us * 1e3) for us, _ in seen],
        turns=Turns(
            length=turn,
            places=[0] * cycles,
            pauses_ns={place: round(us * 1e3) for place, (_, us) in enumerate(seen) if us},
        ),
        memory=factories.memory(),
    )


def evidence_of(loop: Loop, per_epoch: int):
    """The evidence of a loop and of a hand-written one that does nothing ahead of time."""
    turn = lengths.turn(STEP_US, workers=0, steps_per_epoch=per_epoch)
    loops = {"pytorch": ahead_by(0), "accelerate": loop}
    trials = [factories.trial(name, phase="equivalence", block=-1) for name in loops]
    for block in range(BLOCKS):
        warmup_steps = WARMUP_STEPS + schedule.lead_steps(seed=0, block=block, turn_steps=turn.steps)
        length = Length(epochs=lengths.EPOCHS, steps_per_epoch=per_epoch, warmup_steps=warmup_steps)
        for name, own in loops.items():
            clock = timing(own, per_epoch, turn, warmup_steps)
            trials.append(factories.trial(name, block=block, length=length, timing=clock))
    (compared,) = gather(factories.run(runners=list(loops)), trials)
    return compared.evidence


def samples_per_second(evidence) -> float:
    return float(np.median(evidence.timing_trials.samples_per_second))


def per_second(step_us: float) -> float:
    return BATCH_SIZE / step_us * 1e6


LOOPS = {
    "ahead by 1": (ahead_by(1), 0.0),
    "ahead by 3": (ahead_by(3), 0.0),
    "two every other step": (two_every_other_step, 0.0),
    "the collector, every 37 steps": (paused(37, by_the_collector=True), PAUSE_US / 37),
}
"""By name the loop, and what pauses cost it per step, which its step time leaves out and its throughput has."""


@pytest.mark.parametrize("per_epoch", [3, 10, 100, 101, 1000])
@pytest.mark.parametrize("name", LOOPS)
def test_step_time_ratio_and_throughput_are_right_to_a_hundredth(name, per_epoch):
    loop, pause_us = LOOPS[name]
    baseline, own = evidence_of(loop, per_epoch)
    assert list(own.step_us_by_block.values()) == pytest.approx([STEP_US] * BLOCKS, rel=0.01)
    assert ratio(own, baseline).value == pytest.approx(1.0, rel=0.01)
    assert samples_per_second(own) == pytest.approx(per_second(STEP_US + pause_us), rel=0.01)
    assert samples_per_second(baseline) == pytest.approx(per_second(STEP_US), rel=0.01)


@pytest.mark.parametrize("per_epoch", [101, 1000])  # as planned: a pause that keeps step with epochs is part of these
@pytest.mark.parametrize("every", [10, 50])
def test_a_pause_of_its_own_is_not_in_a_loop_s_step_but_in_its_throughput(every, per_epoch):
    _, own = evidence_of(paused(every, by_the_collector=False), per_epoch)
    assert list(own.step_us_by_block.values()) == pytest.approx([STEP_US] * BLOCKS, rel=0.01)
    assert samples_per_second(own) == pytest.approx(per_second(STEP_US + PAUSE_US / every), rel=0.02)


@pytest.mark.parametrize("batches", [0, 1, 3])
def test_what_an_epoch_costs_is_told_apart_whichever_step_does_the_work(batches):
    _, own = evidence_of(ahead_by(batches, epoch_us=5000.0), 101)
    assert list(own.step_us_by_block.values()) == pytest.approx([STEP_US] * BLOCKS, rel=0.01)
    assert own.timing_trials.epoch_us[0] == pytest.approx(5000.0, rel=0.01)
    assert samples_per_second(own) == pytest.approx(per_second(STEP_US + 5000.0 / 101), rel=0.01)


def test_the_turns_of_a_cycle_are_a_pair():
    """The machine doubles its pace from cycle to cycle, at random: pairs bear it, medians would not."""
    random = np.random.default_rng(0)
    turn = lengths.turn(STEP_US, workers=0)
    length = Length(epochs=lengths.EPOCHS, steps_per_epoch=101, warmup_steps=WARMUP_STEPS)
    trials = [factories.trial(name, phase="equivalence", block=-1) for name in ("pytorch", "accelerate")]
    for block in range(BLOCKS):
        pace = np.repeat(random.choice([1.0, 2.0], CYCLES), turn.steps)
        for name, step_us in (("pytorch", 400.0), ("accelerate", 500.0)):
            clock = timing(ahead_by(0), 101, turn).model_copy(
                update={"step_ns": (step_us * 1e3 * pace).astype(int).tolist()}
            )
            trials.append(factories.trial(name, block=block, length=length, timing=clock))
    (compared,) = gather(factories.run(runners=["pytorch", "accelerate"]), trials)
    baseline, own = compared.evidence
    estimate = ratio(own, baseline)
    assert estimate.value == pytest.approx(1.25)
    assert estimate.high - estimate.low < 1e-3


@pytest.mark.parametrize("workers", [0, 2, 3])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("step_us", [1.5e3, 4e3, 9e3, 30e3, 200e3, 2e6])
def test_a_trial_of_a_single_step_has_a_figure_wherever_in_an_epoch_it_begins(step_us, device, workers):
    turn = lengths.turn(step_us, workers=workers, device=device)
    asked = factories.run().settings.model_copy(update={"steps": 1, "turns_s": None})
    cycles = lengths.cycles(asked, turn, step_us / 1e6, workers=workers)
    cell = factories.cell(workers=workers)
    for before in range(1, lengths.EPOCH_STEPS + 1):
        clock = timing(ahead_by(0), lengths.EPOCH_STEPS, turn, before, cycles)
        length = lengths.made(before + len(clock.step_ns), warmup_steps=before)
        reduced = figures(factories.trial(cell=cell, length=length, timing=clock), clock)
        assert reduced.step_us == pytest.approx(STEP_US), before


def test_trials_that_lost_turns_are_compared_by_those_that_both_have():
    turn = lengths.turn(STEP_US, workers=0, steps_per_epoch=1000)
    length = Length(epochs=lengths.EPOCHS, steps_per_epoch=1000, warmup_steps=WARMUP_STEPS)
    cycles = {("pytorch", 0): 8, ("accelerate", 0): 6, ("pytorch", 1): 5, ("accelerate", 1): 8}
    trials = [factories.trial(name, phase="equivalence", block=-1) for name in ("pytorch", "accelerate")]
    for (name, block), count in cycles.items():
        clock = timing(ahead_by(0), 1000, turn, cycles=count)
        clock = clock.model_copy(update={"step_ns": [ns * (1 + block) for ns in clock.step_ns]})
        trials.append(factories.trial(name, block=block, length=length, timing=clock))
    ((baseline, own),) = (group.evidence for group in gather(factories.run(runners=["pytorch", "accelerate"]), trials))
    assert np.isfinite(own.turns.us).sum(axis=1).tolist() == [6, 8]
    assert log_ratios_by_block(own, baseline) == pytest.approx({0: 0.0, 1: 0.0})
    both = pooled(own, baseline).turns.us
    assert np.isfinite(both).sum(axis=1).tolist() == [8, 8]
    assert both[1, :8] == pytest.approx(2 * STEP_US, rel=0.01)


def test_a_trial_without_turns_is_one_turn_and_several_of_a_block_are_their_median():
    clocks = [factories.region(step_us) for step_us in (100.0, 300.0, 200.0)]
    blocks = zip((0, 1, 1), clocks, strict=True)
    trials = [factories.trial(block=block, length=factories.REGION, timing=clock) for block, clock in blocks]
    (compared,) = gather(factories.run(), trials)
    own = compared.reference
    assert own.turns.blocks.tolist() == [0, 1]
    assert own.turns.us[:, 0] == pytest.approx([own.step_us_by_block[0], own.step_us_by_block[1]])
    assert own.step_us_by_block[1] == pytest.approx(250.0)
