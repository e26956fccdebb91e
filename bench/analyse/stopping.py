"""When a run has seen enough, and of which loops it has not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import monotonic

from bench.analyse.cells.evidence import Evidence, gather_round
from bench.analyse.cells.rows import ratio
from bench.analyse.statistics.signed_rank import resolution
from bench.analyse.verdicts import upgrade
from bench.plan.rounds import Round, rounds
from bench.records.schema import Run, Trial


def rule(run: Run, *, clock: Callable[[], float] = monotonic) -> Callable[[int, Sequence[Trial]], Sequence[Round]]:
    """Whom the next block compares, from (blocks done, their trials), for `TrialScheduler.run`.

    The planned blocks are run; with a target, blocks are added for the loops whose ratios are not
    known that well, up to `Settings.max_blocks`. A check of an environment ends with its verdicts. A
    budget ends the run before a block that would not fit in it, judged by the slowest pace so far;
    one block is always run.
    """
    planned = rounds(run.settings)
    pace = _Pace(clock)

    def next_rounds(blocks: int, trials: Sequence[Trial]) -> Sequence[Round]:
        pace.block_ended()
        wanted = _wanted(run, planned, blocks, trials)
        budget_s = run.settings.budget_s
        if blocks > 0 and budget_s is not None and pace.seconds_with(wanted) > budget_s:
            return []
        pace.block_begins(wanted)
        return wanted

    return next_rounds


class _Pace:
    """How long a run has taken, and what its slowest block took for each cell in it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began_s = self._block_began_s = clock()
        self._cells = 0
        self._slowest_s = 0.0

    def block_begins(self, chosen: Sequence[Round]) -> None:
        self._block_began_s = self._clock()
        self._cells = _cells(chosen)

    def block_ended(self) -> None:
        if self._cells:
            self._slowest_s = max(self._slowest_s, (self._clock() - self._block_began_s) / self._cells)

    def seconds_with(self, chosen: Sequence[Round]) -> float:
        """How long the run will have taken after one more block."""
        return self._clock() - self._began_s + self._slowest_s * _cells(chosen)


def _cells(chosen: Sequence[Round]) -> int:
    return sum(len(planned.members) for planned in chosen)


def _wanted(run: Run, planned: Sequence[Round], blocks: int, trials: Sequence[Trial]) -> Sequence[Round]:
    settings = run.settings
    if run.verb == "upgrade":
        return [] if blocks and upgrade.assess(run, trials, ended=False).complete else planned
    if blocks < settings.blocks:
        return planned
    if settings.target_ci is None or blocks >= settings.max_blocks:
        return []
    return list(_wide(run, planned, trials, settings.target_ci))


def _wide(run: Run, planned: Sequence[Round], trials: Sequence[Trial], target: float) -> Iterator[Round]:
    """The rounds with nobody in them but the reference and those whose ratios are not known to within `target`."""
    for group in planned:
        compared = gather_round(run, group, trials)
        reference = compared.reference
        others = [evidence for evidence in compared.evidence if evidence is not reference]
        wide = {e.cell for e in others if reference is not None and not _is_known(e, reference, target)}
        if wide:
            yield group.only(wide)


def _is_known(evidence: Evidence, reference: Evidence, target: float) -> bool:
    """Whether the ratio is known to within `target`, or cannot be had, however many blocks there are.

    An option may change the arithmetic, and has a price all the same.
    """
    found = ratio(evidence, reference)
    proven = evidence.equivalence.proven and reference.equivalence.proven
    if found is None or not (proven or evidence.cell.option is not None):
        return True
    half_width = resolution(found)
    return half_width is not None and half_width <= target
