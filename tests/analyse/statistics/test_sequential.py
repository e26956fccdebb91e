from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from bench.analyse.statistics import sequential
from bench.analyse.statistics.sequential import (
    GAMMA,
    OUTCOMES,
    bounds_of_rows,
    looks,
    may_stop,
    minimum_detectable_effect,
    next_look,
    outcome,
    outcome_codes,
    two_sided,
)
from bench.analyse.statistics.signed_rank import blocks_needed, signed_rank_estimate
from bench.analyse.verdicts.verdict import Rule, judge

# Bounds


@pytest.mark.parametrize("n", [9, 10, 14, 20])
def test_a_bound_is_exactly_where_the_one_sided_test_of_scipy_stops_rejecting(n):
    from scipy import stats

    values = np.random.default_rng(n).normal(0, 1, n) + 5
    bounds = bounds_of_rows(values[None, :])
    for bound, side, inwards in ((bounds.low[0], "greater", 1e-9), (bounds.high[0], "less", -1e-9)):
        p = [
            stats.wilcoxon(values - (bound + step), alternative=side, method="exact").pvalue
            for step in (-inwards, inwards)
        ]
        assert p[0] <= GAMMA < p[1]


@pytest.mark.parametrize(("n", "rank"), [(9, 1), (10, 3)])
def test_a_bound_is_right_for_as_many_assignments_of_signs_as_it_promises(n, rank):
    # The low bound is above 0 for the signs whose rank-th smallest Walsh average is positive.
    signs = np.array(list(product([-1, 1], repeat=n)))
    wrong = bounds_of_rows(signs * (np.arange(1, n + 1) + np.random.default_rng(n).normal(0, 0.002, n))).low > 0
    totals = ((signs > 0) * np.arange(1, n + 1)).sum(axis=1)
    most = n * (n + 1) // 2
    assert wrong.tolist() == (totals > most - rank).tolist()
    assert wrong.mean() <= GAMMA < (totals >= most - rank).mean()


@pytest.mark.parametrize("n", [1, 8, 9, 15])
def test_rows_have_the_bounds_that_each_has_alone(n, monkeypatch):
    monkeypatch.setattr(sequential, "ROWS_AT_ONCE", 3)
    rows = np.random.default_rng(n).normal(0.01, 0.02, (7, n))
    bounds = bounds_of_rows(rows)
    for row, value, low, high in zip(rows, bounds.value, bounds.low, bounds.high, strict=True):
        alone = signed_rank_estimate(row, two_sided())
        assert value == alone.value
        assert (low, high) == ((alone.low, alone.high) if n >= 9 else (-math.inf, math.inf))
    assert blocks_needed(two_sided()) == 9


def test_rows_are_judged_as_each_is_alone():
    rows = np.random.default_rng(3).normal(0, 0.02, (300, 10)) + np.linspace(-0.06, 0.06, 300)[:, None]
    bounds = bounds_of_rows(rows)
    outcomes = np.array(OUTCOMES)[outcome_codes(bounds.low, bounds.high, math.log1p(0.03))].tolist()
    assert outcomes == [judge(row, rule=Rule(cap=10)).outcome for row in rows]
    assert set(outcomes) == set(OUTCOMES)
    assert bounds_of_rows(np.empty((0, 10))).value.tolist() == []


# When to look


def test_looks_end_at_the_cap_and_are_five_at_most():
    assert looks() == (10, 14, 20, 28, 40)
    assert looks(20) == (10, 14, 20)
    assert looks(17) == (10, 14, 17)
    assert looks(5) == (5,)
    assert looks(100) == (10, 14, 20, 28, 40)
    assert [next_look(done) for done in (0, 9, 10, 13, 28, 39, 40, 41)] == [10, 10, 14, 14, 40, 40, None, None]
    assert [next_look(done, 12) for done in (0, 10, 12)] == [10, 12, None]


def test_a_campaign_stops_when_all_is_decided_or_at_the_cap():
    assert may_stop(["regressed", "not-regressed", "improved"], 10)
    assert not may_stop(["regressed", "undecided"], 28)
    assert may_stop(["regressed", "undecided"], 40)
    assert may_stop(["undecided"], 12, 12)
    assert not may_stop(["undecided"], 11, 12)


# What bounds say


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.01, 0.05, "regressed"),
        (0.05, 0.07, "regressed"),
        (0.01, 0.02, "not-regressed"),
        (-0.01, 0.02, "not-regressed"),
        (-0.06, 0.01, "not-regressed"),
        (-0.02, -0.01, "not-regressed"),
        (-0.05, -0.01, "improved"),
        (-0.07, -0.05, "improved"),
        (-0.01, 0.05, "undecided"),
        (-0.05, 0.05, "undecided"),
        (0.0, 0.05, "undecided"),
        (-math.inf, math.inf, "undecided"),
    ],
)
def test_what_bounds_say_at_a_margin_of_three_per_cent(low, high, expected):
    assert outcome(low, high, 0.03) == expected


def test_the_margin_itself_is_worse_by_the_margin():
    assert outcome(0.001, math.log1p(0.03), 0.03) == "regressed"
    assert outcome(-math.log1p(0.03), -0.001, 0.03) == "improved"


def test_regressed_and_improved_mirror_each_other_everywhere():
    edges = np.linspace(-0.08, 0.08, 65)
    low, high = (grid[np.triu_indices(65)] for grid in np.meshgrid(edges, edges, indexing="ij"))
    there = np.array(OUTCOMES)[outcome_codes(low, high, 0.03)]
    back = np.array(OUTCOMES)[outcome_codes(-high, -low, 0.03)]
    assert ((there == "regressed") == (back == "improved")).all()
    assert ((there == "improved") == (back == "regressed")).all()
    assert (high[there == "improved"] < 0.03).all()  # so improved implies not-regressed
    both = (there == "not-regressed") & (back == "not-regressed")
    assert both.tolist() == ((there == "not-regressed") & (low > -0.03)).tolist()


# What can be resolved


def test_the_minimum_detectable_effect_is_read_off_the_interval_of_a_a():
    # Nine values: the bounds are the least and the largest. z(0.8) = 0.8416, z(0.997) = 2.7478.
    same = np.array([-4, -3, -2, -1, 0, 1, 2, 3, 6]) / 100
    assert minimum_detectable_effect(same) == pytest.approx(math.expm1(0.05 * (1 + 0.8416 / 2.7478)), abs=1e-5)
    assert minimum_detectable_effect(same + 7) == pytest.approx(minimum_detectable_effect(same))
    assert minimum_detectable_effect(-same) == pytest.approx(minimum_detectable_effect(same))
    assert minimum_detectable_effect(same[:8]) is None
