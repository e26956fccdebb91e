"""Everything that the journal holds about one cell, sorted by what it is evidence of."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np

from bench.analyse.cells import scripts
from bench.analyse.cells.counting import counts_of
from bench.analyse.cells.equivalence import changed_setup, judge
from bench.analyse.cells.seen import Seen, TimedTrial, seen, took_turns
from bench.analyse.cells.trial_figures import TrialFigures, complete
from bench.analyse.statistics.signed_rank import Floats, block_medians, hodges_lehmann, hodges_lehmann_rows
from bench.plan.comparison_groups import ComparisonGroup, planned_groups
from bench.records.metrics import Metric
from bench.records.schema import (
    Alikeness,
    Cell,
    Compilation,
    Counters,
    Equivalence,
    Length,
    Pass,
    Run,
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
    timed: tuple[TrialFigures, ...]
    step_us_by_block: dict[int, float]
    turns_us_by_block: dict[int, Floats]
    """What pairs are made of: a figure for each turn, NaN where it has none; of trials without turns one."""
    counts: tuple[Counters, ...]
    """One for each fresh interpreter that counted."""
    split: tuple[Trial, ...]
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
            return bool(self.timed)
        return bool(self.counts if "counting" in self.passes else self.split)

    @property
    def blocks(self) -> int:
        """In how many blocks it was timed."""
        return len({trial.block for trial in self.timed})

    @property
    def took_turns(self) -> bool:
        """Whether its timed trials took turns, as those of before did not."""
        return any(trial.collections is not None for trial in self.timed)

    def common_blocks(self) -> Evidence:
        """Only what was timed in blocks that every cell has part in: one cell's figures go beside another's.

        A pair bears the weather of an added block, but in a median over blocks it would be charged to the
        cells that the block has. A cell that went well in added blocks alone keeps those.
        """
        if self.added_from is None:
            return self
        common = tuple(trial for trial in self.timed if trial.block < self.added_from) or self.timed
        if self.length is not None:
            common = complete(common, self.cell, self.length)
        steps_us = _by_block(common, lambda trial: trial.step_us)
        return replace(self, timed=common, step_us_by_block=steps_us, turns_us_by_block=_turns_by_block(common))

    def by_block(self, metric: Metric) -> dict[int, float]:
        """Return one figure a block, leaving out trials that have none."""
        return _by_block(self.timed, attrgetter(metric.trial))


def log_ratios_by_block(own: Evidence, other: Evidence) -> dict[int, float]:
    """log(own / other) of step time in each block that has both: Hodges and Lehmann's estimate over its cycles.

    The turns of a cycle are a pair, since they met the same moment of the machine.
    """
    return _over_pairs(own, other, lambda ours, theirs: np.log(ours) - np.log(theirs))


def steps_us_beside(own: Evidence, other: Evidence) -> dict[int, float]:
    """Own step time in each block that has both, as the pairs with the other's have it."""
    ratios = log_ratios_by_block(own, other)
    return {block: us * math.exp(ratios[block]) for block, us in other.step_us_by_block.items() if block in ratios}


def differences_by_block(own: Evidence, other: Evidence) -> dict[int, float]:
    """Own step time minus the other's in each block that has both, in µs, by the same pairs."""
    return _over_pairs(own, other, lambda ours, theirs: ours - theirs)


def in_one(evidence: Evidence, twin: Evidence | None) -> Evidence:
    """The turns of a loop and of its clone as those of one: two processes of it, by whose luck it wavers less.

    A cycle in which one of them has no figure has that of the other.
    """
    if twin is None:
        return evidence
    own, other = evidence.turns_us_by_block, twin.turns_us_by_block
    return replace(
        evidence, turns_us_by_block={b: us if b not in other else _middle(us, other[b]) for b, us in own.items()}
    )


def _middle(ours: Floats, theirs: Floats) -> Floats:
    shared = min(len(ours), len(theirs))
    ours, theirs = ours[:shared], theirs[:shared]
    both: Floats = np.sqrt(ours * theirs)
    return np.where(np.isnan(both), np.where(np.isnan(ours), theirs, ours), both)


def _over_pairs(own: Evidence, other: Evidence, compared: Callable[[Floats, Floats], Floats]) -> dict[int, float]:
    """Blocks with as many turns are done together: a long run has thousands, each a handful of numbers."""
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for block, ours in own.turns_us_by_block.items():
        if block in other.turns_us_by_block:  # a trial that was lost on its way has fewer turns
            alike[min(len(ours), len(other.turns_us_by_block[block]))].append(block)
    found: dict[int, float] = {}
    for turns, blocks in alike.items():
        sides = (np.array([side.turns_us_by_block[block][:turns] for block in blocks]) for side in (own, other))
        found |= _middles(blocks, compared(*sides))
    return {block: found[block] for block in own.turns_us_by_block if block in found}


def _middles(blocks: Sequence[int], pairs: Floats) -> dict[int, float]:
    """Hodges and Lehmann's estimate of each block that has a pair, a row each; NaN where a turn has no figure."""
    finite = np.isfinite(pairs)
    whole = np.asarray(finite.all(axis=1))
    found = dict(zip(itertools.compress(blocks, whole.tolist()), hodges_lehmann_rows(pairs[whole]), strict=True))
    for place in np.flatnonzero(finite.any(axis=1) & ~whole).tolist():
        found[blocks[place]] = hodges_lehmann(pairs[place][finite[place]])
    return found


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


def gather(run: Run, trials: Sequence[Seen]) -> list[GroupEvidence]:
    """Return the evidence for every planned cell, group by group in the plan's order."""
    by_cell, added_from = _by_cell(trials), _added_from(run, trials)
    return [_compared(run, planned, by_cell, added_from) for planned in planned_groups(run.settings)]


def gather_group(run: Run, planned: ComparisonGroup, trials: Sequence[Seen]) -> GroupEvidence:
    """Return the evidence for one group."""
    return _compared(run, planned, _by_cell(trials), _added_from(run, trials))


def _by_cell(trials: Iterable[Seen]) -> Mapping[Cell, list[Seen]]:
    by_cell: defaultdict[Cell, list[Seen]] = defaultdict(list)
    for trial in trials:
        by_cell[trial.cell].append(trial)
    return by_cell


def _added_from(run: Run, trials: Sequence[Seen]) -> int | None:
    """The first added block with fewer cells than the last planned one, which a failing cell may be missing from."""
    if run.settings.target_ci is None:
        return None
    cells: defaultdict[int, set[Cell]] = defaultdict(set)
    for trial in trials:
        if trial.phase == "timing":
            cells[trial.block].add(trial.cell)
    last = run.settings.blocks - 1
    return next((block for block in sorted(cells) if block > last and len(cells[block]) < len(cells[last])), None)


def _compared(
    run: Run, planned: ComparisonGroup, by_cell: Mapping[Cell, list[Seen]], added_from: int | None
) -> GroupEvidence:
    belonging = {cell: [t for t in by_cell.get(cell, []) if _belongs(t, planned)] for cell in planned.members}
    own = {cell: list(seen(run, trials)) for cell, trials in belonging.items()}
    evidence = (
        _evidence(
            run,
            cell,
            trials := own[cell],
            _equivalence(run, planned, cell, trials, by_cell.get(planned.baseline(cell), [])),
            added_from,
        )
        for cell in planned.cells
    )
    return GroupEvidence(group=planned, evidence=tuple(evidence), clone=_clone(run, planned, own, added_from))


def _equivalence(
    run: Run, planned: ComparisonGroup, cell: Cell, trials: Sequence[Seen], references: Sequence[Seen]
) -> Equivalence:
    trial, reference = _fingerprinted(trials), _fingerprinted(references)
    name = planned.name(planned.baseline(cell))
    if run.settings.scripts is None:
        found = judge(trial, reference, name=name)
        if cell.profile == "matched" or cell.environment == planned.reference.environment:
            return found
        reasons = changed_setup(trial, reference, names=(name, planned.name(cell)))
        return Alikeness.model_validate(found.model_dump() | {"reasons": reasons})
    if cell == planned.reference:
        return scripts.reference(trial, name)
    names = (name, planned.name(cell))
    found = scripts.judge(trial, reference, names=names, unlike=run.settings.scripts.unlike)
    if cell.environment == planned.reference.environment:
        return found
    changed = scripts.changed_defaults(trial, reference, names=names)
    return found.model_copy(update={"reasons": [*dict.fromkeys([*changed, *found.reasons])]})


def _belongs(trial: Seen, planned: ComparisonGroup) -> bool:
    """Whether a trial took its turns in this group; others of the same reference have trials of that, too."""
    return trial.replicate == planned.number or not took_turns(trial)


def _clone(
    run: Run, planned: ComparisonGroup, own: Mapping[Cell, list[Seen]], added_from: int | None
) -> Evidence | None:
    """The evidence of the group's clone, whose arithmetic is the reference's since it is the same code."""
    if planned.clone is None or not own[planned.clone]:
        return None
    trials = own[planned.clone]
    return _evidence(run, planned.clone, trials, judge(None, None, name=planned.name(planned.reference)), added_from)


def _evidence(
    run: Run, cell: Cell, trials: Sequence[Seen], equivalence: Equivalence, added_from: int | None
) -> Evidence:
    good = _last_of_each_block([trial for trial in trials if trial.phase == "timing"])
    length = good[0].length if good else None
    timed = tuple(trial.figures for trial in good)
    if length is not None:
        timed = complete(timed, cell, length)
    return Evidence(
        cell=cell,
        equivalence=equivalence,
        setup=trial.setup if (trial := _fingerprinted(trials)) is not None else {},
        length=length,
        timed=timed,
        step_us_by_block=_by_block(timed, lambda trial: trial.step_us),
        turns_us_by_block=_turns_by_block(timed),
        counts=tuple(counts_of(trials)),
        split=tuple(trial for trial in trials if isinstance(trial, Trial) and trial.phases is not None),
        passes=tuple(run.settings.passes),
        compilations=tuple((t.phase, t.compilation) for t in trials if t.compilation is not None),
        failed=tuple(trial for trial in trials if trial.status != "ok" and trial.phase != "max-batch"),
        alone=next((trial.alone for trial in reversed(trials) if trial.alone is not None), None),
        contradictions=tuple(trial.contradiction for trial in good if trial.contradiction is not None),
        added_from=added_from,
    )


def _fingerprinted(trials: Sequence[Seen]) -> Trial | None:
    """Pick the equivalence trial to judge: the last good one, since a resumed run repeats those that failed."""
    candidates = [trial for trial in trials if isinstance(trial, Trial) and trial.phase == "equivalence"]
    good = [trial for trial in candidates if trial.status == "ok"]
    return next(reversed(good or candidates), None)


def _last_of_each_block(timed: Sequence[Seen]) -> list[TimedTrial]:
    """The good trials, without what a run that was killed in a block had of it, when all took their turns once more.

    With the others of that time it has no cycle in common, even where it failed the second time.
    """
    last = {(t.block, t.replicate): t for t in timed if not isinstance(t, TimedTrial) or took_turns(t)}
    return [
        trial
        for trial in timed
        if isinstance(trial, TimedTrial) and (not took_turns(trial) or last[trial.block, trial.replicate] is trial)
    ]


def _turns_by_block(timed: Sequence[TrialFigures]) -> dict[int, Floats]:
    """Trials without turns have one figure a block, the median of them."""
    by_block: defaultdict[int, list[Floats]] = defaultdict(list)
    for trial in timed:
        by_block[trial.block].append(trial.turns_us)
    return {
        block: some[0] if len(some) == 1 else np.array([np.median(np.concatenate(some))])
        for block, some in sorted(by_block.items())
    }


def _by_block(timed: Sequence[TrialFigures], figure: Callable[[TrialFigures], float | None]) -> dict[int, float]:
    found = ((trial.block, figure(trial)) for trial in timed)
    return block_medians((block, value) for block, value in found if value is not None)
