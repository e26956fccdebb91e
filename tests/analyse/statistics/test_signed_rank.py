from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from bench.analyse.statistics.signed_rank import (
    SOME,
    block_medians,
    blocks_needed,
    coefficient_of_variation,
    hodges_lehmann,
    interval_rank,
    location,
    resolution,
    signed_rank_distribution,
    signed_rank_estimate,
)
from bench.records.schema import Estimate


def rejected(values: np.ndarray, centre: float, level: float = 0.95) -> bool:
    from scipy import stats

    return bool(stats.wilcoxon(values - centre, method="exact").pvalue <= 1 - level)


def test_hodges_lehmann_is_the_median_of_the_pairwise_means() -> None:
    # Walsh averages of 1, 2, 10: 1, 1.5, 2, 5.5, 6, 10.
    assert hodges_lehmann([10.0, 1.0, 2.0]) == 3.75
    assert hodges_lehmann([7.0]) == 7.0


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_the_null_distribution_is_that_of_every_assignment_of_signs(n: int) -> None:
    totals = [sum(rank for rank, sign in enumerate(signs, start=1) if sign) for signs in product([0, 1], repeat=n)]
    counted = np.bincount(totals, minlength=n * (n + 1) // 2 + 1) / 2**n
    assert signed_rank_distribution(n) == pytest.approx(counted, abs=1e-15)


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(5, 1, 2 * SOME),
        np.random.default_rng(1).standard_cauchy(2 * SOME),
        np.random.default_rng(2).normal(5, 1, 2 * SOME).round(1),
        np.repeat([1.0, 2.0], [SOME, SOME]),
        np.ones(SOME + 1),
    ],
    ids=["normal", "heavy tails", "ties", "two values", "one value"],
)
def test_of_many_values_the_estimate_is_the_one_that_all_pairs_have(values: np.ndarray) -> None:
    first, second = np.triu_indices(len(values))
    pairs = np.sort((values[first] + values[second]) / 2)
    rank = interval_rank(len(values))
    estimate = signed_rank_estimate(values)
    assert estimate is not None
    expected = [np.median(pairs), pairs[rank - 1], pairs[-rank]]
    assert [estimate.value, estimate.low, estimate.high] == pytest.approx(expected, rel=1e-14)
    assert hodges_lehmann(values) == estimate.value


def test_of_many_values_the_interval_is_as_wide_as_the_exact_one() -> None:
    exact = np.searchsorted(np.cumsum(signed_rank_distribution(SOME + 1)), 0.025, side="right")
    assert interval_rank(SOME + 1) == pytest.approx(exact, rel=2e-4)


@pytest.mark.parametrize("n", [6, 14, 40])
def test_the_null_distribution_gives_the_p_values_of_scipy(n: int) -> None:
    from scipy import stats

    values = np.random.default_rng(n).normal(0.3, 1, n)
    positive = int(stats.rankdata(abs(values))[values > 0].sum())
    above = signed_rank_distribution(n)[positive:].sum()
    assert above == pytest.approx(stats.wilcoxon(values, alternative="greater", method="exact").pvalue, rel=1e-9)


def test_the_interval_of_many_values_agrees_with_the_normal_approximation() -> None:
    n = 200
    expected = n * (n + 1) / 4 - 1.959964 * math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    assert interval_rank(n) == pytest.approx(expected, abs=2)


@pytest.mark.parametrize(("n", "rank"), [(5, 0), (6, 1), (7, 3), (8, 4), (10, 9), (20, 53)])
def test_interval_ranks_are_those_of_the_published_table(n: int, rank: int) -> None:
    # One more than the two-sided 5 % critical value of T, Wilcoxon & Wilcox (1964): 0, 2, 3, 8, 52.
    assert interval_rank(n) == rank


@pytest.mark.parametrize("n", [6, 11, 25])
@pytest.mark.parametrize("level", [0.95, 0.9])
def test_the_interval_is_exactly_what_the_exact_test_does_not_reject(n: int, level: float) -> None:
    values = np.random.default_rng(n).normal(5, 2, n)
    estimate = signed_rank_estimate(values, level)
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    just = 1e-9
    assert rejected(values, estimate.low - just, level)
    assert not rejected(values, estimate.low + just, level)
    assert not rejected(values, estimate.value + just, level)
    assert not rejected(values, estimate.high - just, level)
    assert rejected(values, estimate.high + just, level)


def test_the_interval_covers_the_truth_as_often_as_it_promises() -> None:
    n, rounds, truth = 10, 4000, 3.0
    random = np.random.default_rng(1)
    estimates = [signed_rank_estimate(values) for values in random.laplace(truth, 1, (rounds, n))]
    covered = np.mean([each.low <= truth <= each.high for each in estimates])
    promised = 1 - 2 * signed_rank_distribution(n)[: interval_rank(n)].sum()
    assert promised == pytest.approx(0.9512, abs=1e-4)
    assert covered == pytest.approx(promised, abs=3 * math.sqrt(0.95 * 0.05 / rounds))


def test_too_few_values_have_no_interval() -> None:
    assert blocks_needed() == 6
    assert blocks_needed(0.99) == 8
    five, six = signed_rank_estimate([1.0, 2.0, 3.0, 4.0, 5.0]), signed_rank_estimate([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert five == Estimate(value=3.0)
    assert six == Estimate(value=3.5, low=1.0, high=6.0)
    assert signed_rank_estimate([]) is None


def test_a_location_is_estimated_on_logarithms() -> None:
    estimate = location([1.0, 4.0])
    assert estimate is not None
    assert estimate.value == pytest.approx(2.0)
    assert location([]) is None


def test_trials_of_a_block_become_one_figure() -> None:
    assert block_medians(np.array([1, 0, 1, 1, 0]), np.array([5.0, 3.0, 9.0, 6.0, 4.0])) == {0: 3.5, 1: 6.0}


def test_spread_and_resolution() -> None:
    assert coefficient_of_variation([9.0, 10.0, 11.0]) == pytest.approx(0.1)
    assert coefficient_of_variation([9.0]) is None
    assert resolution(Estimate(value=1.5, low=1.0, high=1.21)) == pytest.approx(0.1)
    assert resolution(Estimate(value=1.5)) is None
