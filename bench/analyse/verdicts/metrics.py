"""The figures that are judged: where the evidence has each, and which of them decide."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.analyse.cells.evidence import Evidence
from bench.analyse.cells.pairs import log_ratios_by_block
from bench.analyse.cells.seen import Seen
from bench.analyse.statistics.sequential import CAP
from bench.analyse.statistics.signed_rank import block_medians
from bench.analyse.verdicts.verdict import Rule
from bench.plan.upgrade import CANDIDATE
from bench.records.metric import Metric
from bench.records.metrics import METRICS, metric
from bench.records.schema import Cell, FigureGroup, Summary

ByBlock = Mapping[int, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure that is measured block by block."""

    metric: Metric
    of: Callable[[Evidence], ByBlock]
    pairs: Callable[[Evidence, Evidence], ByBlock] | None = None
    """log(one / other) in each block, where that is told by more than one figure a block."""

    def log_ratios(self, own: Evidence, other: Evidence) -> ByBlock:
        """log(own / other) in each block in which both are positive."""
        if self.pairs is not None:
            return self.pairs(own, other)
        theirs = self.of(other)
        both = ((block, value, theirs.get(block, 0.0)) for block, value in self.of(own).items())
        return {block: math.log(value / base) for block, value, base in both if value > 0 and base > 0}


def rule_of(measured: Metric, asked: float, of_time: float | None = None, *, cap: int = CAP) -> Rule:
    """By what a measured figure is judged, given the margins that were asked for, as fractions."""
    margin = measured.margin_of(asked, of_time)
    assert margin is not None, f"{measured.key} is measured, and never the same twice"
    return Rule(margin=margin, worse="higher" if measured.lower_is_better else "lower", cap=cap)


IN_PAIRS = {"step_time_us": log_ratios_by_block}
"""The figures of which a block has many pairs."""


def _figure(metric: Metric) -> Figure:
    return Figure(metric=metric, of=lambda evidence: evidence.by_block(metric), pairs=IN_PAIRS.get(metric.key))


MEASURED = tuple(_figure(metric) for metric in METRICS if metric.group is not None and metric.trial)
"""What trials tell block by block."""
IMPORT = metric("import_s")
"""What interpreters tell, not trials."""
GROUPS: dict[str, FigureGroup] = {metric.key: metric.group for metric in METRICS if metric.group is not None}
"""What is judged."""


def is_blocking(key: str, fail_on: Collection[FigureGroup]) -> bool:
    """Whether a check goes on until this figure is decided, and is itself undecided where that cannot be had.

    So it is with all that the check fails on, but for what is not awaited. Other figures are judged by the blocks
    that there are then.
    """
    return metric(key).group in fail_on and metric(key).awaited


def cells_without_verdict(summary: Summary) -> list[Cell]:
    """The candidate's cells that lack a verdict on something that the check fails on, because trials failed."""
    asked = set(summary.run.settings.fail_on)
    judged: dict[Cell, set[FigureGroup]] = {row.cell: set() for row in summary.cells if row.environment == CANDIDATE}
    for verdict in summary.verdicts:
        judged[verdict.cell].add(GROUPS[verdict.metric])
    return [cell for cell, groups in judged.items() if not asked <= groups]


def import_s_by_block(trials: Sequence[Seen], cell: Cell) -> ByBlock:
    """Import time of the cell's interpreters, each at the first timed block that it serves: it has imported once.

    Two interpreters import at the same time, in an order that each set draws anew: a figure for ratios, not for a
    table.
    """
    own = ((t.block, t.interpreter) for t in trials if t.cell == cell and t.phase == "timing")
    first: dict[tuple[int, int, int], tuple[int, float]] = {}
    for block, interpreter in own:
        if interpreter is not None:
            identity = (interpreter.pid, interpreter.hash_seed, interpreter.padding_bytes)
            first.setdefault(identity, (block, interpreter.import_s))
    blocks, figures = zip(*first.values(), strict=True) if first else ((), ())
    return block_medians(np.array(blocks, dtype=np.int64), np.array(figures, dtype=np.float64))
