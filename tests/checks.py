"""Builders of synthetic checks of an environment: a run, and a journal in which a test plants what it is about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bench.analyse.summary import summarise
from bench.plan import upgrade
from bench.plan.comparison_groups import cells
from bench.plan.upgrade import BASELINE, CANDIDATE, CLONE
from bench.records.schema import Cell, Comparison, Count, Counters, Environment, FunctionCounts, Run, Summary, Trial
from tests import factories

QUIET = np.array([0.001, -0.002, 0.0005, -0.001, 0.002, -0.0005, 0.0015, -0.0015, 0.0025, -0.0025])
"""Log ratios of ten blocks in which nothing differs by more than 0.25 %."""
STEP_US = 681.0
OLD = Environment(
    name="current",
    python="/old/bin/python",
    requirements=["transformers==4.46.3"],
    packages={"transformers": "4.46.3", "tokenizers": "0.20.3", "torch": "2.13.0"},
    moved={"transformers": ("5.23.0", "4.46.3"), "tokenizers": ("0.23.3", "0.20.3")},
    unasked=["tokenizers"],
)
NEW = Environment(
    name="current",
    python="/new/bin/python",
    requirements=["transformers==4.47.1"],
    packages={"transformers": "4.47.1", "tokenizers": "0.21.4", "torch": "2.13.0"},
    moved={"transformers": ("5.23.0", "4.47.1"), "tokenizers": ("0.23.3", "0.21.4")},
    unasked=["tokenizers"],
)


def planned(
    *,
    runners: Sequence[str] = ("hf-trainer",),
    comparisons: Sequence[Comparison] | None = None,
    sides: tuple[Environment, Environment] = (OLD, NEW),
    **settings: Any,
) -> Run:
    """A check of `sides`, 40 blocks at most; `settings` are fields of `Settings`."""
    usual: dict[str, Any] = {"design": "environments", "environments": upgrade.arms(*sides), "preset": "check"}
    run = factories.run(comparisons=comparisons, runners=runners, blocks=40)
    changed = run.settings.model_copy(update=usual | settings)
    command = "python -m bench.upgrade --baseline transformers==4.46.3 --candidate transformers==4.47.1"
    return run.model_copy(update={"verb": "upgrade", "settings": changed, "command": command})


def timed(
    run: Run,
    ratios: Iterable[float],
    *,
    same: Iterable[float] | None = None,
    failed: Iterable[tuple[str, int]] = (),
) -> list[Trial]:
    """One block of every cell for each log ratio of candidate to baseline, in order; `same` is that of the clone.

    `failed` are the arms and blocks whose trials end without figures. The machine wavers from block to block.
    """
    apart = list(ratios)
    effects = {
        BASELINE: [0.0] * len(apart),
        CANDIDATE: apart,
        CLONE: list(np.resize(QUIET, len(apart)) if same is None else same),
    }
    return [
        factories.trial(
            cell=cell,
            block=block,
            step_us=STEP_US * (1 + 0.1 * math.sin(block)) * math.exp(effects[cell.environment][block]),
            status="failed" if (cell.environment, block) in failed else "ok",
        )
        for block in range(len(apart))
        for cell in cells(run.settings)
    ]


def steps(log_ratios: Sequence[float], planted: float = 0.0) -> list[float]:
    """The same log ratios with a change planted, 0.08 for 8 %."""
    return [each + math.log1p(planted) for each in log_ratios]


def proven(run: Run) -> list[Trial]:
    """An equivalence trial of every cell, all alike."""
    return [factories.trial(cell=cell, phase="equivalence", block=-1) for cell in cells(run.settings)]


def counters(functions: Sequence[FunctionCounts] = (), **changes: int | None) -> Counters:
    """Counts of a step: 882 Python calls, 6 syncs, 100 kB."""
    usual = {"python_calls": 882, "c_calls": 681, "ops": 126, "syncs": 6, "tensor_bytes": 100_000}
    counts = {
        name: None if value is None else Count(value=value, share=0.9) for name, value in (usual | changes).items()
    }
    why_not = dict.fromkeys(("kernels", "device_syncs", "allocations"), "the device is the host")
    return Counters(
        steady_steps=11,
        functions=list(functions),
        ops_by_name={},
        tensor_bytes_by_category={},
        unavailable=why_not,
        **counts,
    )


def counted(run: Run, candidate: Counters, *, again: Counters | None = None) -> list[Trial]:
    """Two counts of every cell, the usual ones but for the candidate, whose second count is `again`."""
    first = {BASELINE: counters(), CANDIDATE: candidate, CLONE: counters()}
    second = first | {CANDIDATE: again or candidate}
    return [
        factories.trial(cell=cell, phase="counting", block=-1, replicate=number, counters=seen[cell.environment])
        for number, seen in enumerate((first, second))
        for cell in cells(run.settings)
    ]


def failing(cell: Cell, phase: str, *, status: str = "failed", **changes: Any) -> Trial:
    """A trial of `cell` that ended without figures."""
    return factories.trial(cell=cell, phase=phase, status=status, **changes)  # type: ignore[arg-type]


def ended(run: Run, *parts: Sequence[Trial]) -> Summary:
    """What is made of the run when it is over, all cells proven equal."""
    return summarise(run, [*proven(run), *(trial for part in parts for trial in part)])
