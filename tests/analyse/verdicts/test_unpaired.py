from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from bench.analyse.statistics.sequential import GAMMA, detectable_effect, half_width, two_sided
from bench.analyse.verdicts.unpaired import (
    blocks_needed_a_side,
    judge,
    rank_sum_distribution,
    rank_sum_estimate,
    rank_sum_rank,
)
from bench.analyse.verdicts.verdict import Rule
from bench.records.schema import Estimate

QUIET = 400 * np.exp(np.array([0.001, -0.002, 0.0005, -0.001, 0.002, -0.0005, 0.0015, -0.0015]))
"""Eight blocks in which nothing differs by more than 0.4 %."""


def arrangements(n: int, m: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Every way to deal n + m different values to two sides of n and m, all equally likely where nothing differs."""
    values = np.random.default_rng(n * 10 + m).normal(0, 1, n + m)
    dealt = (np.isin(np.arange(n + m), chosen) for chosen in combinations(range(n + m), n))
    return [(values[mine], values[~mine]) for mine in dealt]


def bounds(candidate: np.ndarray, baseline: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """The bounds of many checks at once, each a row."""
    rows = (candidate[:, :, None] - baseline[:, None, :]).reshape(len(candidate), -1)
    rows.sort(axis=1)
    rank = rank_sum_rank(candidate.shape[1], baseline.shape[1], level)
    return rows[:, rank - 1], rows[:, -rank]


# The distribution


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 4), (2, 3), (3, 3), (4, 4), (5, 3), (6, 5), (6, 6)])
def test_the_null_distribution_is_that_of_every_arrangement(n, m):
    wins = [int((mine[:, None] > other[None, :]).sum()) for mine, other in arrangements(n, m)]
    counted = np.bincount(wins, minlength=n * m + 1) / math.comb(n + m, n)
    assert rank_sum_distribution(n, m) == pytest.approx(counted, abs=1e-15)


@pytest.mark.parametrize(("n", "m"), [(6, 6), (10, 7), (20, 20)])
def test_the_null_distribution_gives_the_p_values_of_scipy(n, m):
    from scipy import stats

    random = np.random.default_rng(n)
    candidate, baseline = random.normal(0.3, 1, n), random.normal(0, 1, m)
    expected = stats.mannwhitneyu(candidate, baseline, alternative="greater", method="exact")
    assert rank_sum_distribution(n, m)[int(expected.statistic) :].sum() == pytest.approx(expected.pvalue, rel=1e-9)


def test_the_null_distribution_of_many_blocks_is_a_distribution_and_the_same_from_both_sides():
    many = rank_sum_distribution(40, 30)
    assert many.sum() == pytest.approx(1, abs=1e-12)
    assert (many >= 0).all()
    assert many == pytest.approx(many[::-1], abs=1e-15)
    assert rank_sum_distribution(30, 40) == pytest.approx(many, abs=1e-15)
    with pytest.raises(ValueError, match="read-only"):
        many[0] = 1.0


@pytest.mark.parametrize(
    ("n", "m", "rank"),
    [(3, 3, 0), (4, 4, 1), (5, 5, 3), (6, 6, 6), (8, 8, 14), (10, 5, 9), (10, 10, 24), (20, 20, 128)],
)
def test_interval_ranks_are_those_of_the_published_table(n, m, rank):
    # One more than the two-sided 5 % critical value of U (Mann & Whitney's table): -, 0, 2, 5, 13, 8, 23, 127.
    assert rank_sum_rank(n, m) == rank


def test_how_many_blocks_a_bound_needs():
    assert (blocks_needed_a_side(), blocks_needed_a_side(two_sided())) == (4, 6)
    assert rank_sum_rank(5, 5, two_sided()) == 0 < rank_sum_rank(6, 6, two_sided())
    assert (
        rank_sum_rank(3, 12, two_sided()) == 1
    )  # 1 / C(15, 3) = 0.0022: few blocks on one side need more on the other


# The interval


@pytest.mark.parametrize("level", [0.95, two_sided()])
@pytest.mark.parametrize(("n", "m"), [(4, 5), (5, 6), (6, 6)])
def test_a_bound_is_wrong_for_exactly_as_many_arrangements_as_it_promises(n, m, level):
    estimates = [rank_sum_estimate(mine, other, level) for mine, other in arrangements(n, m)]
    rank = rank_sum_rank(n, m, level)
    if rank == 0:
        assert {(each.low, each.high) for each in estimates} == {(None, None)}
        return
    promised = rank_sum_distribution(n, m)[:rank].sum()
    assert np.mean([each.low > 0 for each in estimates]) == pytest.approx(promised)
    assert np.mean([each.high < 0 for each in estimates]) == pytest.approx(promised)
    assert promised <= (1 - level) / 2 < rank_sum_distribution(n, m)[: rank + 1].sum()


@pytest.mark.parametrize(("n", "m"), [(6, 6), (7, 12), (15, 9)])
def test_the_interval_is_exactly_what_the_exact_test_of_scipy_does_not_reject(n, m):
    from scipy import stats

    random = np.random.default_rng(n)
    candidate, baseline = random.normal(5, 2, n), random.normal(3, 1, m)
    estimate = rank_sum_estimate(candidate, baseline)
    for bound, inwards in ((estimate.low, 1e-9), (estimate.high, -1e-9)):
        p = [
            stats.mannwhitneyu(candidate - bound - step, baseline, method="exact").pvalue
            for step in (-inwards, inwards)
        ]
        assert p[0] <= 0.05 < p[1]


def test_the_estimate_is_the_median_of_all_differences():
    # Differences of 1, 5, 9 and 0, 2: 1, -1, 5, 3, 9, 7.
    assert rank_sum_estimate([1.0, 5.0, 9.0], [0.0, 2.0]) == Estimate(value=4.0)
    assert rank_sum_estimate([], [1.0]) is None
    assert rank_sum_estimate([1.0], []) is None


def test_the_interval_covers_the_truth_as_often_as_it_promises():
    n, m, rounds, shift = 8, 11, 6000, 0.7
    random = np.random.default_rng(1)
    low, high = bounds(random.laplace(shift, 1, (rounds, n)), random.laplace(0, 1, (rounds, m)), 0.95)
    promised = 1 - 2 * rank_sum_distribution(n, m)[: rank_sum_rank(n, m)].sum()
    assert 0.95 <= promised < 0.96
    covered = np.mean((low <= shift) & (shift <= high))
    assert covered == pytest.approx(promised, abs=3 * math.sqrt(promised * (1 - promised) / rounds))


def test_ties_make_the_interval_wider_and_false_alarms_rarer():
    random = np.random.default_rng(2)
    candidate, baseline = random.integers(0, 4, (2, 20_000, 8)).astype(float)
    low, high = bounds(candidate, baseline, 0.95)
    promised = rank_sum_distribution(8, 8)[: rank_sum_rank(8, 8)].sum()
    assert 0 < (low > 0).mean() < promised
    assert 0 < (high < 0).mean() < promised


# False alarms and power


@pytest.mark.parametrize("n", [6, 12, 20])
@pytest.mark.parametrize("noise", ["normal", "laplace"])
def test_where_nothing_differs_a_look_calls_it_worse_as_seldom_as_it_promises(n, noise):
    draw = getattr(np.random.default_rng(n), noise)
    low, high = bounds(draw(0, 0.02, (30_000, n)), draw(0, 0.02, (30_000, n)), two_sided())
    promised = rank_sum_distribution(n, n)[: rank_sum_rank(n, n, two_sided())].sum()
    assert promised <= GAMMA
    allowed = 3 * math.sqrt(promised / 30_000)
    assert (low > 0).mean() == pytest.approx(promised, abs=allowed)
    assert (high < 0).mean() == pytest.approx(promised, abs=allowed)


def test_a_side_that_spreads_four_times_as_widely_raises_false_alarms_as_documented():
    random = np.random.default_rng(5)
    low, high = bounds(random.normal(0, 4, (60_000, 6)), random.normal(0, 1, (60_000, 6)), two_sided())
    assert (low > 0).mean() == pytest.approx(0.0065, abs=0.001)
    assert (high < 0).mean() == pytest.approx(0.0065, abs=0.001)


def test_ten_per_cent_are_found_with_six_quiet_blocks_a_side_and_a_change_of_nothing_is_not():
    random = np.random.default_rng(6)
    noise = random.normal(0, 0.02, (400, 12))
    outcomes = [judge(np.exp(row[:6] + math.log(1.1)), np.exp(row[6:])).outcome for row in noise]
    assert outcomes.count("regressed") >= 0.99 * 400
    none = [judge(np.exp(row[:6]), np.exp(row[6:])).outcome for row in noise]
    assert none.count("regressed") <= 4


@pytest.mark.parametrize(
    ("spread", "n", "share"), [(0.01, 6, 0.82), (0.01, 10, 1.0), (0.02, 6, 0.18), (0.02, 10, 0.53), (0.02, 20, 0.95)]
)
def test_how_many_quiet_blocks_a_side_it_takes_to_say_that_nothing_got_worse_by_three_per_cent(spread, n, share):
    noise = np.random.default_rng(6).normal(0, spread, (400, 2 * n))
    outcomes = [judge(np.exp(row[:n]), np.exp(row[n:])).outcome for row in noise]
    assert outcomes.count("not-regressed") / 400 == pytest.approx(share, abs=0.05)
    slower = [judge(np.exp(row[:n] + math.log(1.03)), np.exp(row[n:])).outcome for row in noise]
    assert slower.count("not-regressed") <= 0.01 * 400  # a true regression as large as the margin


@pytest.mark.parametrize(
    ("noise", "n", "power"),
    [("normal", 6, 0.79), ("normal", 20, 0.79), ("laplace", 6, 0.73), ("laplace", 20, 0.77)],
)
def test_what_a_typical_pair_of_runs_says_it_can_resolve_is_found_about_as_often_as_it_says(noise, n, power):
    draw = getattr(np.random.default_rng(n), noise)
    low, high = bounds(draw(0, 0.02, (4000, n)), draw(0, 0.02, (4000, n)), two_sided())
    typical = Estimate(value=0, low=-float(np.median(high - low)) / 2, high=float(np.median(high - low)) / 2)
    effect = math.log1p(detectable_effect(half_width(typical)))
    low, _ = bounds(draw(effect, 0.02, (8000, n)), draw(0, 0.02, (8000, n)), two_sided())
    assert (low > 0).mean() == pytest.approx(power, abs=0.025)


def test_a_day_on_which_the_machine_was_slower_fools_raw_times_and_not_ratios_inside_a_run():
    random = np.random.default_rng(7)
    raw, ratios = [], []
    for _ in range(300):
        days = [np.exp(random.normal(0, 0.04) + np.cumsum(random.normal(0, 0.01, 6))) for _ in range(2)]
        loops = [[day * np.exp(random.normal(0, 0.01, 6)) for _ in range(2)] for day in days]
        (before, pytorch_before), (after, pytorch_after) = loops
        raw.append(judge(after, before).outcome)
        ratios.append(judge(after / pytorch_after, before / pytorch_before).outcome)
    assert raw.count("regressed") >= 50
    assert ratios.count("regressed") <= 3


# Verdicts


def test_ten_per_cent_of_eight_blocks():
    verdict = judge(1.1 * QUIET, QUIET)
    assert (verdict.outcome, verdict.blocks, verdict.pairs) == ("regressed", 8, 0)
    assert verdict.real
    assert verdict.ratio.value == pytest.approx(1.1)
    # The seventh of the 64 differences of the logarithms above, from either end.
    assert rank_sum_rank(8, 8, two_sided()) == 7
    assert (verdict.ratio.low, verdict.ratio.high) == pytest.approx((1.1 * math.exp(-0.0025), 1.1 * math.exp(0.0025)))
    assert verdict.warnings == ()


def test_a_small_difference_can_be_real_and_no_regression():
    assert [(f.outcome, f.real) for f in (judge(1.01 * QUIET, QUIET), judge(QUIET, QUIET))] == [
        ("not-regressed", True),
        ("not-regressed", False),
    ]
    assert judge(QUIET, 1.1 * QUIET).outcome == "improved"


def test_throughput_is_worse_when_lower():
    rule = Rule(worse="lower")
    assert judge(QUIET, 1.1 * QUIET, rule).outcome == "regressed"
    assert judge(1.1 * QUIET, QUIET, rule).outcome == "improved"
    assert judge(QUIET, 1.01 * QUIET, rule).outcome == "not-regressed"


def test_bytes_that_are_the_same_in_every_block_are_judged_without_a_spread():
    same = [1e6] * 6
    assert judge(same, same).outcome == "not-regressed"
    more = judge([1.05e6] * 6, same)
    assert (more.outcome, more.minimum_detectable_effect) == ("regressed", 0)
    assert judge([1.02e6] * 6, same).outcome == "not-regressed"


def test_a_wide_spread_is_undecided_and_says_what_is_ruled_out():
    wide = np.exp(np.linspace(-0.15, 0.15, 8))
    verdict = judge(wide, wide)
    assert (verdict.outcome, verdict.real, verdict.warnings) == ("undecided", False, ())
    assert verdict.rules_out == verdict.ratio.high - 1 > 0.1
    assert verdict.minimum_detectable_effect > 0.15
    mirrored = judge(wide, wide, Rule(worse="lower"))
    assert (mirrored.outcome, mirrored.rules_out) == ("undecided", pytest.approx(verdict.rules_out))
    assert judge(wide, wide, Rule(margin=0.3)).outcome == "not-regressed"


def test_too_few_blocks_are_undecided_and_say_how_many_are_needed():
    verdict = judge(2 * QUIET[:5], QUIET[:5])
    assert (verdict.outcome, verdict.ratio.low, verdict.ratio.value) == ("undecided", None, pytest.approx(2))
    assert verdict.warnings == ("5 and 5 blocks, but a bound at its level of 0.003 needs 6 a side",)
    nothing = judge([], QUIET)
    assert (nothing.outcome, nothing.ratio, nothing.blocks) == ("undecided", None, 0)
