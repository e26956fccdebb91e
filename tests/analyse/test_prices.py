"""What an option costs, from trials whose prices are known."""

import pytest

from bench.analyse.summary import summarise
from bench.records.schema import FunctionCounts
from tests import factories
from tests.price_lists import (
    BLOCKS,
    EPOCH_END_US,
    EVERY,
    STEP_US,
    a_list_of_a_script,
    a_run,
    an_option,
    counters,
    steps,
    trials_of,
)


def price_of(*options, made, **changes):
    run = a_run(*options)
    (first, *_) = summarise(run, trials_of(run, made, **changes)).prices
    return first


def test_what_an_option_adds_to_every_step_is_its_price_whatever_the_machine_does_meanwhile():
    price = price_of(an_option(), made=lambda name, lead: steps(STEP_US + (120 if name else 0), lead=lead))
    assert price.share.value == pytest.approx(0.12, rel=1e-3)
    assert price.step_us.low <= 120 <= price.step_us.high
    assert not price.is_noise
    assert price.event_us is None


def test_what_a_clone_differs_by_as_well_is_noise():
    price = price_of(an_option(), made=lambda name, lead: steps(STEP_US + (1 if name else 0), lead=lead), noise=0.01)
    assert price.is_noise
    assert price.share.low < price.share.high


def test_the_loop_and_its_clone_are_one_loop_by_whose_luck_a_price_wavers_less():
    run = a_run(an_option())
    luck = {(None, False): 0.98, (None, True): 1 / 0.98, ("asked", False): 1.0}
    trials = [
        trial.model_copy(
            update={"timing": factories.timing([STEP_US * luck[trial.cell.option, trial.cell.clone]] * 60)}
        )
        for trial in trials_of(run, lambda name, lead: steps(STEP_US, lead=lead, cycles=10))
        if trial.phase == "timing"
    ]
    (price,) = summarise(run, trials).prices
    assert price.share.value == pytest.approx(0, abs=1e-6)
    assert price.step_us.value == pytest.approx(0, abs=1e-3)


def test_how_alike_identical_loops_are_is_told_by_all_rounds_of_a_loop_together():
    options = [an_option(f"option-{number}") for number in range(24)]
    run = a_run(*options)
    summary = summarise(run, trials_of(run, lambda name, lead: steps(STEP_US, lead=lead, cycles=3), noise=0.02))
    (floor,) = summary.noise_floors
    assert floor.blocks == BLOCKS
    assert floor.floor < 0.02  # by 24 pairs; a round alone would say some 0.03


def test_what_it_does_more_is_counted_exactly():
    counted = {"asked": counters(counts={"python_calls": 131, "syncs": 2}, at_events={"python_calls": 900, "ops": 100})}
    option = an_option(event="checkpoint", every=EVERY)
    price = price_of(option, made=lambda name, lead: steps(STEP_US, lead=lead), counted=counted)
    assert price.more == {"python_calls": 31, "syncs": 2}
    assert price.event_more == {"python_calls": 769}


def test_what_happens_at_the_end_of_an_epoch_is_counted_without_what_is_done_there_anyway():
    counted = {
        None: counters(at_events={"python_calls": 250, "ops": 60}),
        "asked": counters(at_events={"python_calls": 900, "ops": 60}),
    }
    price = price_of(
        an_option(event="log line", every="epoch"), made=lambda name, lead: steps(STEP_US, lead=lead), counted=counted
    )
    assert price.event_more == {"python_calls": 650}


def test_what_was_not_counted_is_told_and_no_less():
    blind = counters(python_calls=None).model_copy(update={"unavailable": {"python_calls": "a profiler of its own"}})
    price = price_of(an_option(), made=lambda name, lead: steps(STEP_US, lead=lead), counted={"asked": blind})
    assert price.more == {}
    assert price.uncounted == {"python_calls": "a profiler of its own"}


def test_an_event_is_told_apart_from_the_steps_between():
    option = an_option(event="checkpoint", every=EVERY)

    def made(name, lead):
        return steps(STEP_US + (50 if name else 0), event_us=9000 if name else 0, every=EVERY, lead=lead)

    price = price_of(option, made=made)
    assert price.event_us.low <= 9000 <= price.event_us.high
    assert price.share.value == pytest.approx(0.05, rel=0.02)


def test_an_event_at_the_end_of_an_epoch_is_told_without_what_an_epoch_costs_anyway():
    option = an_option(event="evaluation", every="epoch")

    def made(name, lead):
        return steps(STEP_US, epoch_end_us=EPOCH_END_US + (7000 if name else 0), lead=lead)

    price = price_of(option, made=made)
    assert price.event_us.value == pytest.approx(7000, rel=0.05)


def test_what_happens_once_at_the_start_is_told_by_how_much_later_the_first_step_ends():
    option = an_option(event="model summary", every="start")
    startup_ns = {None: 5_000_000, "asked": 25_000_000}
    price = price_of(option, made=lambda name, lead: steps(STEP_US, lead=lead), startup_ns=startup_ns)
    assert price.event_us.value == pytest.approx(20_000)


def test_an_option_that_cannot_be_had_says_why_and_has_no_price():
    price = price_of(an_option(missing="needs tensorboard: pip install tensorboard"), made=lambda *_: [])
    assert (price.step_us, price.reason) == (None, "needs tensorboard: pip install tensorboard")


def test_an_option_whose_trials_fail_says_how():
    run = a_run(an_option("fails"), an_option("works"))
    good = trials_of(run, lambda name, lead: steps(STEP_US, lead=lead))
    bad = [
        trial if trial.cell.option != "fails" else factories.trial(cell=trial.cell, status="failed", block=trial.block)
        for trial in good
    ]
    fails, works = summarise(run, bad).prices
    assert fails.reason == "the trial ended with status failed"
    assert fails.step_us is None
    assert works.step_us is not None


def test_a_list_says_nothing_of_functions_of_which_its_report_tells_none():
    run = a_run(an_option("costs"))
    function = FunctionCounts(file="fabric.py", function="log", line=1, python_calls=20, c_calls=0)
    dear = counters(counts={"python_calls": 120}, functions=[function])
    summary = summarise(run, trials_of(run, lambda name, lead: steps(STEP_US, lead=lead), counted={"costs": dear}))
    assert summary.prices[0].more == {"python_calls": 20}
    assert summary.attribution == []


@pytest.fixture(scope="module")
def of_a_script():
    return {price.cell.option: price for price in a_list_of_a_script().prices}


def test_what_a_script_saves_without_an_option_is_its_price_and_a_share_of_the_step_as_it_is(of_a_script):
    clipping = of_a_script["max-grad-norm"]
    assert clipping.share.value == pytest.approx(0.2, rel=0.02)
    assert clipping.share.low < clipping.share.value < clipping.share.high
    assert clipping.step_us.low <= 200 <= clipping.step_us.high
    assert clipping.more == {"python_calls": 40, "ops": 8}
    assert clipping.changes_arithmetic
    assert not clipping.is_noise
    assert of_a_script["callback-Mine"].is_noise


def test_an_event_of_a_script_is_told_by_the_same_steps_without_it(of_a_script):
    log_line = of_a_script["logging"].event_us
    assert log_line.low <= 900 <= log_line.high
    assert of_a_script["logging"].events_us_per_step == pytest.approx(900 / EVERY, rel=0.02)
    assert of_a_script["logging"].is_noise  # by a usual step, which has none
    assert of_a_script["checkpoint"].event_us is None


def test_counts_of_steps_that_differ_among_themselves_are_said_to_be_no_exact_ones(of_a_script):
    assert of_a_script["callback-Mine"].inexact == ["python_calls"]
    assert of_a_script["max-grad-norm"].inexact == []


def test_what_only_one_of_the_two_was_counted_for_is_no_difference():
    blind = counters(python_calls=None).model_copy(update={"unavailable": {"python_calls": "a profiler of its own"}})
    price = price_of(an_option(), made=lambda name, lead: steps(STEP_US, lead=lead), counted={None: blind})
    assert price.uncounted == {"python_calls": "a profiler of its own"}


def test_an_option_of_a_script_whose_state_is_unknown_is_told_and_not_priced(of_a_script):
    assert of_a_script["debug"].reason == "the release does not tell whether it is on"
    assert of_a_script["debug"].step_us is None
