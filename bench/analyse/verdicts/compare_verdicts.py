"""Verdicts on one cell that two runs have: which of its figures are judged, by what, and which are only told."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from bench.analyse.cells.evidence import Evidence
from bench.analyse.verdicts import exact, unpaired
from bench.analyse.verdicts.metrics import GROUPS, IMPORT, MEASURED, ByBlock, Figure, rule_of
from bench.analyse.verdicts.verdict import Rule
from bench.records.cells import FLOOR
from bench.records.metrics import OVER
from bench.records.schema import Cell, FigureGroup, Judged, Verdict
from trainloops.runners import BASELINE

ONE_SIDED = "only one of the runs has this figure"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One cell in one of the runs."""

    evidence: Evidence
    reference: Evidence | None
    """The hand-written loop's, in the same comparison of the same run."""
    import_s: ByBlock
    weights_sha256: str | None
    """Of the weights that its equivalence trial ended with."""

    @property
    def is_compared(self) -> bool:
        """Whether it has figures, of proven arithmetic."""
        return self.evidence.status == "ok" and self.evidence.equivalence.proven

    @property
    def is_anchored(self) -> bool:
        """Whether there are times of the hand-written loop to divide its own by."""
        reference = self.reference
        return reference is not None and reference.equivalence.proven and len(reference.timing_trials) > 0


Sides = tuple[Side, Side]
"""Baseline and candidate."""


def judged(cell: Cell, sides: Sides, margin: float, *, controlled: bool, imports: bool) -> Iterator[Judged]:
    """Judge all figures of a cell; `controlled` says whether the hand-written loop ran the same code in both runs.

    `imports` says whether its import time is asked for, which all cells of a runner share.
    """
    for figure in MEASURED:
        both = figure.of(sides[0].evidence.common_blocks()), figure.of(sides[1].evidence.common_blocks())
        if figure.metric.group == "time":
            yield from _times(cell, figure, sides, both, margin, controlled=controlled)
        else:
            yield from _measured(cell, figure.metric.key, figure.metric.group, both, rule_of(figure.metric, margin))
    if imports:
        both = sides[0].import_s, sides[1].import_s
        yield from _measured(cell, IMPORT.key, IMPORT.group, both, rule_of(IMPORT, margin))
    for verdict in exact.exact_verdicts(cell, *(side.evidence.counts for side in sides), margin=margin):
        yield Judged(verdict=verdict, group=GROUPS[verdict.metric])


def _times(
    cell: Cell, figure: Figure, sides: Sides, raw: tuple[ByBlock, ByBlock], margin: float, *, controlled: bool
) -> Iterator[Judged]:
    """Judge the ratio to the hand-written loop where that is a control, else the raw time; the other is told."""
    anchored = all(side.is_anchored for side in sides)
    key, own, rule = figure.metric.key, figure.metric.group, rule_of(figure.metric, margin)
    if anchored and cell.runner != BASELINE:
        group = own if controlled and cell.runner != FLOOR else None
        ratios = _over_reference(figure, sides[0]), _over_reference(figure, sides[1])
        yield from _measured(cell, key + OVER, group, ratios, rule)
    yield from _measured(cell, key, None if anchored and controlled else own, raw, rule)


def _over_reference(figure: Figure, side: Side) -> ByBlock:
    assert side.reference is not None
    return {block: math.exp(log) for block, log in figure.log_ratios(side.evidence, side.reference).items()}


def _measured(
    cell: Cell, metric: str, group: FigureGroup | None, both: tuple[ByBlock, ByBlock], rule: Rule
) -> Iterator[Judged]:
    """Judge a figure that at least one side has."""
    baseline, candidate = ([value for value in side.values() if value > 0] for side in both)
    if not baseline and not candidate:
        return
    judged = unpaired.judge(candidate, baseline, rule)
    verdict = Verdict(
        cell=cell,
        metric=metric,
        baseline=median(baseline) if baseline else None,
        candidate=median(candidate) if candidate else None,
        ratio=judged.ratio,
        margin=rule.margin,
        asked_margin=rule.margin,
        rules_out=judged.rules_out,
        minimum_detectable_effect=judged.minimum_detectable_effect,
        gamma=rule.gamma,
        verdict=judged.outcome,
        real=judged.real,
        blocks=judged.blocks,
        warnings=list(judged.warnings) if baseline and candidate else [ONE_SIDED],
    )
    yield Judged(verdict=verdict, group=group)
