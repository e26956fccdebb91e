"""Everything that the journal holds about one cell, sorted by what it is evidence of; `gather` makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from bench.analyse.cells.block_turns import BlockTurns
from bench.analyse.cells.seen import Seen
from bench.analyse.cells.throughput import complete
from bench.analyse.cells.trial_figures import TrialFigures
from bench.analyse.statistics.signed_rank import block_medians
from bench.plan.comparison_groups import ComparisonGroup
from bench.records.metric import Metric
from bench.records.schema import (
    Cell,
    Compilation,
    Counters,
    Equivalence,
    Length,
    Pass,
    Status,
    Trial,
)

NOT_RUN = "the run ended before its turn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One cell: its trials in numbers, its failures, and whether it did the baseline's arithmetic."""

    cell: Cell
    equivalence: Equivalence
    setup: Mapping[str, str]
    """How it has set itself up, as its equivalence trial saw it."""
    length: Length | None
    timing_trials: TrialFigures
    step_us_by_block: dict[int, float]
    turns: BlockTurns
    """What pairs are made of."""
    counts: tuple[Counters, ...]
    """One for each fresh interpreter that counted."""
    phase_trials: tuple[Trial, ...]
    """The good trials of the phases pass."""
    passes: tuple[Pass, ...]
    """What the run planned to do with it."""
    compilations: tuple[tuple[Pass, Compilation], ...]
    """Of the trials that compiled, the first proof and those that were timed."""
    failed: tuple[Seen, ...]
    """Of every pass, in the journal's order."""
    alone: str | None
    """Why it took no turns with the others; None where it did."""
    contradictions: tuple[str, ...]
    """One sentence for each timing trial whose clocks contradict each other."""
    added_from: int | None
    """The first block that not every cell of the run has part in, if there is one."""

    @property
    def status(self) -> Status:
        """`ok` with one good trial of the chief pass, else how the last failed trial ended, if there was any."""
        if self.is_measured:
            return "ok"
        return self.failed[-1].status if self.failed else "not-run"

    @property
    def reason(self) -> str | None:
        """Why the cell has no figures; where it has some, why its last failed trial has none, or None."""
        if self.failed:
            return self.failed[-1].reason or f"the trial ended with status {self.failed[-1].status}"
        return None if self.is_measured else NOT_RUN

    @property
    def is_measured(self) -> bool:
        """Whether it has what the run is for: a time, or a count or phases where nothing was to be timed.

        Where the largest batch is looked for, that stands apart, and a row has its proof alone.
        """
        if "max-batch" in self.passes:
            return self.equivalence.verdict != "unproven"
        if "timing" in self.passes:
            return len(self.timing_trials) > 0
        return bool(self.counts if "counting" in self.passes else self.phase_trials)

    @property
    def blocks(self) -> int:
        """In how many blocks it was timed."""
        return len(np.unique(self.timing_trials.block))

    @property
    def took_turns(self) -> bool:
        """Whether its timed trials took turns, as those of before did not."""
        return bool(self.timing_trials.collections.are_known.any())

    def common_blocks(self) -> Evidence:
        """Only what was timed in blocks that every cell has part in: one cell's figures go beside another's.

        A pair bears the weather of an added block, but in a median over blocks it would be charged to the
        cells that the block has. A cell that went well in added blocks alone keeps those.
        """
        if self.added_from is None:
            return self
        in_common = self.timing_trials.block < self.added_from
        if not in_common.any():
            return self
        common = self.timing_trials.take(in_common)
        if self.length is not None:
            common = complete(common, self.cell, self.length)
        steps_us = figures_by_block(common, "step_us")
        return replace(self, timing_trials=common, step_us_by_block=steps_us, turns=BlockTurns.of(common))

    def by_block(self, metric: Metric) -> dict[int, float]:
        """Return one figure a block, leaving out trials that have none."""
        return figures_by_block(self.timing_trials, metric.trial)


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupEvidence:
    """The evidence for one group: one entry a cell, in the group's order."""

    group: ComparisonGroup
    evidence: tuple[Evidence, ...]
    clone: Evidence | None
    """Of the reference once more; None where no trial of it was made."""

    @property
    def reference(self) -> Evidence | None:
        """What the others are compared with; None where the plan has no such cell."""
        return self.of(self.group.reference)

    def of(self, cell: Cell | None) -> Evidence | None:
        """The evidence for a cell; None where the group has no such cell."""
        return next((evidence for evidence in self.evidence if evidence.cell == cell), None)

    def baseline(self, evidence: Evidence) -> Evidence | None:
        """What a cell's ratio is formed with: the reference, or what that is in the cell's profile."""
        return self.of(self.group.baseline(evidence.cell))


def figures_by_block(timed: TrialFigures, name: str) -> dict[int, float]:
    """One figure a block, without trials that have none."""
    figures = timed.figure(name)
    known = ~np.isnan(figures)
    return block_medians(timed.block[known], figures[known])
