from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bench.analyse.statistics.sequential import GAMMA, minimum_detectable_effect
from bench.analyse.verdicts.metrics import Figure
from bench.analyse.verdicts.verdict import Rule, by_number, confirm, exact_verdict, judge, to_confirm
from bench.records.metrics import metric

QUIET = np.array([0.001, -0.002, 0.0005, -0.001, 0.002, -0.0005, 0.0015, -0.0015, 0.0025, -0.0025])
"""Ten blocks in which nothing differs by more than 0.25 %."""


def blocks(n: int, *, sd: float = 0.002, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sd, n)


# One comparison


def test_ten_per_cent_are_found_at_the_first_look():
    verdict = judge(QUIET + math.log(1.1), QUIET)
    assert (verdict.outcome, verdict.blocks, verdict.pairs) == ("regressed", 10, 10)
    assert verdict.real
    assert verdict.ratio.value == pytest.approx(1.1)
    # The third Walsh average from either end, of the ten values above.
    assert verdict.ratio.low == pytest.approx(1.1 * math.exp(-0.002))
    assert verdict.ratio.high == pytest.approx(1.1 * math.exp(0.002))
    assert verdict.warnings == ()


def test_a_small_difference_can_be_real_and_no_regression():
    verdict = judge(QUIET + math.log(1.01), QUIET)
    assert (verdict.outcome, verdict.real) == ("not-regressed", True)
    faster = judge(QUIET - math.log(1.01), QUIET)
    assert (faster.outcome, faster.real) == ("not-regressed", True)
    none = judge(QUIET, QUIET)
    assert (none.outcome, none.real) == ("not-regressed", False)


def test_throughput_is_judged_as_the_step_time_of_the_same_loop():
    values = blocks(40, sd=0.02)
    for shift in (-0.05, -0.01, 0, 0.01, 0.02, 0.05):
        time = judge(values + shift, values)
        throughput = judge(-(values + shift), -values, Rule(worse="lower"))
        assert (throughput.outcome, throughput.blocks, throughput.real) == (time.outcome, time.blocks, time.real)
        assert throughput.minimum_detectable_effect == pytest.approx(time.minimum_detectable_effect)
        inverse = (1 / throughput.ratio.value, 1 / throughput.ratio.high, 1 / throughput.ratio.low)
        assert inverse == pytest.approx((time.ratio.value, time.ratio.low, time.ratio.high))
    assert judge(QUIET - 0.1, rule=Rule(worse="lower")).outcome == "regressed"
    assert judge(QUIET + 0.1, rule=Rule(worse="lower")).outcome == "improved"


def test_the_first_look_that_decides_stands_whatever_comes_after():
    later = np.concatenate([QUIET, np.full(30, math.log(2))])
    verdict = judge(later, np.zeros(40))
    assert (verdict.outcome, verdict.blocks) == ("not-regressed", 10)
    assert verdict.ratio.value == pytest.approx(1, abs=1e-3)


def test_a_check_that_cannot_tell_looks_again():
    doubtful = np.concatenate([np.tile([0.1, -0.1], 5), QUIET, QUIET, QUIET])
    assert [judge(doubtful[:done]).outcome for done in (10, 14, 20)] == ["undecided"] * 3
    verdict = judge(doubtful)
    assert (verdict.outcome, verdict.blocks) == ("not-regressed", 40)
    assert judge(doubtful[:17]).blocks == 14  # between looks the last one stands


def test_at_the_cap_it_is_undecided():
    noise = np.tile([0.3, -0.3], 20)
    verdict = judge(noise, np.zeros(40))
    assert (verdict.outcome, verdict.blocks, verdict.real) == ("undecided", 40, False)
    early = judge(noise[:17], np.zeros(17), Rule(cap=17))
    assert (early.outcome, early.blocks) == ("undecided", 17)


def test_before_the_first_look_there_is_an_estimate_and_no_bounds():
    verdict = judge(QUIET[:9] + 1)
    assert (verdict.outcome, verdict.ratio.low, verdict.ratio.high, verdict.real) == ("undecided", None, None, False)
    assert verdict.ratio.value == pytest.approx(math.e, rel=0.01)
    assert verdict.warnings == ("9 of the 10 blocks that the first look waits for",)
    assert judge(QUIET[:9] + 1, rule=Rule(cap=9)).outcome == "regressed"


def test_too_few_blocks_say_how_many_are_needed():
    verdict = judge(QUIET[:6] + 1, QUIET[:6], Rule(cap=6))
    assert (verdict.outcome, verdict.ratio.low) == ("undecided", None)
    assert verdict.warnings == (
        "6 of the 9 pairs that a bound needs at its level of 0.003",
        "6 of the 9 A/A pairs that it takes to tell what can be resolved",
    )
    nothing = judge([])
    assert (nothing.outcome, nothing.ratio, nothing.pairs) == ("undecided", None, 0)


def test_figures_become_log_ratios_block_by_block():
    sides = {"own": {0: 2.0, 1: 3.0, 3: 0.0, 4: 8.0, 9: 1.0}, "other": {0: 1.0, 2: 1.0, 3: 1.0, 4: 2.0}}
    figure = Figure(metric=metric("host_rss_bytes"), of=sides.get)
    ratios = by_number(figure.log_ratios("own", "other"), 5)
    assert ratios[[0, 4]].tolist() == pytest.approx([math.log(2), math.log(4)])
    assert np.isnan(ratios[[1, 2, 3]]).all()
    assert len(by_number({}, 0)) == 0


def test_a_figure_that_has_pairs_inside_its_blocks_is_told_by_them():
    figure = Figure(metric=metric("step_time_us"), of={}.get, pairs=lambda own, other: {2: own - other})
    assert figure.log_ratios(0.3, 0.1) == {2: pytest.approx(0.2)}


def test_blocks_without_a_pair_count_as_blocks_but_not_as_pairs():
    holes = np.append(QUIET + 0.1, [math.nan, 0.1, math.nan, 0.1])
    verdict = judge(holes, holes * 0, Rule(margin=0.2, cap=14))
    assert (verdict.blocks, verdict.pairs) == (10, 10)
    holes[[0, 1]] = math.nan
    verdict = judge(holes, holes * 0, Rule(cap=14))
    assert (verdict.outcome, verdict.blocks, verdict.pairs) == ("regressed", 14, 10)
    assert verdict.warnings == ("4 of 14 blocks without a pair: a side failed, or its figure was not positive",)


def test_bytes_that_are_the_same_in_every_block_are_judged_without_a_spread():
    assert judge(np.zeros(10), np.zeros(10)).outcome == "not-regressed"
    more = judge(np.full(10, math.log(1.05)), np.zeros(10))
    assert (more.outcome, more.minimum_detectable_effect) == ("regressed", 0)
    assert judge(np.full(10, math.log(1.02)), np.zeros(10)).outcome == "not-regressed"


# A/A


def test_what_the_last_look_cannot_resolve_is_undecided_and_says_what_is_ruled_out():
    noise = blocks(40, sd=0.1, seed=1)
    noise -= np.median(noise)
    same = blocks(40, sd=0.1, seed=2)
    detectable = minimum_detectable_effect(same)
    assert 0.05 < detectable < 0.09
    verdict = judge(noise, same)
    assert (verdict.outcome, verdict.blocks, verdict.warnings) == ("undecided", 40, ())
    assert verdict.minimum_detectable_effect == detectable
    assert verdict.rules_out == verdict.ratio.high - 1 > 0.03
    asked = judge(noise, same, Rule(margin=0.09))  # the user's to raise
    assert asked.outcome == "not-regressed"
    assert asked.rules_out < 0.09


def test_what_a_a_could_resolve_changes_no_outcome():
    for seed in range(20):
        noise = blocks(40, sd=0.05, seed=seed)
        outcomes = {judge(noise, same).outcome for same in (None, np.zeros(40), blocks(40, sd=0.3, seed=seed + 100))}
        assert len(outcomes) == 1


def test_earlier_looks_tell_what_they_can_resolve():
    noise, same = blocks(10, sd=0.1, seed=1), blocks(10, sd=0.1, seed=2)
    verdict = judge(noise, same)
    assert (verdict.outcome, verdict.minimum_detectable_effect) == ("undecided", minimum_detectable_effect(same))


def test_what_is_ruled_out_is_told_in_the_direction_of_worse():
    wide = np.resize([-0.35, 0.3], 40)
    time, throughput = judge(wide), judge(-wide, rule=Rule(worse="lower"))
    assert time.outcome == throughput.outcome == "undecided"
    assert throughput.rules_out == pytest.approx(time.rules_out)
    assert judge(-wide).rules_out > time.rules_out > 0.03
    assert judge(QUIET - math.log(1.1)).rules_out < 0  # surely better
    assert judge(QUIET[:9]).rules_out is None  # before the first look
    assert judge([]).rules_out is None


def test_a_look_sees_the_a_a_pairs_of_its_own_blocks_only():
    verdict = judge(np.zeros(20), np.append(QUIET, np.full(10, 1.0)))
    assert (verdict.blocks, verdict.minimum_detectable_effect) == (10, minimum_detectable_effect(QUIET))


def test_an_a_a_arm_that_differs_is_told_and_the_verdict_stays():
    verdict = judge(QUIET + 0.1, QUIET - math.log(1.05))
    assert verdict.outcome == "regressed"
    assert verdict.warnings == (
        "the baseline against its own clone differs by −4.76 % [−4.95 %, −4.57 %], where nothing differs: "
        "don't trust this comparison",
    )
    assert judge(QUIET + 0.1, QUIET + 0.01).warnings == ()  # below the margin


# Warnings


def test_a_ratio_that_moves_is_told():
    # The halves' medians are 0.12 and 0.17, and exp(0.05) is 1.0513.
    verdict = judge(np.linspace(0.1, 0.19, 10))
    assert verdict.warnings == ("the ratio itself moved by +5.13 % from the first half of the blocks to the last",)
    assert judge(np.linspace(0.1, 0.12, 10)).warnings == ()  # by less than 3 %
    assert judge(np.resize([0.1, 0.19], 10)).warnings == ()  # to and fro


def test_two_groups_of_ratios_are_told():
    verdict = judge(np.resize(QUIET, 14) + np.tile([-0.05, 0.05], 7), rule=Rule(cap=14))
    # The medians are -0.05 + 0.001 and 0.05 - 0.0015.
    assert verdict.warnings == ("its ratios form two groups, around −4.78 % (7) and +4.97 % (7)",)
    wide = np.ravel(np.column_stack([QUIET[:7], np.linspace(0.1, 0.4, 7)]))
    assert judge(wide, rule=Rule(margin=0.2, cap=14)).warnings == ()  # one group is wider than the gap
    assert judge(np.linspace(-0.05, 0.05, 14)[np.argsort(blocks(14))], rule=Rule(cap=14)).warnings == ()


# Several comparisons


def test_what_is_flagged_is_judged_again_by_fresh_blocks_at_the_corrected_level():
    screening = {
        "a": judge(QUIET + 0.1),
        "b": judge(QUIET),
        "c": judge(QUIET + 0.1),
        "d": judge(QUIET - 0.1),
        "e": judge(QUIET + 0.05, rule=Rule(margin=0.04)),
    }
    flagged = to_confirm(screening)
    assert list(flagged) == ["a", "c", "e"]
    confirmed = confirm(flagged, {"a": QUIET + 0.1, "c": QUIET, "e": QUIET + 0.03})
    assert {key: verdict.outcome for key, verdict in confirmed.items()} == {
        "a": "regressed",
        "c": "not-regressed",
        "e": "not-regressed",
    }
    assert {verdict.rule.gamma for verdict in confirmed.values()} == {GAMMA / 3}
    assert confirmed["e"].rule.margin == 0.04
    assert confirmed["a"].blocks == 10
    # At a third of the level the bound is the very least Walsh average, not the third.
    assert confirmed["a"].ratio.low == pytest.approx(math.exp(0.1 - 0.0025))


def test_many_flagged_comparisons_take_more_fresh_blocks():
    flagged = {number: judge(QUIET + 0.1) for number in range(49)}
    confirmed = confirm(flagged, {number: blocks(10) + 0.1 for number in flagged})
    assert {verdict.outcome for verdict in confirmed.values()} == {"undecided"}
    assert confirmed[0].warnings == ("10 of the 14 pairs that a bound needs at its level of 6.1e-05",)
    confirmed = confirm(flagged, {number: blocks(14) + 0.1 for number in flagged})
    assert {(verdict.outcome, verdict.blocks) for verdict in confirmed.values()} == {("regressed", 14)}


def test_without_fresh_blocks_nothing_is_confirmed():
    verdict = confirm({"a": judge(QUIET + 0.1)}, {})
    assert (verdict["a"].outcome, verdict["a"].blocks) == ("undecided", 0)
    assert confirm({}, {}) == {}


def test_a_confirmation_keeps_the_margin_and_the_direction():
    rule = Rule(worse="lower", margin=0.08)
    flagged = replace(judge(QUIET - 0.1, rule=rule), minimum_detectable_effect=0.08)
    verdict = confirm({"a": flagged}, {"a": QUIET - 0.05})["a"]
    assert (verdict.outcome, verdict.rule) == ("not-regressed", rule)
    assert verdict.minimum_detectable_effect == 0.08
    assert confirm({"a": flagged}, {"a": QUIET - 0.1})["a"].outcome == "regressed"


# What is counted exactly


@pytest.mark.parametrize(
    ("baseline", "candidate", "expected"),
    [
        ((311, 311), (312, 312), "regressed"),
        ((311, 311), (310, 310), "improved"),
        ((311, 311), (311, 311), "not-regressed"),
        ((0, 0), (1, 1), "regressed"),
    ],
)
def test_an_exact_figure_needs_no_margin(baseline, candidate, expected):
    assert exact_verdict(baseline, candidate) == expected


@pytest.mark.parametrize(
    ("baseline", "candidate", "expected"),
    [
        ((841, 840), (835, 834), "improved"),  # whichever of them is right: a bar draws by the clock
        ((835, 834), (841, 840), "regressed"),
        ((841, 840), (840, 839), "not-regressed"),
        ((841, 840), (840, 840), "not-regressed"),
        ((841, 840), (841, 840), "undecided"),
        ((311,), (563, 563), "undecided"),
        ((311, 311), (), "undecided"),
    ],
)
def test_a_count_that_does_not_repeat_decides_what_all_interpreters_say(baseline, candidate, expected):
    assert exact_verdict(baseline, candidate) == expected


@pytest.mark.parametrize(
    ("baseline", "candidate", "expected"),
    [
        (100_000, 100_001, "not-regressed"),
        (100_000, 103_000, "regressed"),
        (103_000, 100_000, "improved"),
        (102_999, 100_000, "not-regressed"),
        (0, 1, "regressed"),
        (0, 0, "not-regressed"),
    ],
)
def test_an_exact_figure_may_have_a_margin(baseline, candidate, expected):
    assert exact_verdict([baseline] * 2, [candidate] * 2, margin=0.03) == expected


def test_a_count_that_does_not_repeat_is_held_to_its_margin_by_all_interpreters():
    assert exact_verdict([100_000, 100_010], [100_005, 102_999], margin=0.03) == "not-regressed"
    assert exact_verdict([100_000, 100_010], [103_005, 104_000], margin=0.03) == "undecided"
    assert exact_verdict([100_000, 100_010], [103_011, 104_000], margin=0.03) == "regressed"
