"""Verdicts on what is counted: by equality or a margin, not by statistics; any doubt about a count is told with it."""

from __future__ import annotations

from bench.analyse.cells.evidence import Evidence
from bench.analyse.statistics.sequential import Outcome
from bench.analyse.verdicts.metrics import COUNTED, TENSOR_BYTES, allowance, count
from bench.analyse.verdicts.verdict import exact_verdict
from bench.plan.upgrade import BASELINE, CANDIDATE
from bench.records.schema import Verdict


def judged(baseline: Evidence, candidate: Evidence, *, margin: float) -> list[Verdict]:
    """Judge every exact figure that a side has; bytes of tensors have the margin, counts have none.

    Nothing is judged where a side could not be counted at all: its failed trials say why.
    """
    if not baseline.counts or not candidate.counts:
        return []
    named = ((name, allowance(name, margin)) for name in (*COUNTED, TENSOR_BYTES))
    found = [_judged(baseline, candidate, name, allowed) for name, allowed in named]
    return [each for each in found if each is not None]


def _judged(baseline: Evidence, candidate: Evidence, name: str, margin: float | None) -> Verdict | None:
    """The verdict on one figure; None where no side has it."""
    before, after = (count(side.counts[0], name) for side in (baseline, candidate))
    if before is None and after is None:
        return None
    doubts = [*_doubts(baseline, name, BASELINE), *_doubts(candidate, name, CANDIDATE)]
    verdict: Outcome = "undecided"
    if before is not None and after is not None:
        verdict = exact_verdict(before, after, repeated=not doubts, margin=margin)
    return Verdict(
        cell=candidate.cell,
        metric=name,
        baseline=before,
        candidate=after,
        margin=margin,
        asked_margin=margin,
        verdict=verdict,
        real=not doubts and before != after,
        warnings=doubts,
    )


def _doubts(side: Evidence, name: str, arm: str) -> list[str]:
    """Why one side's figure cannot be relied on; nothing where two fresh interpreters gave the same."""
    figures = [count(each, name) for each in side.counts]
    if figures[0] is None:
        return [f"the {arm} has no figure: {side.counts[0].unavailable.get(name, 'it was not counted')}"]
    if len(figures) == 1:
        return [f"the {arm} was counted once, where it takes two interpreters to see that a count repeats"]
    return (
        [] if figures[0] == figures[-1] else [f"two interpreters of the {arm} counted {figures[0]} and {figures[-1]}"]
    )
