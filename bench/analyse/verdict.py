"""Whether the candidate got worse: a verdict on one metric of one comparison, and on several at once.

The unit is the block, the figure d = log(candidate / baseline) of the pair inside it. What is counted
exactly needs no statistics (`exact_verdict`); what is measured, bytes included, is judged by pairs.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from bench.analyse.doubts import doubts_of
from bench.analyse.sequential import CAP, GAMMA, Outcome, looks, minimum_detectable_effect, outcome, two_sided
from bench.analyse.statistics import Floats, Values, exponentiated, signed_rank_estimate
from bench.records.schema import Estimate

Worse = Literal["higher", "lower"]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """By what a metric is judged."""

    margin: float = 0.03
    """By how much worse is too much, as a fraction, not negative."""
    worse: Worse = "higher"
    """Throughput is worse when lower. A margin of 5 % is then reached at 1 / 1.05, where a step takes 5 % longer."""
    cap: int = CAP
    """How many blocks there can be. A check that has to end, its budget spent, passes how many there are."""
    gamma: float = GAMMA
    """The probability that one bound of one look is wrong, at most."""


STANDARD = Rule()


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a check found for one metric of one comparison."""

    outcome: Outcome
    ratio: Estimate | None
    """Candidate over baseline; None without a pair.

    Unlike other estimates its bounds are those that decided: each is wrong with a probability of
    `rule.gamma`, which together is an interval at 99.4 %, not at 95 %.
    """
    blocks: int
    """Up to the look that decided; blocks measured later, for the sake of other comparisons, are not in it."""
    pairs: int
    """Blocks of these in which both sides have a figure."""
    margin: float
    """The asked one or, where the last look cannot resolve that, what it can."""
    minimum_detectable_effect: float | None
    """As a fraction, by the A/A pairs of the same blocks; None without enough of them."""
    rule: Rule
    warnings: tuple[str, ...]

    @property
    def real(self) -> bool:
        """Whether there surely is a difference: with `not-regressed`, one that is below the margin."""
        low, high = (None, None) if self.ratio is None else (self.ratio.low, self.ratio.high)
        return (low is not None and low > 1) or (high is not None and high < 1)

    @property
    def raised(self) -> bool:
        """Whether the margin is not the one that was asked for."""
        return self.margin > self.rule.margin


def log_ratios(candidate_by_block: Mapping[int, float], baseline_by_block: Mapping[int, float], blocks: int) -> Floats:
    """Return log(candidate / baseline) of blocks 0 ... blocks - 1; NaN where a side has no positive figure."""
    sides = (candidate_by_block, baseline_by_block)
    figures = np.array([[side.get(block, math.nan) for block in range(blocks)] for side in sides], dtype=np.float64)
    figures[~((figures > 0) & np.isfinite(figures))] = math.nan
    candidate, baseline = np.log(figures)
    difference: Floats = candidate - baseline
    return difference


def judge(log_ratios: Values, same: Values | None = None, rule: Rule = STANDARD) -> Verdict:
    """Look at a comparison as often as its blocks allow; the first look that decides stands.

    `log_ratios` are log(candidate / baseline) and `same` log(clone / baseline), the A/A arm, of each
    block in the order of time, NaN where there is no pair; `same` is None for a check without A/A.

    The last look raises the margin to the minimum detectable effect. Earlier looks do not: more blocks
    may still resolve the asked margin. Raised at every look, the margin loses real regressions to the
    coarse first look: simulated with a margin of 3 %, 11 % against 1 % of true 3 % at a CV of 2 % a
    side, and 30 % against 0.2 % of true 5 % at 5 %.
    """
    ratios = np.asarray(log_ratios, dtype=np.float64)
    clones = None if same is None else np.asarray(same, dtype=np.float64)
    planned = looks(rule.cap)
    due = [look for look in planned if look <= len(ratios)]
    if not due:
        return _before_the_first_look(_look(ratios, clones, rule, last=False), planned[0])
    for look in due:
        verdict = _look(ratios[:look], None if clones is None else clones[:look], rule, last=look == planned[-1])
        if verdict.outcome != "undecided":
            break
    return verdict


def _before_the_first_look(verdict: Verdict, first: int) -> Verdict:
    """Keep the estimate, but not the bounds: seeing these would be a look."""
    ratio = None if verdict.ratio is None else Estimate(value=verdict.ratio.value)
    waiting = f"{verdict.blocks} of the {first} blocks that the first look waits for"
    return replace(verdict, outcome="undecided", ratio=ratio, warnings=(waiting, *verdict.warnings))


def _look(ratios: Floats, clones: Floats | None, rule: Rule, *, last: bool) -> Verdict:
    """Judge by all of the blocks given."""
    pairs = ratios[~np.isnan(ratios)]
    same = None if clones is None else clones[~np.isnan(clones)]
    found = signed_rank_estimate(pairs, two_sided(rule.gamma))
    resolved = None if same is None else minimum_detectable_effect(same, rule.gamma)
    margin = max(rule.margin, resolved or 0) if last else rule.margin
    return Verdict(
        outcome=_outcome(found, margin, rule),
        ratio=exponentiated(found),
        blocks=len(ratios),
        pairs=len(pairs),
        margin=margin,
        minimum_detectable_effect=resolved,
        rule=rule,
        warnings=tuple(doubts_of(ratios, same, margin=margin, asked=rule.margin, gamma=rule.gamma)),
    )


def _outcome(found: Estimate | None, margin: float, rule: Rule) -> Outcome:
    if found is None or found.low is None or found.high is None:
        return "undecided"
    if rule.worse == "higher":
        return outcome(found.low, found.high, margin)
    return outcome(-found.high, -found.low, margin)


def exact_verdict(baseline: int, candidate: int, *, repeated: bool) -> Outcome:
    """Judge a figure that repeats exactly, more of which is worse; any difference counts.

    `repeated` says whether two fresh interpreters gave the same figures, on both sides.
    """
    if not repeated:
        return "undecided"
    if candidate == baseline:
        return "not-regressed"
    return "regressed" if candidate > baseline else "improved"


def to_confirm(verdicts: Mapping[Key, Verdict]) -> dict[Key, Verdict]:
    """Return what a screening of several comparisons flags, all that it calls regressed."""
    return {key: verdict for key, verdict in verdicts.items() if verdict.outcome == "regressed"}


def confirm(
    flagged: Mapping[Key, Verdict], fresh_log_ratios: Mapping[Key, Values], cap: int = CAP
) -> dict[Key, Verdict]:
    """Judge flagged comparisons once more, by blocks that the screening did not see.

    `fresh_log_ratios` are as for `judge`, from the first fresh block on, and `cap` is how many of
    these there can be. Each is judged by the margin that flagged it and at gamma / m for m flagged
    comparisons (Bonferroni), so that the chance that any of them is a false alarm is that of a single
    one. A bound then needs log2(m / gamma) pairs: 10 for 3, 14 for 49. Only `regressed` is confirmed.
    """
    return {
        key: _again(screened, fresh_log_ratios.get(key, ()), len(flagged), cap) for key, screened in flagged.items()
    }


def _again(screened: Verdict, fresh: Values, comparisons: int, cap: int) -> Verdict:
    corrected = replace(screened.rule, cap=cap, gamma=screened.rule.gamma / comparisons)
    found = judge(fresh, None, replace(corrected, margin=screened.margin))
    return replace(found, rule=corrected, minimum_detectable_effect=screened.minimum_detectable_effect)
