"""How trials vary: forks of one interpreter, fresh interpreters, and such with another hash seed and padding.

In each round three interpreters of a runner are alive together, two of one layout and one of another, and their
forks take turns in random order. Two interpreters of one round are compared with each other, so that a drift of the
machine from round to round cancels.
"""

from __future__ import annotations

import random
import sys
from argparse import Namespace
from contextlib import ExitStack, closing
from math import log, sqrt
from statistics import mean, median, stdev

from scipy.stats import levene

from bench.execute.interpreter import Spec
from bench.plan import schedule
from bench.plan.schedule import Layout
from tests.evidence.table import section
from tests.perf_trials import USUAL, median_step_us, started, trial

RUNNERS = ("pytorch", "hf-trainer")
FORKS = 4
ARMS = ("same", "again", "other")
"""Two interpreters of the layout that all rounds share, and one of a layout that only this round has."""
SHARED = schedule.layout(seed=1, block=0)

Arms = dict[str, list[float]]


def isolation(args: Namespace) -> str:
    """The spread of log step times within an interpreter, between those of one layout, and between layouts."""
    found = measured(args.rounds)
    rows = [row(runner, found[runner]) for runner in RUNNERS]
    columns = ["runner", "forks of one interpreter", "interpreters, one layout", "interpreters, other layouts", "p"]
    return section(
        f"Isolation: {args.rounds} rounds, {FORKS} forks of each interpreter",
        columns,
        rows,
        "Standard deviations of the median step of a trial, and beyond them those of an interpreter's own level; p is "
        "for layouts to make no difference (Brown and Forsythe, on differences between two interpreters of a round).",
    )


def measured(count: int) -> dict[str, list[Arms]]:
    """For each runner and round the log step times of the forks of its three interpreters."""
    order = random.Random(0)
    found: dict[str, list[Arms]] = {runner: [] for runner in RUNNERS}
    for number in range(count):
        seen = one_round(order, schedule.layout(seed=1, block=number + 1))
        for runner in RUNNERS:
            found[runner].append({arm: seen[runner, arm] for arm in ARMS})
        print(f"isolation: {number + 1} of {count} rounds", file=sys.stderr)
    return found


def one_round(order: random.Random, other: Layout) -> dict[tuple[str, str], list[float]]:
    """All interpreters alive together; their forks one after the other."""
    keys = [(runner, arm) for runner in RUNNERS for arm in ARMS]
    seen: dict[tuple[str, str], list[float]] = {key: [] for key in keys}
    with ExitStack() as stack:
        alive = {}
        for runner, arm in order.sample(keys, len(keys)):
            layout = other if arm == "other" else SHARED
            asked = Spec(runner=runner, device="cpu", threads=1, layout=layout)
            alive[runner, arm] = stack.enter_context(closing(started(asked)))
        for _ in range(FORKS):
            for runner, arm in order.sample(keys, len(keys)):
                timing = trial(alive[runner, arm], runner, USUAL)
                seen[runner, arm].append(log(median_step_us(timing, runner, USUAL)))
    return seen


def row(runner: str, found: list[Arms]) -> list[str]:
    within = sqrt(mean(stdev(forks) ** 2 for arms in found for forks in arms.values()))
    alike = [median(arms["again"]) - median(arms["same"]) for arms in found]
    apart = [median(arms["other"]) - median(arms["same"]) for arms in found]
    p = float(levene(alike, apart, center="median").pvalue)
    return [runner, sd(within), sd(beyond(alike, within)), sd(beyond(apart, within)), f"{p:.2f}"]


def beyond(differences: list[float], within: float) -> float:
    """What the spread between interpreters is beyond what so many forks leave; a median of normal values has pi / 2."""
    of_forks = within**2 * 1.57 / FORKS
    return sqrt(max(mean(each**2 for each in differences) / 2 - of_forks, 0.0))


def sd(value: float) -> str:
    return f"{100 * value:.1f} %"
