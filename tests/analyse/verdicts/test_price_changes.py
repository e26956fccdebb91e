"""Whether an option became more expensive, from trials whose prices are known."""

import pytest

from bench.analyse import stopping
from bench.analyse.summary import summarise
from bench.errors import ExitCode
from bench.plan.upgrade import BASELINE, CANDIDATE
from bench.records.schema import FunctionCounts
from bench.report.kinds.price_changes import outcome, sentences
from tests.price_changes import LOOP_US, an_option, calls, counted, planned, timed

BOTH = (BASELINE, CANDIDATE)


def costing(before_us, after_us, *, option="asked"):
    return {(BASELINE, option): before_us, (CANDIDATE, option): after_us}


def judged(before_us, after_us, **changes):
    """The only option of a check that was timed alone, and the exit code."""
    run = planned(an_option(), passes=("timing",))
    summary = summarise(run, timed(run, costing(before_us, after_us), **changes))
    (change,) = summary.price_changes
    (verdict,) = change.verdicts
    return change, verdict, outcome.exit_code(summary)


def test_a_loop_that_became_slower_makes_no_option_more_expensive():
    change, verdict, code = judged(300.0, 300.0)
    assert LOOP_US[CANDIDATE] - LOOP_US[BASELINE] > 100
    assert (verdict.verdict, code) == ("not-regressed", ExitCode.FINE)
    assert change.step_us.low < 0 < change.step_us.high
    assert change.step_us.high - change.step_us.low < 10


def test_an_option_that_became_more_expensive_is_found_and_confirmed_on_fresh_blocks():
    change, verdict, code = judged(100.0, 200.0, blocks=20)
    assert (verdict.verdict, verdict.confirmed, code) == ("regressed", True, ExitCode.REGRESSED)
    assert change.step_us.value == pytest.approx(100, rel=0.05)
    assert verdict.ratio.value == pytest.approx(1200 / 1100, rel=3e-3)  # of the step with the option, as it was


def test_a_price_that_fell_is_improved_even_where_the_option_had_doubled_the_step():
    _, verdict, code = judged(2000.0, 100.0)
    assert (verdict.verdict, code) == ("improved", ExitCode.FINE)
    assert verdict.ratio.value == pytest.approx(1100 / 3000, rel=5e-3)


def test_a_few_blocks_leave_it_undecided():
    _, verdict, code = judged(100.0, 105.0, blocks=3)
    assert (verdict.verdict, code) == ("undecided", ExitCode.UNDECIDED)


def test_an_option_that_fails_on_a_side_is_a_failed_cell():
    run = planned(an_option(), an_option("fine"), passes=("timing",))
    trials = timed(run, {})
    broken = [
        trial.model_copy(update={"status": "failed", "timing": None, "reason": "it broke"})
        if (trial.cell.environment, trial.cell.option) == (CANDIDATE, "asked")
        else trial
        for trial in trials
    ]
    summary = summarise(run, broken)
    assert [change.cell.option for change in summary.price_changes] == ["fine"]
    assert outcome.exit_code(summary) == ExitCode.SOME_CELLS_FAILED


@pytest.mark.parametrize(
    ("before", "after", "verdict", "code"),
    [
        ((50, 50), (53, 53), "regressed", ExitCode.REGRESSED),
        ((50, 50), (50, 50), "not-regressed", ExitCode.FINE),
        ((50, 51), (44, 45), "improved", ExitCode.FINE),  # whichever of them is right
        ((50, 51), (52, 53), "regressed", ExitCode.REGRESSED),
        ((50, 51), (50, 51), "undecided", ExitCode.UNDECIDED),
        ((50, 50), (49, 51), "undecided", ExitCode.UNDECIDED),
        ((50, 54), (53, 50), "undecided", ExitCode.UNDECIDED),
    ],
)
def test_what_is_counted_is_judged_exactly_by_all_interpreters(before, after, verdict, code):
    run = planned(an_option(), passes=("counting",))
    planted = [
        {(BASELINE, "asked"): calls(old), (CANDIDATE, "asked"): calls(new)}
        for old, new in zip(before, after, strict=True)
    ]
    summary = summarise(run, counted(run, *planted))
    (change,) = summary.price_changes
    by_metric = {verdict.metric: verdict for verdict in change.verdicts}
    calls_verdict = by_metric.pop("python_calls")
    assert (calls_verdict.verdict, calls_verdict.baseline, calls_verdict.candidate) == (verdict, before[0], after[0])
    assert outcome.exit_code(summary) == code
    assert {each.verdict for each in by_metric.values()} == {"not-regressed"}


def test_what_one_interpreter_alone_counted_is_undecided_and_says_so():
    run = planned(an_option(), passes=("counting",))
    summary = summarise(run, [trial for trial in counted(run, {}) if trial.replicate == 0])
    assert outcome.exit_code(summary) == ExitCode.UNDECIDED
    (change,) = summary.price_changes
    assert "it takes two interpreters" in change.verdicts[0].warnings[0]


def test_the_functions_of_a_price_are_told_and_not_those_of_the_loop():
    def function(name, calls_):
        return FunctionCounts(file="transformers/trainer.py", function=name, line=1, python_calls=calls_)

    loop = {BASELINE: [function("step", 10)], CANDIDATE: [function("step", 30)]}
    run = planned(an_option(), passes=("counting",))
    planted = {(side, None): calls(0, functions=own) for side, own in loop.items()}
    planted[BASELINE, "asked"] = calls(50, functions=[*loop[BASELINE], function("log", 50)])
    planted[CANDIDATE, "asked"] = calls(53, functions=[*loop[CANDIDATE], function("log", 53)])
    summary = summarise(run, counted(run, planted))
    (row,) = summary.attribution
    assert (row.function, row.baseline, row.candidate, row.delta) == ("log", 50, 53, 3)


def test_options_of_one_side_are_named_and_not_judged():
    gone = an_option("gone", BASELINE)
    lacking = [each for side in BOTH for each in an_option("lacking", side, missing="needs mlflow: pip install mlflow")]
    run = planned(an_option(), gone, lacking, passes=("counting",))
    summary = summarise(run, counted(run, {}))
    assert [change.cell.option for change in summary.price_changes] == ["asked"]
    assert sentences.on_one_side(summary) == [
        "gone of hf-trainer: only in the baseline.",
        "lacking of hf-trainer: needs mlflow: pip install mlflow.",
    ]


def test_more_blocks_are_made_of_undecided_prices_alone_on_both_sides():
    run = planned(an_option(), an_option("wavers"), passes=("timing",))
    trials = timed(run, {}, noise=0.0005)
    noisy = timed(run, {}, noise=0.3, seed=1)
    mixed = [other if trial.cell.option == "wavers" else trial for trial, other in zip(trials, noisy, strict=True)]
    groups = stopping.rule(run)(10, mixed)
    assert {(cell.environment, cell.option) for group in groups for cell in group.cells} == {
        (side, option) for side in BOTH for option in (None, "wavers")
    }
    assert stopping.rule(run)(10, trials) == []
