"""What a comparison of two stored runs found."""

from __future__ import annotations

from collections.abc import Sequence

from bench.records.base import FigureGroup, Record
from bench.records.cells import Cell, Comparison
from bench.records.runs import Run
from bench.records.verdicts import AttributionRow, Verdict


class Judged(Record):
    """A verdict, and the group of figures that it counts for; None for a figure that is told and decides nothing."""

    verdict: Verdict
    group: FigureGroup | None


class Control(Record):
    """One comparison: loops whose code was the same in both runs."""

    comparison: Comparison
    machine: Verdict
    """On the hand-written loop's own step time: what the days did to the machine."""
    floor: Verdict | None
    """On the floor's ratio to it: what is left of that in a ratio. None where a run has no floor."""


class TwoRuns(Record):
    """Whether run B, the candidate, is worse than run A, the baseline, and on what grounds."""

    baseline: Run
    candidate: Run
    folders: tuple[str, str]
    """Of both, as a user would type them."""
    margin: float
    """As asked for."""
    fail_on: list[FigureGroup]
    unlike: list[str]
    """What keeps the runs from being compared, one phrase each, where the user asked for it all the same."""
    also_differs: list[str]
    """What differs besides packages and may matter."""
    packages: dict[str, tuple[str | None, str | None]]
    """By name both versions of every package that differs."""
    controlled: bool
    """Whether the hand-written loop ran the same code in both runs."""
    judged: list[Judged]
    attribution: list[AttributionRow]
    only_in_baseline: list[Cell]
    only_in_candidate: list[Cell]
    failures: list[str]
    """Why a cell of either run has no figures, or is not equivalent to the hand-written loop; one sentence each."""
    controls: list[Control]
    """None where the hand-written loop's own step time is judged instead."""
    warnings: list[str]
    """By declared rules, which change no verdict."""
    own_warnings: tuple[int, int]
    """How many warnings each run has by itself."""

    def of(self, groups: Sequence[FigureGroup | None]) -> list[Verdict]:
        """Return the verdicts that count for `groups`; None are those that decide nothing."""
        return [judgement.verdict for judgement in self.judged if judgement.group in groups]

    @property
    def unanswered(self) -> list[FigureGroup]:
        """The groups of `fail_on` of which neither run has a figure that could be judged."""
        answered = {judgement.group for judgement in self.judged}
        return [group for group in self.fail_on if group not in answered]
