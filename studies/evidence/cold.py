"""How long a turn must wait for its loop to be warm again: step times by their place in a turn, and what follows.

After a hand-over the caches belong to whoever ran before. What a step takes beyond a warm one falls with the square of
its place, whatever the batch size; a turn that keeps too few steps wastes time, one that keeps cold steps is biased.
"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import median

import numpy as np

from bench.analyse.statistics.signed_rank import Floats, hodges_lehmann
from bench.execute.workers.member import Member
from bench.execute.workers.turns import TurnTaking
from bench.plan import length as lengths
from bench.plan import schedule
from bench.records.schema import TurnLength
from studies.evidence import blocks
from studies.evidence.table import section
from trainloops.runners import BASELINE

RUNNERS = (BASELINE, "accelerate", "hf-trainer")
NAMES = (*RUNNERS, blocks.CLONE)
BATCH_SIZES = (8, 64, 512, 2048)
PLACES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Of a turn, from 1, whose steps are told."""
COLD = (0, 0.5, 1, 2)
"""How many steps a turn might leave out, in those that it does."""
KEPT = (0.5, 1, 2)
"""How many a turn might keep, in those that it leaves out."""
LONG = 4
"""How much longer a turn is here than the cold steps that it leaves out."""

Steps = dict[str, Floats]
"""By loop the steps of its turns in µs, a row a cycle."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What all rounds saw at one batch size."""

    steps: Steps
    chosen: TurnLength

    @property
    def warm(self) -> int:
        """From this place on all is warm."""
        return self.length // 2

    @property
    def length(self) -> int:
        """Steps of a turn."""
        return next(iter(self.steps.values())).shape[1]


def cold(args: Namespace) -> str:
    """Turns far longer than chosen, and both tables about them."""
    seen = {size: measured(size, args.rounds) for size in BATCH_SIZES}
    falls = section(
        "Cold steps: what a step takes beyond a warm one, by its place in a turn",
        ["batch", "loop", "warm", *map(str, PLACES), "µs times place squared"],
        [fall(size, name, each) for size, each in seen.items() for name in RUNNERS],
        f"µs, medians over {args.rounds} rounds. `plan.length.turn` leaves out by the last column, as a pilot sees it.",
    )
    choices = section(
        "Cold steps: bias against variance",
        ["batch", "cold + kept", *(f"bias, {name}" for name in RUNNERS[1:]), "noise of a clone"],
        [row for size, each in seen.items() for row in choice_rows(size, each)],
        "Bias: the ratio by such turns over that by warm steps alone. Noise: robust spread of a clone's log ratio from "
        "cycle to cycle, over the root of the cycles that fit into a second. * is what is chosen.",
    )
    return f"{falls}\n{choices}"


def measured(batch_size: int, rounds: int) -> Seen:
    """A few seconds of turns for each round, of fresh forks."""
    planned = blocks.comparison(RUNNERS, batch_size=batch_size)
    turns: list[list[Floats]] = []
    chosen: TurnLength | None = None
    with blocks.interpreters([planned]) as pool:
        for number in range(rounds):
            with blocks.warmed_up(pool, planned.members) as members:
                chosen = chosen or by_pilot(members)
                length = TurnLength(cold_steps=0, kept_steps=LONG * max(chosen.cold_steps, 4))
                cycle_s = sum(member.step_ns for member in members) / 1e9 * length.steps
                cycles = max(10, ceil(4.0 / cycle_s))
                turns.append(blocks.taken(members, length, cycles=cycles, number=number))
            blocks.progress(f"cold, batch {batch_size}", number + 1, rounds)
    assert chosen is not None  # there is a round
    return Seen(dict(zip(NAMES, map(np.concatenate, zip(*turns, strict=True)), strict=True)), chosen)


def by_pilot(members: list[Member]) -> TurnLength:
    """The turn that a run would choose."""
    orders = schedule.cycles(len(members), seed=0, block=0, first=members[0].running.request.cell)
    seen = TurnTaking(members, orders).pilot(lengths.PILOT, cycles=lengths.PILOT_CYCLES)
    return lengths.turn(lengths.warm_us(seen[0]), workers=0, cold_us=lengths.cold_us(seen))


def beyond_us(steps: Floats, warm: int) -> Floats:
    """For each place of a turn what the median step takes beyond a warm one."""
    typical: Floats = np.median(steps, axis=0) - np.median(steps[:, warm:])
    return typical


def fall(size: int, name: str, seen: Seen) -> list[str]:
    steps = seen.steps[name]
    beyond = beyond_us(steps, seen.warm)
    by_place = [f"{beyond[place - 1]:+.0f}" if place <= seen.warm else "" for place in PLACES]
    constant = median(beyond[place - 1] * place**2 for place in lengths.PILOT_PLACES if place <= seen.warm)
    return [str(size), name, f"{np.median(steps[:, seen.warm :]):.0f} µs", *by_place, f"{constant:.0f}"]


def log_ratio(seen: Seen, name: str, kept: slice) -> tuple[float, float]:
    """By these places of a turn: the estimate over cycles, and how it spreads from cycle to cycle."""
    own, other = (of_turns(seen.steps[each][:, kept]) for each in (name, BASELINE))
    pairs = np.log(own / other)
    return hodges_lehmann(pairs), blocks.robust_sd(pairs)


def of_turns(steps: Floats) -> Floats:
    """The median of the means of two neighbours, as a report has it."""
    typical: Floats = np.median((steps[:, 1:] + steps[:, :-1]) / 2, axis=1)
    return typical


def choice_rows(size: int, seen: Seen) -> list[list[str]]:
    chosen = seen.chosen
    few = max(chosen.cold_steps, 4)
    choices = {(round(cold * few), max(round(kept * few), 2)) for cold in COLD for kept in KEPT}
    ours = (chosen.cold_steps, chosen.kept_steps)
    return [
        choice_row(size, seen, cold, kept, "*" if (cold, kept) == ours else "")
        for cold, kept in sorted({*choices, ours})
        if cold + kept <= seen.length
    ]


def choice_row(size: int, seen: Seen, cold: int, kept: int, mark: str) -> list[str]:
    places, warm = slice(cold, cold + kept), slice(seen.warm, None)
    biases = [log_ratio(seen, name, places)[0] - log_ratio(seen, name, warm)[0] for name in RUNNERS[1:]]
    turns_s = sum(float(seen.steps[name][:, : cold + kept].sum(axis=1).mean()) for name in NAMES) / 1e6
    noise = log_ratio(seen, blocks.CLONE, places)[1] * sqrt(turns_s)
    shares = [f"{100 * bias:+.2f} %" for bias in biases]
    return [str(size), f"{cold} + {kept}{mark}", *shares, f"{100 * noise:.1f} %"]
