"""What a check of an environment concludes, and when it has seen enough: journals in which the truth is planted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.analyse.statistics.sequential import GAMMA, minimum_detectable_effect
from bench.analyse.verdicts.metrics import cells_without_verdict
from bench.analyse.verdicts.upgrade import assess
from bench.plan.comparison_groups import cells
from bench.plan.upgrade import BASELINE, CANDIDATE, CLONE
from bench.records.schema import Count, Run, Summary, Trial, Verdict
from bench.report.kinds.upgrade.outcome import exit_code
from tests import factories
from tests.checks import QUIET, counted, counters, ended, failing, planned, proven, steps, timed

EIGHT = [*steps(QUIET, 0.08), *steps(QUIET, 0.08)]
"""Twenty blocks of a candidate that takes 8 % longer."""


def verdict(judged: list[Verdict] | Summary, metric: str) -> Verdict:
    verdicts = judged.verdicts if isinstance(judged, Summary) else judged
    (only,) = [verdict for verdict in verdicts if verdict.metric == metric]
    return only


def so_far(run: Run, trials: list[Trial], blocks: int) -> tuple[str, bool]:
    """The verdict on step time after so many blocks, and whether the check is complete then."""
    seen = [trial for trial in trials if trial.block < blocks]
    assessed = assess(run, seen, ended=False)
    return verdict(assessed.verdicts, "step_time_us").verdict, assessed.complete


# What is measured


def test_a_planted_slowdown_is_screened_and_then_confirmed_by_fresh_blocks():
    run = planned()
    trials = timed(run, EIGHT)
    waiting = [so_far(run, trials, blocks) for blocks in (1, 9, 10, 19)]
    assert waiting == [("undecided", False)] * 4
    assert so_far(run, trials, 20) == ("regressed", True)
    time = verdict(ended(run, trials), "step_time_us")
    assert (time.verdict, time.confirmed, time.blocks, time.pairs) == ("regressed", True, 20, 20)
    assert time.ratio.value == pytest.approx(1.08, abs=0.001)
    assert time.gamma == GAMMA / 2  # step time and throughput were flagged
    assert (time.margin, time.asked_margin, time.real) == (0.03, 0.03, True)
    assert (time.baseline, time.candidate) == (
        pytest.approx(np.median(681 * (1 + 0.1 * np.sin(range(20))))),
        pytest.approx(np.median(681 * (1 + 0.1 * np.sin(range(20))) * np.exp(EIGHT))),
    )
    assert exit_code(ended(run, trials)) == 1


def test_throughput_regresses_with_it_and_the_rest_does_not():
    summary = ended(planned(), timed(planned(), EIGHT))
    assert {verdict.metric: verdict.verdict for verdict in summary.verdicts} == {
        "step_time_us": "regressed",
        "samples_per_second": "regressed",
        "host_rss_bytes": "not-regressed",
        "startup_s": "not-regressed",
        "import_s": "not-regressed",
    }
    assert verdict(summary, "samples_per_second").ratio.value < 1
    assert verdict(summary, "host_rss_bytes").confirmed is None


def test_nothing_planted_is_over_at_the_first_look():
    run = planned()
    trials = timed(run, QUIET)
    assert [so_far(run, trials, blocks) for blocks in (9, 10)] == [("undecided", False), ("not-regressed", True)]
    time = verdict(ended(run, trials), "step_time_us")
    assert (time.blocks, time.confirmed, time.real) == (10, None, False)
    assert time.minimum_detectable_effect == pytest.approx(
        minimum_detectable_effect(QUIET), rel=1e-3
    )  # ticks are whole ns
    assert exit_code(ended(run, trials)) == 0


def test_an_improvement_is_told_and_is_no_failure():
    summary = ended(planned(), timed(planned(), steps(QUIET, -0.08)))
    assert verdict(summary, "step_time_us").verdict == "improved"
    assert exit_code(summary) == 0


def test_a_flag_that_fresh_blocks_do_not_confirm_is_no_regression():
    run = planned()
    trials = timed(run, [*steps(QUIET, 0.08), *QUIET])
    assert so_far(run, trials, 20) == ("not-regressed", True)
    time = verdict(ended(run, trials), "step_time_us")
    assert (time.verdict, time.confirmed, time.blocks) == ("not-regressed", False, 20)
    assert time.ratio.value == pytest.approx(1, abs=0.001)  # what the fresh blocks say
    assert exit_code(ended(run, trials)) == 0


@pytest.mark.parametrize("cap", [10, 25, 40])
def test_at_the_cap_it_is_undecided_and_over(cap):
    run = planned(blocks=cap)
    noise = np.tile([0.3, -0.3], 20)[:cap]
    trials = timed(run, noise, same=[0.0] * cap)
    assert so_far(run, trials, cap - 1) == ("undecided", False)
    assert so_far(run, trials, cap) == ("undecided", True)
    summary = ended(run, trials)
    assert (verdict(summary, "step_time_us").verdict, verdict(summary, "step_time_us").blocks) == ("undecided", cap)
    assert exit_code(summary) == 3


def test_what_a_look_has_decided_stays_whatever_a_a_could_resolve():
    # 5 % more, and a clone that spreads so that ten blocks resolve no less than 6 %.
    spread = np.random.default_rng(5).normal(0, 0.05, 10)
    ratios = steps(QUIET, 0.05)
    detectable = minimum_detectable_effect(spread)
    assert detectable > 0.06
    time = verdict(ended(planned(), timed(planned(), [*ratios, *ratios], same=[*spread, *spread])), "step_time_us")
    assert (time.verdict, time.confirmed, time.margin) == ("regressed", True, 0.03)
    assert time.minimum_detectable_effect == pytest.approx(detectable, rel=1e-3)


def test_what_the_last_look_cannot_resolve_is_undecided_by_the_asked_margin():
    noise = np.random.default_rng(1).normal(0, 0.1, 10)
    noise -= np.median(noise)
    run = planned(blocks=10)
    summary = ended(run, timed(run, noise, same=np.random.default_rng(2).normal(0, 0.2, 10)))
    time = verdict(summary, "step_time_us")
    assert (time.verdict, time.margin, time.asked_margin) == ("undecided", 0.03, 0.03)
    assert time.rules_out == time.ratio.high - 1 > 0.03
    assert time.minimum_detectable_effect > time.rules_out  # the margin that it would once have passed by
    assert exit_code(summary) == 3
    throughput = verdict(summary, "samples_per_second")
    assert throughput.rules_out == pytest.approx(1 / throughput.ratio.low - 1)
    assert throughput.rules_out > 0.03
    assert exit_code(ended(planned(blocks=10, margin=0.2), timed(run, noise))) == 0  # the user's to raise


def test_a_short_cap_leaves_room_for_the_confirmation_of_many():
    # Eight flagged comparisons need log2(8 / 0.003) = 11.4 pairs each, more than the screening may have.
    comparisons = [factories.comparison(batch_size=size) for size in (8, 64, 512, 2048)]
    run = planned(comparisons=comparisons, blocks=10)
    trials = timed(run, EIGHT + EIGHT)
    assert [so_far_of_all(run, trials, blocks) for blocks in (20, 21, 22)] == [
        ({"undecided"}, False),
        ({"undecided"}, False),
        ({"regressed"}, True),
    ]


def so_far_of_all(run: Run, trials: list[Trial], blocks: int) -> tuple[set[str], bool]:
    assessed = assess(run, [trial for trial in trials if trial.block < blocks], ended=False)
    return {verdict.verdict for verdict in assessed.verdicts if verdict.metric == "step_time_us"}, assessed.complete


# A check that ends early


def test_an_interrupted_check_is_undecided_and_says_why():
    summary = ended(planned(), timed(planned(), EIGHT[:5]))
    time = verdict(summary, "step_time_us")
    assert (time.verdict, time.blocks, time.ratio.low) == ("undecided", 5, None)
    assert time.ratio.value == pytest.approx(1.08, abs=0.002)
    assert "5 of the 9 pairs that a bound needs at its level of 0.003" in time.warnings
    assert exit_code(summary) == 3


def test_a_check_that_ends_between_two_looks_looks_once_more():
    doubtful = [*np.tile([0.1, -0.1], 5), *steps(np.resize(QUIET, 7), 0.08)]
    time = verdict(ended(planned(), timed(planned(), doubtful, same=[0.0] * 17)), "step_time_us")
    assert (time.blocks, time.verdict) == (17, "undecided")


@pytest.mark.parametrize(("fresh", "why"), [(0, "0 of the 10 blocks"), (3, "3 of the 10 pairs that a bound needs")])
def test_a_flag_without_enough_fresh_blocks_is_undecided(fresh, why):
    summary = ended(planned(), timed(planned(), EIGHT[: 10 + fresh]))
    time = verdict(summary, "step_time_us")
    assert (time.verdict, time.confirmed) == ("undecided", False)
    assert any(doubt.startswith(f"on fresh blocks: {why}") for doubt in time.warnings), time.warnings
    assert exit_code(summary) == 3


def test_a_run_in_which_nothing_was_timed_yet_has_no_measured_verdicts():
    assessed = assess(planned(), proven(planned()), ended=False)
    assert (assessed.verdicts, assessed.complete) == ([], False)
    assert exit_code(ended(planned())) == 4


# What is waited for


def test_what_the_check_fails_on_is_waited_for_and_nothing_else():
    noise = np.tile([0.3, -0.3], 5)
    for fail_on, waits in ((["memory"], False), (["time"], True), (["time", "memory"], True), (["counters"], False)):
        run = planned(fail_on=fail_on)
        trials = timed(run, noise, same=[0.0] * 10)
        assert so_far(run, trials, 10) == ("undecided", not waits), fail_on


def test_start_up_is_waited_for_where_the_check_fails_on_it():
    imports = {CANDIDATE: [2.0, 3.5], BASELINE: [2.5, 2.5], CLONE: [2.5, 2.5]}
    run = planned(fail_on=["start"], blocks=10)
    trials = [
        trial.model_copy(
            update={
                "interpreter": factories.interpreter(
                    pid=trial.block, import_s=imports[trial.cell.environment][trial.block % 2]
                )
            }
        )
        for trial in timed(run, QUIET)
    ]
    summary = ended(run, trials)
    assert verdict(summary, "import_s").verdict == "undecided"
    assert exit_code(summary) == 3
    run = planned(fail_on=["time"], blocks=10)
    assert exit_code(ended(run, trials)) == 0


def test_an_interpreter_has_imported_once_however_many_blocks_it_serves():
    """Two sets in which the candidate's happened to be slower are two pairs and not ten."""
    slower = {CANDIDATE: 3.5, BASELINE: 2.5, CLONE: 2.5}
    trials = [
        trial.model_copy(
            update={
                "interpreter": factories.interpreter(
                    pid=trial.block // 5, import_s=slower[trial.cell.environment] + trial.block // 5 / 100
                )
            }
        )
        for trial in timed(planned(), QUIET)
    ]
    imports = verdict(ended(planned(), trials), "import_s")
    assert imports.verdict == "undecided"
    assert imports.pairs == 2


# Arms and trials that fail


def test_without_a_clone_there_is_a_verdict_and_no_telling_what_can_be_resolved():
    run = planned()
    lost = [(CLONE, block) for block in range(10)]
    summary = ended(run, timed(run, QUIET, failed=lost))
    time = verdict(summary, "step_time_us")
    assert (time.verdict, time.minimum_detectable_effect) == ("not-regressed", None)
    assert time.warnings == ["0 of the 9 A/A pairs that it takes to tell what can be resolved"]
    assert exit_code(summary) == 4  # a cell has no figures


@pytest.mark.parametrize("block", [3, 9])
def test_a_failed_trial_costs_a_pair_and_not_a_block(block):
    run = planned()
    trials = timed(run, QUIET, failed=[(BASELINE, block), (CANDIDATE, block)])
    assert so_far(run, trials, 10) == ("not-regressed", True)
    time = verdict(ended(run, trials), "step_time_us")
    assert (time.blocks, time.pairs) == (10, 9)
    assert "1 of 10 blocks without a pair: a side failed, or its figure was not positive" in time.warnings
    assert exit_code(ended(run, trials)) == 0


def test_blocks_in_which_the_sides_never_met_are_no_pairs():
    run = planned()
    odd, even = ([number for number in range(10) if number % 2 == part] for part in (1, 0))
    lost = [*((BASELINE, number) for number in odd), *((CANDIDATE, number) for number in even)]
    time = verdict(ended(run, timed(run, QUIET, failed=lost)), "step_time_us")
    assert (time.verdict, time.ratio, time.pairs) == ("undecided", None, 0)


@pytest.mark.parametrize("status", ["failed", "missing"])
@pytest.mark.parametrize("arm", [BASELINE, CANDIDATE])
def test_a_side_that_cannot_run_ends_the_check_after_its_second_failure(arm, status):
    run = planned()
    broken = next(cell for cell in cells(run.settings) if cell.environment == arm)
    opening = [failing(broken, "equivalence", status=status, block=-1)]
    block = timed(run, [0.0], failed=[(arm, 0)])
    # An interpreter that cannot import its framework is asked once; any other failure may be chance.
    assert assess(run, opening if status == "missing" else [*opening, *block], ended=False).complete
    if status == "failed":
        assert not assess(run, opening, ended=False).complete
    summary = ended(run, opening, block)
    assert {verdict.metric for verdict in summary.verdicts} == {"import_s"}
    assert [cell.environment for cell in cells_without_verdict(summary)] == [CANDIDATE]
    assert exit_code(summary) == 4


def test_one_broken_loop_does_not_end_the_check_of_another():
    run = planned(runners=["hf-trainer", "accelerate"])
    lost, good = timed(run, QUIET, failed=[(CANDIDATE, block) for block in range(10)]), timed(run, QUIET)
    trials = [*(t for t in lost if t.cell.runner == "hf-trainer"), *(t for t in good if t.cell.runner == "accelerate")]
    assert not assess(run, [trial for trial in trials if trial.block < 5], ended=False).complete
    assert assess(run, trials, ended=False).complete
    assert exit_code(ended(run, trials)) == 4


def test_an_unproven_candidate_is_never_fine():
    run = planned()
    other = factories.fingerprint(losses=[0.7, 0.69, 0.68])
    trials = [
        trial.model_copy(update={"fingerprint": other}) if trial.cell.environment == CANDIDATE else trial
        for trial in proven(run)
    ]
    assert exit_code(ended(run, trials, timed(run, QUIET))) == 4
    assert exit_code(ended(run, trials, timed(run, EIGHT))) == 1


# The baseline against its clone


def test_the_clone_of_the_baseline_is_the_noise_floor_of_a_check():
    run = planned()
    summary = ended(run, timed(run, EIGHT[:10], same=QUIET))
    (floor,) = summary.noise_floors
    assert (floor.runner, floor.comparison.environment, floor.blocks) == ("hf-trainer", BASELINE, 10)
    assert 0.0015 < floor.floor < 0.0025  # by the interval of what differs by 0.25 % at most
    assert {row.noise_floor for row in summary.cells} == {floor.floor}
    assert summary.noise_floors == ended(run, timed(run, QUIET, same=QUIET)).noise_floors  # whatever the candidate does


def test_a_step_time_is_judged_by_the_turns_of_each_cycle():
    """The machine changes its pace by half from cycle to cycle; medians of the arms would differ by as much."""
    run = planned()
    random = np.random.default_rng(0)
    trials = proven(run)
    for block in range(10):
        pace = np.repeat(np.exp(random.normal(0, 0.5, factories.CYCLES)), factories.TURN.steps)
        for cell in cells(run.settings):
            more = 1.01 if cell.environment == CANDIDATE else 1.0
            turns = 681 * more * np.exp(random.normal(0, 0.001)) * pace
            trials.append(factories.trial(cell=cell, block=block, step_us=list(turns)))
    time = verdict(ended(run, trials), "step_time_us")
    assert (time.verdict, time.real, time.blocks) == ("not-regressed", True, 10)
    assert time.ratio.value == pytest.approx(1.01, abs=0.002)
    assert time.minimum_detectable_effect < 0.005


# What is counted


def only_counted(candidate, **second) -> Summary:
    run = planned(passes=["equivalence", "counting"], fail_on=["memory", "counters"])
    return ended(run, counted(run, candidate, **second))


def test_one_more_sync_is_a_regression():
    summary = only_counted(counters(syncs=7))
    syncs = verdict(summary, "syncs")
    assert (syncs.verdict, syncs.baseline, syncs.candidate, syncs.real) == ("regressed", 6, 7, True)
    assert (syncs.ratio, syncs.margin, syncs.confirmed) == (None, None, None)
    assert {verdict.metric for verdict in summary.verdicts if verdict.verdict != "not-regressed"} == {"syncs"}
    assert exit_code(summary) == 1


def test_one_sync_fewer_is_an_improvement():
    summary = only_counted(counters(syncs=5))
    assert verdict(summary, "syncs").verdict == "improved"
    assert exit_code(summary) == 0


def test_the_same_counts_are_fine_and_figures_that_no_side_has_are_left_out():
    summary = only_counted(counters())
    assert {verdict.metric: verdict.verdict for verdict in summary.verdicts} == dict.fromkeys(
        ("python_calls", "c_calls", "ops", "syncs", "tensor_bytes"), "not-regressed"
    )
    assert not any(verdict.real for verdict in summary.verdicts)
    assert exit_code(summary) == 0


def test_a_count_that_does_not_repeat_is_undecided():
    summary = only_counted(counters(syncs=7), again=counters(syncs=6))
    syncs = verdict(summary, "syncs")
    assert (syncs.verdict, syncs.real) == ("undecided", False)
    assert syncs.warnings == ["two interpreters of the candidate counted 7 and 6"]
    assert exit_code(summary) == 3


@pytest.mark.parametrize(("counts", "outcome", "code"), [((7, 8), "regressed", 1), ((4, 5), "improved", 0)])
def test_a_count_that_does_not_repeat_is_decided_where_all_interpreters_agree(counts, outcome, code):
    first, second = (counters(syncs=count) for count in counts)
    summary = only_counted(first, again=second)
    syncs = verdict(summary, "syncs")
    assert (syncs.verdict, syncs.real) == (outcome, True)
    assert syncs.warnings == [f"two interpreters of the candidate counted {counts[0]} and {counts[1]}"]
    assert exit_code(summary) == code


def test_a_count_made_once_is_undecided():
    run = planned(passes=["equivalence", "counting"], fail_on=["counters"])
    summary = ended(run, [trial for trial in counted(run, counters(syncs=7)) if trial.replicate == 0])
    assert verdict(summary, "syncs").verdict == "undecided"
    assert verdict(summary, "syncs").warnings[1] == (
        "the candidate was counted once, where it takes two interpreters to see that a count repeats"
    )
    assert exit_code(summary) == 3


@pytest.mark.parametrize(("fail_on", "code"), [("time", 0), ("counters", 4)])
def test_a_side_that_could_not_be_counted_has_no_verdict_on_counts(fail_on, code):
    run = planned(fail_on=[fail_on])
    trials = [
        failing(trial.cell, "counting", block=-1, replicate=trial.replicate)
        if trial.cell.environment == CANDIDATE
        else trial
        for trial in counted(run, counters())
    ]
    summary = ended(run, trials, timed(run, QUIET))
    assert not {"ops", "syncs", "tensor_bytes"} & {verdict.metric for verdict in summary.verdicts}
    assert exit_code(summary) == code


def test_a_figure_that_only_one_side_has_is_undecided():
    kernels = counters().model_copy(update={"kernels": Count(value=40, share=1.0)})
    summary = only_counted(kernels)
    assert verdict(summary, "kernels").verdict == "undecided"
    assert verdict(summary, "kernels").warnings == ["the baseline has no figure: the device is the host"]
    assert exit_code(summary) == 3


def test_what_the_check_fails_on_and_has_no_verdict_about_is_a_failure():
    run = planned(fail_on=["counters"])
    summary = ended(run, timed(run, QUIET))
    assert [cell.environment for cell in cells_without_verdict(summary)] == [CANDIDATE]
    assert exit_code(summary) == 4


@pytest.mark.parametrize(
    ("candidate", "expected", "real"),
    [
        (100_000, "not-regressed", False),
        (102_999, "not-regressed", True),
        (103_000, "regressed", True),
        (97_100, "not-regressed", True),
        (97_000, "improved", True),
    ],
)
def test_bytes_of_tensors_have_the_margin(candidate, expected, real):
    summary = only_counted(counters(tensor_bytes=candidate))
    bytes_ = verdict(summary, "tensor_bytes")
    assert (bytes_.verdict, bytes_.real, bytes_.margin) == (expected, real, 0.03)
    assert exit_code(summary) == (1 if expected == "regressed" else 0)


def test_a_check_fails_on_what_it_was_asked_to():
    run = planned(fail_on=["time"], passes=["equivalence", "counting", "timing"])
    worse = [*counted(run, counters(syncs=7, tensor_bytes=200_000)), *timed(run, QUIET)]
    assert exit_code(ended(run, worse)) == 0
    assert exit_code(ended(planned(fail_on=["counters"]), worse)) == 1
    assert exit_code(ended(planned(fail_on=["memory"]), worse)) == 1


# The order


def test_verdicts_stand_cell_by_cell_in_the_order_of_the_plan():
    comparisons = [factories.comparison(batch_size=size) for size in (512, 8)]
    run = planned(comparisons=comparisons, runners=["lightning", "accelerate"])
    verdicts = ended(run, counted(run, counters()), timed(run, QUIET)).verdicts
    places = list(dict.fromkeys((verdict.cell.batch_size, verdict.cell.runner) for verdict in verdicts))
    assert places == [(512, "lightning"), (512, "accelerate"), (8, "lightning"), (8, "accelerate")]
    assert len(verdicts) == 4 * 10
    assert [verdict.cell.batch_size for verdict in verdicts] == [512] * 20 + [8] * 20
    assert [verdict.metric for verdict in verdicts[:10]] == [
        "step_time_us", "samples_per_second", "host_rss_bytes", "startup_s", "import_s",
        "python_calls", "c_calls", "ops", "syncs", "tensor_bytes",
    ]  # fmt: skip
    assert {verdict.cell.environment for verdict in verdicts} == {CANDIDATE}
    assert math.isclose(verdicts[0].ratio.value, 1, abs_tol=0.003)


def test_a_margin_of_time_is_for_time_alone():
    run = planned(margin=0.03, time_margin=0.05)
    verdicts = {verdict.metric: verdict for verdict in ended(run, timed(run, steps(QUIET))).verdicts}
    assert {name: verdicts[name].asked_margin for name in ("step_time_us", "samples_per_second", "host_rss_bytes")} == {
        "step_time_us": 0.05,
        "samples_per_second": 0.05,
        "host_rss_bytes": 0.03,
    }
