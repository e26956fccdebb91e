"""How long things take: a trial's warm-up, its turns, and the short runs of the passes that are not timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isqrt, lcm
from statistics import median

from bench.errors import UsageError
from bench.records.schema import Comparison, Length, Pass, Settings, TurnLength

EPOCH_STEPS = 101
"""Steps in an epoch of a timed trial. A prime, so that an epoch's end falls on every place in a turn in its time."""
EPOCHS = 1_000_000
"""More than any trial trains: it ends when its parent has had enough."""
PILOT = TurnLength(cold_steps=0, kept_steps=16)
PILOT_CYCLES = 6
"""Turns by which a comparison's first block sees how cold a step is after another process has had the core."""
PILOT_PLACES = range(2, 6)
"""Of these, from 1: the first step of a turn is colder than the others' rule has it, later ones are nearly warm."""
COLD_US = 760.0
"""What a first step would take beyond a warm one, by the rule of `turn`, where handing over costs little."""
COLD_SHARE = 0.01
"""Twice the part of a kept step that may still be cold, on average; about the same in all loops, and less in ratios."""
COLD_S = 0.02
"""A turn's first so many seconds are cold whatever a step takes: after 10 to 15 ms a step still takes 2 % longer."""
ACCELERATOR_KEPT_S = 0.05
"""On an accelerator, where a turn ends by waiting for the device and the next begins with an empty queue."""
TERMINAL_STEPS = 300
"""So many at a stretch tell what a loop writes to a terminal: some tenths of a second, by which bars are refreshed."""
LOOKAHEAD_STEPS = 4
"""By how many steps a loop may be ahead of its batches, those of loader workers apart."""
MIN_STEADY_SHARE = 0.5
"""A turn of which fewer kept steps are clear of an epoch's ends has no figure."""
MIN_CYCLES, MAX_CYCLES = 6, 60
MAX_TURN_STEPS = 1000

COUNTING = Length(epochs=2, steps_per_epoch=8, warmup_steps=4)
TRACE = Length(epochs=1, steps_per_epoch=16, warmup_steps=4)
EQUIVALENCE = Length(epochs=2, steps_per_epoch=6, warmup_steps=1)
MAX_BATCH = Length(epochs=2, steps_per_epoch=2, warmup_steps=1)
"""The second step has the optimizer's state, the third what a loader fetches anew; the sampler's indices are few."""
PHASES = Length(epochs=1, steps_per_epoch=EPOCH_STEPS, warmup_steps=20)
SHORT_PHASES = Length(epochs=1, steps_per_epoch=12, warmup_steps=2)
"""Of a step so long that a hundred would take minutes."""
LONG_STEP_S = 0.3
OF_SCRIPTS: dict[Pass, Length] = {
    "options": Length(epochs=1, steps_per_epoch=3, warmup_steps=1),
    "equivalence": Length(epochs=1, steps_per_epoch=24, warmup_steps=1),
    "counting": Length(epochs=1, steps_per_epoch=16, warmup_steps=4),
    "phases": Length(epochs=1, steps_per_epoch=42, warmup_steps=10),
}
"""Scripts may be short, and where their epochs end is their own affair."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WarmUp:
    """When a trial has warmed up: after so many steps, or after so many seconds, but never after fewer steps.

    First steps pay for lazy initialisation, and an accelerator's clocks take a second to rise.
    """

    min_steps: int = 2
    max_steps: int = 50
    seconds: float = 0.05


ON_ACCELERATOR = WarmUp(max_steps=1_000_000, seconds=1.0)
OF_RANKS = WarmUp(min_steps=20, max_steps=20)
"""By steps alone: clocks of several ranks would not agree after which of them, and those that go on would wait."""


def timed() -> Length:
    """The job of a timed trial: long epochs, more of them than it will need; its warm-up is its own to tell."""
    return Length(epochs=EPOCHS, steps_per_epoch=EPOCH_STEPS, warmup_steps=1)


def made(steps: int, *, warmup_steps: int, is_script: bool = False) -> Length:
    """What a timed trial came to: the epochs that it began; of a script, which tells of none, one without an end."""
    if is_script:
        return Length(epochs=1, steps_per_epoch=EPOCHS, warmup_steps=warmup_steps)
    return Length(epochs=max(1, ceil(steps / EPOCH_STEPS)), steps_per_epoch=EPOCH_STEPS, warmup_steps=warmup_steps)


def warm_up(settings: Settings, comparison: Comparison) -> WarmUp:
    """The warm-up that `--warmup` asks for, else the device's."""
    if settings.warmup_steps is not None:
        return WarmUp(min_steps=settings.warmup_steps, max_steps=settings.warmup_steps)
    if comparison.ranks > 1:
        return OF_RANKS
    return WarmUp() if comparison.device == "cpu" else ON_ACCELERATOR


def cold_us(trials: Sequence[Sequence[Sequence[int]]]) -> float:
    """By the pilot's turns of each trial, steps in nanoseconds: how cold a first step would be, see `turn`."""
    estimates_us = [_cold_us(turns) for turns in trials if turns]
    return max([COLD_US, *([median(estimates_us)] if estimates_us else [])])


def _cold_us(turns: Sequence[Sequence[int]]) -> float:
    typical_us, warm = [median(steps) / 1e3 for steps in zip(*turns, strict=True)], warm_us(turns)
    beyond_us: list[float] = [(typical_us[place - 1] - warm) * place**2 for place in PILOT_PLACES]
    return median(beyond_us)


def warm_us(turns: Sequence[Sequence[int]]) -> float:
    """What a step takes in the second half of a turn, by the steps of a pilot's turns in nanoseconds."""
    halves_ns: list[float] = [median(steps[len(steps) // 2 :]) for steps in turns]
    return median(halves_ns) / 1e3


def turn(
    step_us: float,
    *,
    workers: int,
    cold_us: float = COLD_US,
    device: str = "cpu",
    steps_per_epoch: int = EPOCH_STEPS,
) -> TurnLength:
    """The turn of a comparison whose baseline needs `step_us` a step.

    Cold steps: after another process has had the core, step k of a turn takes longer by some `cold_us` / k²: 760 µs
    on one virtual machine, ten times that on another, where changing the address space is dear (docs/method.md). As
    many are left out, and as many kept, in whole strides, as leave a kept step longer by a two hundredth on average,
    and those of the first `COLD_S` at least. Steps so long that this is nothing have no cold ones.
    """
    stride = stride_of(workers, steps_per_epoch)
    cold = max(isqrt(int(cold_us / (COLD_SHARE * step_us))), int(COLD_S * 1e6 / step_us))
    cold = min(cold, MAX_TURN_STEPS // 3)
    kept = max(cold, 1)
    if device != "cpu":
        kept = min(max(kept, ceil(ACCELERATOR_KEPT_S * 1e6 / step_us)), MAX_TURN_STEPS // 2)
    return TurnLength(cold_steps=cold, kept_steps=stride * ceil(kept / stride))


def edge_steps(workers: int) -> int:
    """Steps at either end of an epoch in which a loop may do its work ahead of time, or late."""
    return LOOKAHEAD_STEPS + 2 * workers  # a loader has two batches a worker under way


def has_ends(workers: int, steps_per_epoch: int) -> bool:
    """Whether epochs are so long that their ends can be told from the steps between them."""
    return 4 * edge_steps(workers) < steps_per_epoch


def stride_of(workers: int, steps_per_epoch: int) -> int:
    """Steps over which a loop's pattern may repeat, so that only their mean tells what one takes.

    One loads two batches every other step, loader workers deliver by turns, and of short epochs only whole ones
    are alike, an even number of steps of them.
    """
    return max(2, workers) if has_ends(workers, steps_per_epoch) else lcm(2, steps_per_epoch)


def cycles(settings: Settings, turn: TurnLength, steps_s: float, *, workers: int = 0) -> int:
    """How often each trial of a block has its turn; `steps_s` are the typical steps of all of them, added up.

    Never so seldom that all of its turns may lie at the end of an epoch.
    """
    least = turns_with_a_figure(turn, workers)
    if settings.steps is not None:
        return max(least, settings.steps // turn.steps)
    assert settings.turns_s is not None  # every plan that is carried out has it
    return max(least, min(max(round(settings.turns_s / (turn.steps * steps_s)), MIN_CYCLES), MAX_CYCLES))


def turns_with_a_figure(turn: TurnLength, workers: int) -> int:
    """Turns in a row of which one has a figure, wherever in an epoch the first begins."""
    stride = stride_of(workers, EPOCH_STEPS)
    at_end = stride * (1 + ceil(2 * edge_steps(workers) / stride))  # in whole strides, at the worst place
    if not has_ends(workers, EPOCH_STEPS) or turn.kept_steps * (1 - MIN_STEADY_SHARE) >= at_end:
        return 1
    return 1 + ceil(at_end / turn.steps)


def phases(step_s: float | None) -> Length:
    """The run of the phases pass, where a short one has shown how long a step is."""
    return SHORT_PHASES if step_s is not None and step_s > LONG_STEP_S else PHASES


def check(*, steps: int | None, warmup_steps: int | None) -> None:
    """Raise `UsageError` for numbers of steps that are none."""
    if steps is not None and steps < 1:
        raise UsageError(f"--steps {steps} must be at least 1.")
    if warmup_steps is not None and warmup_steps < 1:
        raise UsageError(f"--warmup {warmup_steps} must be at least 1: the first step pays for lazy initialisation.")
