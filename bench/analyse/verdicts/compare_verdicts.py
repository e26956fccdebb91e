"""Verdicts on one cell that two runs have: which of its figures are judged, by what, and which are only told."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.analyse.cells.evidence import Evidence
from bench.analyse.cells.rows import FLOOR
from bench.analyse.verdicts import unpaired
from bench.analyse.verdicts.metrics import (
    COUNTED,
    GROUPS,
    IMPORT,
    MEASURED,
    TENSOR_BYTES,
    ByBlock,
    Figure,
    allowance,
    count,
)
from bench.analyse.verdicts.verdict import Rule, exact_verdict
from bench.records.schema import Cell, Counters, FigureGroup, Judged, Verdict
from trainloops.runners import BASELINE

OVER = "_over_pytorch"
"""Ends the name of a figure that was divided by the hand-written loop's of the same block."""
ONE_SIDED = "only one of the runs has this figure"
NOT_REPEATED = "two fresh interpreters of one run did not count the same, or only one counted"


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
        return self.reference is not None and self.reference.equivalence.proven and bool(self.reference.timed)


Sides = tuple[Side, Side]
"""Baseline and candidate."""


def judged(cell: Cell, sides: Sides, margin: float, *, controlled: bool, imports: bool) -> Iterator[Judged]:
    """Judge all figures of a cell; `controlled` says whether the hand-written loop ran the same code in both runs.

    `imports` says whether its import time is asked for, which all cells of a runner share.
    """
    for figure in MEASURED:
        both = figure.of(sides[0].evidence.in_common_blocks()), figure.of(sides[1].evidence.in_common_blocks())
        if figure.group == "time":
            yield from _times(cell, figure, sides, both, margin, controlled=controlled)
        else:
            yield from _measured(cell, figure.name, figure.group, both, Rule(margin=margin, worse=figure.worse))
    if imports:
        yield from _measured(cell, IMPORT, GROUPS[IMPORT], (sides[0].import_s, sides[1].import_s), Rule(margin=margin))
    yield from _counted(cell, sides, margin)


def _times(
    cell: Cell, figure: Figure, sides: Sides, raw: tuple[ByBlock, ByBlock], margin: float, *, controlled: bool
) -> Iterator[Judged]:
    """Judge the ratio to the hand-written loop where that is a control, else the raw time; the other is told."""
    anchored = all(side.is_anchored for side in sides)
    rule = Rule(margin=margin, worse=figure.worse)
    if anchored and cell.runner != BASELINE:
        group = figure.group if controlled and cell.runner != FLOOR else None
        ratios = _over_reference(figure, sides[0]), _over_reference(figure, sides[1])
        yield from _measured(cell, figure.name + OVER, group, ratios, rule)
    yield from _measured(cell, figure.name, None if anchored and controlled else figure.group, raw, rule)


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
    found = unpaired.judge(candidate, baseline, rule)
    verdict = Verdict(
        cell=cell,
        metric=metric,
        baseline=median(baseline) if baseline else None,
        candidate=median(candidate) if candidate else None,
        ratio=found.ratio,
        margin=rule.margin,
        asked_margin=rule.margin,
        rules_out=found.rules_out,
        minimum_detectable_effect=found.minimum_detectable_effect,
        gamma=rule.gamma,
        verdict=found.outcome,
        real=found.real,
        blocks=found.blocks,
        warnings=list(found.warnings) if baseline and candidate else [ONE_SIDED],
    )
    yield Judged(verdict=verdict, group=group)


def _counted(cell: Cell, sides: Sides, margin: float) -> Iterator[Judged]:
    counts = sides[0].evidence.counts, sides[1].evidence.counts
    for metric in (TENSOR_BYTES, *COUNTED):
        values = _first(counts[0], metric), _first(counts[1], metric)
        if values != (None, None):
            verdict = _exact(cell, metric, values, margin, repeated=all(_repeated(side, metric) for side in counts))
            yield Judged(verdict=verdict, group=GROUPS[metric])


def _exact(cell: Cell, metric: str, values: tuple[int | None, int | None], margin: float, *, repeated: bool) -> Verdict:
    baseline, candidate = values
    both = baseline is not None and candidate is not None
    allowed = allowance(metric, margin)
    outcome = exact_verdict(baseline or 0, candidate or 0, repeated=repeated and both, margin=allowed)
    doubts = [NOT_REPEATED if both else ONE_SIDED] if outcome == "undecided" else []
    return Verdict(
        cell=cell,
        metric=metric,
        baseline=baseline,
        candidate=candidate,
        margin=allowed,
        asked_margin=allowed,
        verdict=outcome,
        real=outcome != "undecided" and baseline != candidate,
        warnings=doubts,
    )


def _first(counts: Sequence[Counters], metric: str) -> int | None:
    return count(counts[0], metric) if counts else None


def _repeated(counts: Sequence[Counters], metric: str) -> bool:
    """Whether two fresh interpreters counted the same; one count alone repeats nothing."""
    return len(counts) > 1 and count(counts[0], metric) == count(counts[-1], metric)
