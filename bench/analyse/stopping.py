"""When a run has seen enough, and of which loops it has not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import monotonic

from bench.analyse.cells.evidence import Evidence
from bench.analyse.cells.gather import gather_group
from bench.analyse.cells.pairs import pooled, ratio
from bench.analyse.statistics.signed_rank import blocks_needed, resolution
from bench.analyse.verdicts import price_changes, upgrade
from bench.plan.comparison_groups import ComparisonGroup, planned_groups
from bench.plan.prices import OF_THE_PRICE
from bench.records.schema import Run, Trial

FORGO = ("run", "prices")
"""Runs whose groups tell something by themselves, so that some of them may be forgone for the others."""
FIRST_OF_OPTIONS = 0.5
"""In the first block of a price list each trial has a pilot and 300 steps for its terminal: later ones take half."""


def rule(
    run: Run, *, clock: Callable[[], float] = monotonic
) -> Callable[[int, Sequence[Trial]], Sequence[ComparisonGroup]]:
    """Whom the next block compares, from (blocks done, their trials), for `TrialScheduler.run`.

    The planned blocks are run; with a target, blocks are added for the loops whose ratios are not
    known that well, up to `Settings.max_blocks`. A check of an environment ends with its verdicts. A
    budget ends the run before a block that would not fit in it, judged by the slowest pace so far;
    one block is always run. Where it has no room for the fewest blocks of an interval, it is spent on as many groups
    as can have theirs.
    """
    planned = planned_groups(run.settings)
    pace = _Pace(clock, first=FIRST_OF_OPTIONS if run.settings.design == "options" else 1.0)

    def next_rounds(blocks: int, trials: Sequence[Trial]) -> Sequence[ComparisonGroup]:
        pace.block_ended()
        wanted = _wanted(run, planned, blocks, trials)
        budget_s = run.settings.budget_s
        if budget_s is not None and run.kind in FORGO:
            to_go = min(run.settings.blocks, blocks_needed()) - blocks
            wanted = _going_on(wanted, trials)
            wanted = pace.fitting(wanted, to_go, budget_s) if to_go > 0 else wanted
        if blocks > 0 and budget_s is not None and pace.seconds_with(wanted) > budget_s:
            return []
        pace.block_begins(wanted)
        return wanted

    return next_rounds


def _going_on(wanted: Sequence[ComparisonGroup], trials: Sequence[Trial]) -> Sequence[ComparisonGroup]:
    """Those that the last block had, in the order in which they are forgone last: of each reference one by turns."""
    last = max((trial.block for trial in trials if trial.phase == "timing"), default=None)
    if last is None:
        return wanted
    had = {(trial.cell, trial.replicate) for trial in trials if trial.phase == "timing" and trial.block == last}
    going_on = [group for group in wanted if any((cell, group.number) in had for cell in group.members)]
    return sorted(going_on, key=lambda each: each.number)


class _Pace:
    """How long a run has taken, and what its blocks took for each cell in them."""

    def __init__(self, clock: Callable[[], float], *, first: float) -> None:
        """`first` is how much of the pace of the first block the later ones are expected to take."""
        self._clock, self._first = clock, first
        self._began_s = self._block_began_s = clock()
        self._cells = 0
        self._paces_s: list[float] = []

    def block_begins(self, chosen: Sequence[ComparisonGroup]) -> None:
        self._block_began_s = self._clock()
        self._cells = _cells(chosen)

    def block_ended(self) -> None:
        if self._cells:
            pace_s = (self._clock() - self._block_began_s) / self._cells
            self._paces_s.append(pace_s if self._paces_s else self._first * pace_s)

    def seconds_with(self, chosen: Sequence[ComparisonGroup]) -> float:
        """How long the run will have taken after one more block, at the slowest pace so far."""
        return self._clock() - self._began_s + max(self._paces_s, default=0.0) * _cells(chosen)

    def fitting(self, wanted: Sequence[ComparisonGroup], blocks: int, budget_s: float) -> Sequence[ComparisonGroup]:
        """The first of these, as many as can have so many blocks within the budget; all where not even one can."""
        left_s = budget_s - (self._clock() - self._began_s)
        fitting = list(wanted)
        while fitting and self._paces_s and blocks * self._paces_s[-1] * _cells(fitting) > left_s:
            fitting.pop()
        return fitting or wanted


def _cells(chosen: Sequence[ComparisonGroup]) -> int:
    return sum(len(planned.members) for planned in chosen)


def _wanted(
    run: Run, planned: Sequence[ComparisonGroup], blocks: int, trials: Sequence[Trial]
) -> Sequence[ComparisonGroup]:
    settings = run.settings
    if run.kind == "price_changes":
        return _with_undecided_prices(run, planned, trials) if blocks else planned
    if run.verb == "upgrade":
        return [] if blocks and upgrade.assess(run, trials, ended=False).complete else planned
    if blocks < settings.blocks:
        return planned
    if settings.target_ci is None or blocks >= settings.max_blocks:
        return []
    return list(_wide(run, planned, trials, settings.target_ci))


def _with_undecided_prices(
    run: Run, planned: Sequence[ComparisonGroup], trials: Sequence[Trial]
) -> Sequence[ComparisonGroup]:
    """The groups with nobody in them but the reference and options of whose price more is to be known."""
    undecided = price_changes.assess(run, trials, ended=False).undecided
    return [group.only(undecided) for group in planned if not undecided.isdisjoint(group.cells)]


def _wide(
    run: Run, planned: Sequence[ComparisonGroup], trials: Sequence[Trial], target: float
) -> Iterator[ComparisonGroup]:
    """The groups with nobody in them but the reference and those whose ratios are not known to within `target`."""
    for group in planned:
        compared = gather_group(run, group, trials)
        reference = compared.reference
        others = [evidence for evidence in compared.evidence if evidence is not reference]
        if reference is not None and run.settings.design == "options":
            reference = pooled(reference, compared.clone)
        wide = {e.cell for e in others if reference is not None and not _is_known(e, reference, target)}
        if wide:
            yield group.only(wide)


def _is_known(evidence: Evidence, reference: Evidence, target: float) -> bool:
    """Whether the ratio is known to within `target`, or cannot be had, however many blocks there are.

    An option may change the arithmetic, and has a price all the same; one that is dear need not be known so well.
    """
    estimate = ratio(evidence, reference)
    proven = evidence.equivalence.proven and reference.equivalence.proven
    if estimate is None or not (proven or evidence.cell.option is not None):
        return True
    half_width = resolution(estimate)
    if evidence.cell.option is not None:
        target = max(target, OF_THE_PRICE * abs(estimate.value - 1))
    return half_width is not None and half_width <= target
