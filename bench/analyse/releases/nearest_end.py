"""Which end of a bisection a release's step time is nearer to, from blocks that measured it beside both ends.

Whether the ends differ is a statement, and judged as a check's verdicts are. Which of them a release
is nearer to only says where to look next, what is found is timed side by side in the end; so its
bounds may each be wrong with 5 %, were the release half-way between. At an end it is never half-way:
simulated with ends 5 % apart, the wrong one was chosen in none of 1000 searches where block figures
spread by 2 %, in 0.3 % where by 4 %, and in 0.8 % where one block in ten was slower by 15 % besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import numpy as np

from bench.analyse.statistics.signed_rank import Floats, exponentiated, signed_rank_estimate
from bench.analyse.verdicts.verdict import Rule, Verdict, judge
from bench.records.schema import Probe

ByBlock = Mapping[int, float]
"""Microseconds a step, block by block."""
Like = Literal["first", "last", "undecided"]
LEVEL = 0.9
LOOKS = (5, 7, 10, 14, 20, 28, 40)
"""After how many blocks to look which end a release is nearer to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoints:
    """The two ends, and by what they are told apart."""

    first: ByBlock
    last: ByBlock
    margin: float
    cap: int
    """Blocks of one comparison at most."""

    @property
    def verdict(self) -> Verdict:
        """Whether the last end takes longer than the first."""
        return judge(_log_ratio(self.last, self.first), None, Rule(margin=self.margin, cap=self.cap))

    @property
    def like(self) -> Like | None:
        """What the last end is like: `last` where both are clearly apart by the margin; None while that is open."""
        outcome = self.verdict.outcome
        if outcome == "undecided":
            return None
        return "first" if outcome == "not-regressed" else "last"

    def nearest(self, own: ByBlock) -> Like | None:
        """Which end lies nearer on the log scale, from the blocks that have all three; None while that is open."""
        blocks = [block for block in own if block in self.first and block in self.last]
        logs = [np.log([side[block] for block in blocks]) for side in (own, self.first, self.last)]
        above_middle = logs[0] - (logs[1] + logs[2]) / 2
        last_is_slower = median(self.last.values()) > median(self.first.values())
        for look in (*(look for look in LOOKS if look < self.cap), self.cap):
            side = _side_of_zero(above_middle[:look]) if look <= len(blocks) else 0
            if side:
                return "last" if (side > 0) == last_is_slower else "first"
        return None


def _side_of_zero(values: Floats) -> int:
    """1 or -1 where all of the interval is above or below zero, else 0."""
    estimate = signed_rank_estimate(values, LEVEL)
    if estimate is None or estimate.low is None or estimate.high is None:
        return 0
    return int(estimate.low > 0) - int(estimate.high < 0)


def classify_by_endpoints(
    probes: Sequence[Probe],
    steps_us: Mapping[str, ByBlock],
    tried: Mapping[str, int],
    *,
    margin: float,
    cap: int,
) -> list[Probe]:
    """Return the probes with their step time, its ratio to the first end's, and which end they are like.

    `tried` is in how many blocks each was timed, with what success ever: with `cap` of them, what is
    still open is undecided.
    """
    usable = [probe.release for probe in probes if probe.status == "ok"]
    if not usable:
        return list(probes)
    ends = Endpoints(first=steps_us[usable[0]], last=steps_us[usable[-1]], margin=margin, cap=cap)
    return [
        probe.model_copy(update=_figures(steps_us[probe.release], ends, is_over=tried[probe.release] >= cap))
        if probe.release in usable
        else probe
        for probe in probes
    ]


def _figures(own: ByBlock, ends: Endpoints, *, is_over: bool) -> dict[str, Any]:
    if own is ends.first:
        like: Like | None = "first"
    else:
        like = ends.like if own is ends.last else ends.nearest(own)
    pairs = _log_ratio(own, ends.first)
    return {
        "value": median(own.values()) if own else None,
        "ratio": exponentiated(signed_rank_estimate(pairs)),
        "blocks": len(pairs),
        "like": like or ("undecided" if is_over else None),
        "rules_out": ends.verdict.rules_out if own is ends.last and like is None else None,
    }


def _log_ratio(own: ByBlock, other: ByBlock) -> Floats:
    blocks = [block for block in own if block in other]
    ratios: Floats = np.log([own[block] for block in blocks]) - np.log([other[block] for block in blocks])
    return ratios
