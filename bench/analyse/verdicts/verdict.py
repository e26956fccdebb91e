"""Whether the candidate got worse: a verdict on one metric of one comparison, and on several at once.

A verdict is against the margin that was asked, never against a wider one: what the blocks cannot
resolve is undecided, and `Verdict.rules_out` says how much worse it surely is not.

The unit is the block, the figure d = log(candidate / baseline) of the pair inside it. What is counted
exactly needs no statistics (`exact_verdict`); what is measured, bytes included, is judged by pairs.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from bench.analyse.statistics.sequential import (
    CAP,
    GAMMA,
    Outcome,
    looks,
    minimum_detectable_effect,
    outcome,
    two_sided,
)
from bench.analyse.statistics.signed_rank import Floats, Values, exponentiated, signed_rank_estimate
from bench.analyse.verdicts.verdict_warnings import verdict_warnings
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
MIN_COUNTS = 2


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
    minimum_detectable_effect: float | None
    """As a fraction, by the A/A pairs of the same blocks; None without enough of them. It changes no verdict."""
    rule: Rule
    warnings: tuple[str, ...]

    @property
    def real(self) -> bool:
        """Whether there surely is a difference: with `not-regressed`, one that is below the margin."""
        low, high = (None, None) if self.ratio is None else (self.ratio.low, self.ratio.high)
        return (low is not None and low > 1) or (high is not None and high < 1)

    @property
    def rules_out(self) -> float | None:
        """More than how much worse it surely is not, as a fraction like the margin's; None without bounds.

        Below zero where it surely is better.
        """
        if self.ratio is None or self.ratio.low is None or self.ratio.high is None:
            return None
        return self.ratio.high - 1 if self.rule.worse == "higher" else 1 / self.ratio.low - 1


def by_number(by_block: Mapping[int, float], blocks: int) -> Floats:
    """Return the figure of blocks 0 ... blocks - 1; NaN where there is none."""
    return np.array([by_block.get(block, math.nan) for block in range(blocks)], dtype=np.float64)


def judge(log_ratios: Values, same: Values | None = None, rule: Rule = STANDARD) -> Verdict:
    """Look at a comparison as often as its blocks allow; the first look that decides stands.

    `log_ratios` are log(candidate / baseline) and `same` log(clone / baseline), the A/A arm, of each
    block in the order of time, NaN where there is no pair; `same` is None for a check without A/A.

    `same` says what these blocks can find, and whether to trust them; the outcome does not depend on it.
    """
    ratios = np.asarray(log_ratios, dtype=np.float64)
    clones = None if same is None else np.asarray(same, dtype=np.float64)
    planned = looks(rule.cap)
    due = [look for look in planned if look <= len(ratios)]
    if not due:
        return _before_the_first_look(_look(ratios, clones, rule), planned[0])
    for look in due:
        verdict = _look(ratios[:look], None if clones is None else clones[:look], rule)
        if verdict.outcome != "undecided":
            break
    return verdict


def _before_the_first_look(verdict: Verdict, first: int) -> Verdict:
    """Keep the estimate, but not the bounds: seeing these would be a look."""
    ratio = None if verdict.ratio is None else Estimate(value=verdict.ratio.value)
    waiting = f"{verdict.blocks} of the {first} blocks that the first look waits for"
    return replace(verdict, outcome="undecided", ratio=ratio, warnings=(waiting, *verdict.warnings))


def _look(ratios: Floats, clones: Floats | None, rule: Rule) -> Verdict:
    """Judge by all of the blocks given."""
    pairs = ratios[~np.isnan(ratios)]
    same = None if clones is None else clones[~np.isnan(clones)]
    estimate = signed_rank_estimate(pairs, two_sided(rule.gamma))
    return Verdict(
        outcome=outcome_of(estimate, rule),
        ratio=exponentiated(estimate),
        blocks=len(ratios),
        pairs=len(pairs),
        minimum_detectable_effect=None if same is None else minimum_detectable_effect(same, rule.gamma),
        rule=rule,
        warnings=tuple(verdict_warnings(ratios, same, margin=rule.margin, gamma=rule.gamma)),
    )


def outcome_of(estimate: Estimate | None, rule: Rule) -> Outcome:
    """Return what an estimate of the log ratio says by a rule; undecided without bounds."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return "undecided"
    if rule.worse == "higher":
        return outcome(estimate.low, estimate.high, rule.margin)
    return outcome(-estimate.high, -estimate.low, rule.margin)


def exact_verdict(baseline: Sequence[int], candidate: Sequence[int], *, margin: float | None = None) -> Outcome:
    """Judge a figure that is counted, more of which is worse; without a margin any difference counts.

    Both are the counts of fresh interpreters. Mostly these are equal; where they are not, it is decided only what all
    of one side say of all of the other. It takes two of each side to see that a count repeats.
    """
    if min(len(baseline), len(candidate)) < MIN_COUNTS:
        return "undecided"
    least = 1 + (margin or 0)
    (fewest_before, most_before), (fewest, most) = ((min(side), max(side)) for side in (baseline, candidate))
    if fewest > most_before and fewest >= most_before * least:
        return "regressed"
    if most < fewest_before and most * least <= fewest_before:
        return "improved"
    return "not-regressed" if most <= fewest_before or most < fewest_before * least else "undecided"


def to_confirm(verdicts: Mapping[Key, Verdict]) -> dict[Key, Verdict]:
    """Return what a screening of several comparisons flags, all that it calls regressed."""
    return {key: verdict for key, verdict in verdicts.items() if verdict.outcome == "regressed"}


def confirm(
    flagged: Mapping[Key, Verdict], fresh_log_ratios: Mapping[Key, Values], cap: int = CAP
) -> dict[Key, Verdict]:
    """Judge flagged comparisons once more, by blocks that the screening did not see.

    `fresh_log_ratios` are as for `judge`, from the first fresh block on, and `cap` is how many of
    these there can be. Each is judged by its own rule, but at gamma / m for m flagged
    comparisons (Bonferroni), so that the chance that any of them is a false alarm is that of a single
    one. A bound then needs log2(m / gamma) pairs: 10 for 3, 14 for 49. Only `regressed` is confirmed.
    """
    return {
        key: _again(screened, fresh_log_ratios.get(key, ()), len(flagged), cap) for key, screened in flagged.items()
    }


def _again(screened: Verdict, fresh: Values, comparisons: int, cap: int) -> Verdict:
    corrected = replace(screened.rule, cap=cap, gamma=screened.rule.gamma / comparisons)
    verdict = judge(fresh, None, corrected)
    return replace(verdict, minimum_detectable_effect=screened.minimum_detectable_effect)
