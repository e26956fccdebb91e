"""Builders of synthetic histories: releases next to the hand-written loop, some slower, some with more syncs."""

from __future__ import annotations

from collections.abc import Mapping

from bench.analyse.summary import summarise
from bench.plan.comparison_groups import cells, planned_groups
from bench.records.schema import Cell, Count, Counters, Environment, FunctionCounts, Run, Summary, Trial
from tests import factories

COMPARISON = factories.comparison()
RELEASES = ["4.44.2", "4.45.2", "4.46.3", "4.47.1", "4.48.3", "4.49.0"]
ANCHOR_US = 400.0


def a_run(*, blocks: int = 6, **changes: object) -> Run:
    run = factories.run(comparisons=[COMPARISON], runners=["hf-trainer"], blocks=blocks)
    environments = [Environment(name=name, python="python") for name in ("anchor", *RELEASES)]
    settings = {"design": "anchored", "environments": environments, "package": "transformers", **changes}
    return run.model_copy(update={"verb": "history", "settings": run.settings.model_copy(update=settings)})


def counters(*, syncs: int) -> Counters:
    fields = dict.fromkeys(("python_calls", "c_calls", "ops", "tensor_bytes"), Count(value=100, share=1.0))
    function = FunctionCounts(file="transformers/trainer.py", function="Trainer.get_batch_samples", line=1, syncs=syncs)
    known = {"steady_steps": 11, "ops_by_name": {}, "tensor_bytes_by_category": {}, "functions": [function]}
    known |= {"unavailable": dict.fromkeys(("kernels", "device_syncs", "allocations"), "the device is the host")}
    return Counters(**fields, syncs=Count(value=syncs, share=1.0), **known)


def opening(run: Run, syncs: Mapping[str, int]) -> list[Trial]:
    """A proof and two counts of every cell."""
    return [
        trial
        for cell in cells(run.settings)
        for counted in [{"timing": None, "counters": counters(syncs=syncs.get(cell.environment, 6))}]
        for trial in (
            factories.trial(cell=cell, phase="equivalence", block=-1),
            factories.trial(cell=cell, phase="counting", block=-1, **counted),
            factories.trial(cell=cell, phase="counting", block=-1, replicate=1, **counted),
        )
    ]


def step_us(each: Cell, ratio: Mapping[str, float], *, pace: float, wobble: int) -> float:
    usual = ANCHOR_US * (1 if each.environment == "anchor" else ratio[each.environment])
    return usual * pace * (1 + 0.004 * (wobble % 5 - 2))


def journal(run: Run, ratio: Mapping[str, float], syncs: Mapping[str, int]) -> list[Trial]:
    """A machine that slows from group to group by more than any release differs; those together share its pace."""
    in_turns = run.settings.turns_s is not None
    trials = opening(run, syncs)
    for block in range(run.settings.blocks):
        for place, planned in enumerate(planned_groups(run.settings)):
            pace = 1 + 0.3 * (place + block) / 10
            members = planned.members if in_turns else planned.cells if (place + block) % 2 else planned.cells[::-1]
            for offset, each in enumerate(members):
                us = step_us(each, ratio, pace=pace, wobble=7 * block + 3 * place + offset)
                if in_turns:
                    where = {"position": offset, "replicate": planned.number}
                    trials.append(factories.trial(cell=each, block=block, step_us=us, **where))
                else:
                    where = {"position": 2 * place + offset, "replicate": place if offset else 0}
                    clock = {"length": factories.REGION, "timing": factories.region(us)}
                    trials.append(factories.trial(cell=each, block=block, **where, **clock))
    return trials


def a_summary(
    ratio: Mapping[str, float] | None = None, syncs: Mapping[str, int] | None = None, **plan: object
) -> Summary:
    run = a_run(**plan)
    return summarise(run, journal(run, ratio or dict.fromkeys(RELEASES, 1.7), syncs or {}))
