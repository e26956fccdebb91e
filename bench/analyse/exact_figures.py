"""Verdicts on what is counted: by equality, not by statistics; any doubt about a count is told with it."""

from __future__ import annotations

from bench.analyse.evidence import Evidence
from bench.analyse.figures_judged import COUNTED, TENSOR_BYTES, count
from bench.analyse.sequential import Outcome
from bench.analyse.verdict import exact_verdict
from bench.plan.check import BASELINE, CANDIDATE
from bench.records.schema import Verdict


def judged(baseline: Evidence, candidate: Evidence, *, margin: float) -> list[Verdict]:
    """Judge every exact figure that a side has; bytes of tensors have the margin, counts have none.

    Nothing is judged where a side could not be counted at all: its failed trials say why.
    """
    if not baseline.counts or not candidate.counts:
        return []
    found = [_judged(baseline, candidate, name) for name in (*COUNTED, TENSOR_BYTES)]
    return [_by_margin(each, margin) if each.metric == TENSOR_BYTES else each for each in found if each is not None]


def _judged(baseline: Evidence, candidate: Evidence, name: str) -> Verdict | None:
    """The verdict on one figure; None where no side has it."""
    before, after = (count(side.counts[0], name) for side in (baseline, candidate))
    if before is None and after is None:
        return None
    doubts = [*_doubts(baseline, name, BASELINE), *_doubts(candidate, name, CANDIDATE)]
    verdict: Outcome = "undecided"
    if before is not None and after is not None:
        verdict = exact_verdict(before, after, repeated=not doubts)
    return Verdict(
        cell=candidate.cell,
        metric=name,
        baseline=before,
        candidate=after,
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


def _by_margin(found: Verdict, margin: float) -> Verdict:
    """The same with a difference below the margin let pass, as for what is measured."""
    before, after = found.baseline or 0, found.candidate or 0
    verdict = found.verdict
    if (verdict == "regressed" and after < before * (1 + margin)) or (
        verdict == "improved" and after * (1 + margin) > before
    ):
        verdict = "not-regressed"
    return found.model_copy(update={"margin": margin, "asked_margin": margin, "verdict": verdict})
