"""Builders of synthetic checks of prices: a run of two environments, and a journal whose prices a test plants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.analyse.summary import summarise
from bench.plan import comparison_groups
from bench.plan.upgrade import BASELINE, CANDIDATE
from bench.records.schema import Cell, Counters, PricedOption, Run, Summary, Trial
from tests import checks, factories

LOOP_US = {BASELINE: 1000.0, CANDIDATE: 1200.0}
"""The loop itself became slower, which is no option's doing."""
Planted = Mapping[tuple[str, str | None], Any]
"""By environment and option."""


def an_option(name: str = "asked", *environments: str, **changes: Any) -> list[PricedOption]:
    """An option as each of these environments has it; by default both."""
    return [
        PricedOption(runner="hf-trainer", name=name, environment=environment, setting=f"{name}=True", **changes)
        for environment in environments or (BASELINE, CANDIDATE)
    ]


def planned(*options: list[PricedOption], passes: tuple[str, ...] = ("counting", "timing"), **settings: Any) -> Run:
    """A check of the prices of these, 40 blocks at most."""
    run = checks.planned()
    changes = {
        "design": "options",
        "environments": run.settings.environments[:2],
        "options": [option for own in options for option in own],
        "passes": list(passes),
        "fail_on": ["time"] if "timing" in passes else ["counters"],
    }
    command = f"{run.command.replace('bench.upgrade', 'bench.upgrade --prices')}"
    return run.model_copy(update={"command": command, "settings": run.settings.model_copy(update=changes | settings)})


def members(run: Run) -> list[tuple[Cell, int]]:
    """All cells that take turns, and the number of their group."""
    return [(cell, group.number) for group in comparison_groups.planned_groups(run.settings) for cell in group.members]


def timed(run: Run, prices_us: Planted, *, blocks: int = 10, noise: float = 0.001, seed: int = 0) -> list[Trial]:
    """So many blocks in which an option costs its price; the machine wavers from cycle to cycle, a trial by `noise`."""
    random = np.random.default_rng(seed)
    trials = []
    for block in range(blocks):
        weather = np.repeat(np.exp(random.normal(0, 0.1, factories.CYCLES)), factories.TURN.steps)
        for cell, number in members(run):
            luck = float(np.exp(random.normal(0, noise)))
            own_us = LOOP_US[cell.environment] + prices_us.get((cell.environment, cell.option), 0.0)
            steps_us = (own_us * luck * weather).tolist()
            trials.append(factories.trial(cell=cell, block=block, replicate=number, step_us=steps_us))
    return trials


def counted(run: Run, *interpreters: Planted) -> list[Trial]:
    """The counts of each interpreter, those of two where only one is given: the usual ones but for what is planted."""
    return [
        factories.trial(
            cell=cell,
            phase="counting",
            block=-1,
            replicate=number,
            timing=None,
            counters=planted.get((cell.environment, cell.option), checks.counters()),
        )
        for number, planted in enumerate(interpreters if len(interpreters) > 1 else interpreters * 2)
        for cell in comparison_groups.cells(run.settings)
    ]


def calls(more: int, **changes: Any) -> Counters:
    """Counts of a step with so many more Python calls."""
    return checks.counters(**{"python_calls": 882 + more} | changes)


def a_check() -> Summary:
    """One option that became more expensive, one that did not, and one that only the candidate has."""
    run = planned(an_option("dearer"), an_option("same", event="checkpoint", every=7), an_option("new", CANDIDATE))
    prices_us = {(BASELINE, "dearer"): 100.0, (CANDIDATE, "dearer"): 200.0}
    prices_us |= {(side, "same"): 300.0 for side in LOOP_US}
    counts = {(CANDIDATE, None): calls(9), (CANDIDATE, "same"): calls(9)}
    counts |= {(BASELINE, "dearer"): calls(50), (CANDIDATE, "dearer"): calls(9 + 53)}
    return summarise(run, [*timed(run, prices_us, blocks=20), *counted(run, counts)])
