"""When a run has seen enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from time import monotonic

from bench.analyse import upgrade
from bench.analyse.comparison import summarise
from bench.analyse.statistics import resolution
from bench.records.schema import Run, Trial

MAX_BLOCKS = 40
"""The cap of the sequential looks: beyond it, more blocks of this machine do not help."""


def rule(run: Run, *, clock: Callable[[], float] = monotonic) -> Callable[[int, Sequence[Trial]], bool]:
    """A predicate of (blocks done, all trials) for `Campaign.run`.

    The planned blocks are run; with a target, blocks are added until every ratio's interval is
    that narrow. A check of an environment ends with its verdicts. A budget ends the run before a
    block that would not fit in it, judged by the longest block so far; one block is always run.
    """
    settings = run.settings
    ends: list[float] = [clock()]

    def enough(blocks: int, trials: Sequence[Trial]) -> bool:
        ends.append(clock())
        if blocks == 0:
            return False
        if settings.budget_s is not None and _over_budget(ends, settings.budget_s):
            return True
        if run.verb == "upgrade":
            return upgrade.assess(run, trials, ended=False).complete
        if blocks < settings.blocks:
            return False
        return settings.target_ci is None or blocks >= MAX_BLOCKS or _is_narrow(run, trials, settings.target_ci)

    return enough


def _over_budget(ends: Sequence[float], budget_s: float) -> bool:
    longest_block_s = max(after - before for before, after in pairwise(ends[1:]))
    return ends[-1] - ends[0] + longest_block_s > budget_s


def _is_narrow(run: Run, trials: Sequence[Trial], target: float) -> bool:
    ratios = [cell.ratio for cell in summarise(run, trials).cells if cell.ratio is not None]
    widths = [resolution(ratio) for ratio in ratios]
    return all(width is not None and width <= target for width in widths)
