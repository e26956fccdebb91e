"""Synthetic runs of any length: one plan, measured for as many blocks as it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.plan.comparison_groups import cells, planned_groups
from bench.records import store
from bench.records.schema import Load, Run, Trial
from tests import factories

COMPARISONS = 24
"""Batch sizes; with six loops and a clone of the first, a block has seven trials of each."""
OPENS = '"step_ns":['
BLOCK, PID, RSS = 987_654_301, 987_654_302, 987_654_303
"""What stands in a template where a trial's own number belongs."""


@dataclass(frozen=True)
class Template:
    """The line of a trial, in which its block, its process, its memory and its steps are still to be filled in."""

    before: str
    step_ns: np.ndarray
    after: str

    @classmethod
    def of(cls, trial: Trial) -> Template:
        line = trial.model_dump_json(by_alias=True, exclude_none=True)
        before, _, rest = line.partition(OPENS)
        steps, _, after = rest.partition("]")
        return cls(before=before + OPENS, step_ns=np.array(json.loads(f"[{steps}]")), after="]" + after)

    def line(self, step_ns: np.ndarray, *, block: int, pid: int, rss_bytes: int) -> str:
        own = {BLOCK: block, PID: pid, RSS: rss_bytes}
        before, after = self.before, self.after
        for stands_for, number in own.items():
            before, after = (text.replace(str(stands_for), str(number)) for text in (before, after))
        return f"{before}{','.join(map(str, step_ns.tolist()))}{after}\n"


def write(out: Path, trials: int, *, seed: int = 0) -> Path:
    """The folder of a run with about so many trials: a machine that wavers, loops that differ, and no regression."""
    comparisons = [factories.comparison(batch_size=8 * (number + 1)) for number in range(COMPARISONS)]
    per_block = sum(len(group.members) for group in planned_groups(factories.run(comparisons=comparisons).settings))
    blocks = max(round(trials / per_block), 1)
    run = factories.run(comparisons=comparisons, blocks=blocks, max_blocks=blocks, name=f"{trials:,} trials")
    folder = store.create(out, run)
    with store.journal(folder) as journal:
        journal.append(*(factories.trial(cell=cell, phase="equivalence", block=-1) for cell in cells(run.settings)))
    with (folder / store.JOURNAL).open("a") as file:
        file.writelines(_lines(run, blocks, np.random.default_rng(seed)))
    return folder


def _lines(run: Run, blocks: int, random: np.random.Generator) -> Iterator[str]:
    templates = list(_templates(run))
    for block in range(blocks):
        weather = np.exp(random.normal(0, 0.02))
        for place, template in enumerate(templates):
            steps = np.exp(random.normal(0, 0.02, len(template.step_ns)))
            step_ns = (template.step_ns * weather * np.exp(random.normal(0, 0.01)) * steps).astype(int)
            rss_bytes = 320_000_000 + 4096 * int(random.integers(1000))
            yield template.line(step_ns, block=block, pid=1000 + 10 * block + place % 7, rss_bytes=rss_bytes)


def _templates(run: Run) -> Iterator[Template]:
    for group in planned_groups(run.settings):
        for position, member in enumerate(group.members):
            step_us = factories.STEP_US[member.runner] * (0.8 + member.batch_size / 320)
            clock = factories.timing(step_us, memory=factories.memory(host_rss_bytes=RSS))
            load = Load(wall_s=1.5, cpus=2, busy_s=1.55, own_s=1.5, stolen_s=0.0) if position == 0 else None
            own = {"block": BLOCK, "position": position, "interpreter": factories.interpreter(pid=PID), "load": load}
            yield Template.of(factories.trial(cell=member, timing=clock, **own))
