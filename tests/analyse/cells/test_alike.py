"""What two scripts are said to have done alike, and what explains it where they did not: known truths, real scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bench.analyse.cells.alike import changed_defaults, compare
from bench.analyse.cells.differences import Pair
from bench.analyse.cells.explanations import explanations
from bench.records.schema import Alikeness, ScriptFingerprint
from tests.measure.witnessed import fingerprints, request

LOOP = "loop.py"
EXPLAINED = {
    # What the other script is given, the first step that differs, and the first reason.
    "--freeze": (1, "trainable parameters: 49 in 4 tensors in a, 9 in 2 tensors in b"),
    "--dtype bfloat16": (1, "dtype of trainable parameters: float32 in a, bfloat16 in b"),
    "--seed 5": (
        1, "initial weights differ, though their shapes are the same: another seed, or another way to make them"
    ),
    "--optimizer SGD": (1, "optimizer: AdamW in a, SGD in b"),
    "--weight-decay 0.1": (1, "weight_decay of AdamW: 0.01 in a, 0.1 in b"),
    "--samples 40": (1, "samples of the dataset: 32 in a, 40 in b"),
    "--batch-size 4": (1, "batch size: 8 in a, 4 in b"),
    "--shuffle-seed 9": (1, "order of samples differs from batch 1 on: [13, 14, 10, …] in a, [30, 18, 4, …] in b"),
    "--data-seed 9": (
        1,
        "samples differ from batch 1 on: sample 13 has other values in b "
        "(other data, another collation or a random transform)",
    ),
    "--same-order-each-epoch": (
        5,
        "order of samples differs from batch 5 on: the second epoch of b repeats the order of its first, "
        "that of a does not",
    ),
    "--shuffle-seed 9 --same-order-each-epoch": (
        1,
        "order of samples differs from batch 1 on: [13, 14, 10, …] in a, [30, 18, 4, …] in b; "
        "the second epoch of b repeats the order of its first, that of a does not",
    ),
    "--reduction sum": (
        1,
        "loss scaling: 8 times as large in b (loss: 0.535787 in a, 4.2863 in b, from the same weights and samples): "
        "one of the two sums over the 8 samples of a batch, the other averages",
    ),
    "--weighed": (
        1,
        "loss: 0.535787 in a, 0.806962 in b, from the same weights and samples: another loss, or 1.5061 times the "
        "scale of it in b",
    ),
    "--accumulation 2": (1, "gradient accumulation (backward passes per step): 1 in a, 2 in b"),
    "--lr 0.02": (1, "learning rate of step 1: 0.01 in a, 0.02 in b"),
    "--gamma 0.5": (2, "learning rate of step 2: 0.01 in a, 0.005 in b, the same until then: another schedule"),
    "--clip 0.01": (1, "gradient clipping: none in a, norm 0.01 in b"),
    "--autocast": (1, "autocast: off in a, bfloat16 in b"),
    "--dropout 0.5": (1, "dropout: off in a, 0.5 in b"),
    "--keep-gradients": (
        2,
        "norm of the gradients of step 2: 2.2924 in a, 4.38511 in b, from the same loss: "
        "kept from the step before, or changed by the script",
    ),
    "--epochs 1": (None, "steps before the script ended or was ended: 6 in a, 4 in b"),
}  # fmt: skip
OF_MICRO_BATCHES = "loop.py --accumulation 2", "loop.py --accumulation 2 --undivided"
WEIGHED = "loop.py --accumulation 2", "loop.py --accumulation 2 --weighed"
DRAWS = "loop.py --dropout 0.3", "loop.py --dropout 0.3 --draw"
CUT_OTHERWISE = "loop.py", "loop.py --batch-size 4 --accumulation 2"
SAME = ("--workers 2", "--evaluate", "--checkpoint", "--compile", "--scaler 1024", "--catch-all", "--clip 1000")
STYLES = ("hand", "trainer", "lightning", "accelerate")
FROM_THE_CLOCK, UNSEEDED = "loop.py --from-the-clock", "loop.py --unseeded"
NAMES = ("a", "b")
FIGURE = re.compile(r"\d+\.\d+")


def assert_says(sentence: str, expected: str) -> None:
    """The words are these and so are the figures, but for the last digits of a loss: processors round unlike."""
    assert FIGURE.sub("#", sentence) == FIGURE.sub("#", expected)
    figures, expected_figures = (list(map(float, FIGURE.findall(text))) for text in (sentence, expected))
    assert figures == pytest.approx(expected_figures, rel=1e-5)


@pytest.fixture(scope="module")
def seen() -> dict[str, ScriptFingerprint]:
    pairs = [*OF_MICRO_BATCHES, *WEIGHED, *DRAWS, *CUT_OTHERWISE, FROM_THE_CLOCK, UNSEEDED, "loop.py --diverge"]
    styles = [f"styles.py {style}" for style in STYLES] + ["styles.py hand --fused", "styles.py trainer --fused"]
    styles += ["styles.py hand --lr 0.02"]
    options = [f"loop.py {option}" for option in [*EXPLAINED, *SAME]]
    commands = list(dict.fromkeys([*pairs, *options, *styles, "loop.py --dtype bfloat16 --fused --checkpoint"]))
    return dict(zip(commands, fingerprints(*map(request, commands)), strict=True))


def compared(seen: dict[str, ScriptFingerprint], one: str, two: str, **again: Any) -> Alikeness:
    return compare(seen[one], seen[two], names=NAMES, **again)


@pytest.mark.parametrize("option", EXPLAINED)
def test_what_differs_is_named_with_both_values(seen, option):
    first_step, reason = EXPLAINED[option]
    alikeness = compared(seen, LOOP, f"loop.py {option}")
    assert_says(alikeness.reasons[0], reason)
    assert (alikeness.verdict, alikeness.first_step, alikeness.proven) == ("different", first_step, False)
    assert alikeness.detail.endswith(alikeness.reasons[0])


def test_of_several_optimizers_it_is_said_whose_rate_and_whose_turn_differs(seen):
    loop = seen[LOOP]
    turns = [step.model_copy(update={"optimizer": place % 2}) for place, step in enumerate(loop.steps)]
    gan = loop.model_copy(update={"optimizers": loop.optimizers * 2, "steps": turns})

    def differing(place: int, **step: Any) -> list[str]:
        steps = [*turns[:place], turns[place].model_copy(update=step), *turns[place + 1 :]]
        pair = Pair(baseline=gan, other=gan.model_copy(update={"steps": steps}), names=NAMES)
        return [difference.sentence for difference in explanations(pair)]

    assert differing(1, learning_rates=[0.5]) == [
        "learning rate of optimizer 2 of 2 (AdamW) at step 2: 0.01 in a, 0.5 in b"
    ]
    assert differing(3, learning_rates=[0.5])[0].endswith("0.5 in b, the same until then: another schedule")
    assert differing(3, optimizer=0) == ["which optimizer makes step 4: 2 of 2 (AdamW) in a, 1 of 2 (AdamW) in b"]


def test_a_loss_that_is_nearly_the_same_is_another_one(seen):
    loop = seen[LOOP]
    steps = [s.model_copy(update={"losses": [s.losses[0] * 1.0004]}) for s in loop.steps]
    alikeness = compare(loop, loop.model_copy(update={"steps": steps}), names=NAMES)
    assert alikeness.verdict == "different"
    assert alikeness.reasons == ["the first loss is another one, of the same weights and samples"]


def test_where_they_part_both_losses_are_given(seen):
    losses, *_ = compared(seen, LOOP, "loop.py --seed 5").detail.partition("; initial weights")
    assert_says(losses, "step 1 is the first that differs: loss: 0.535787046 in a, 0.103306212 in b")
    detail = compared(seen, LOOP, "loop.py --lr 0.02").detail
    assert detail.startswith(
        "step 1 is the first that differs: the loss is the same, the parameters after it are not; learning"
    )


@pytest.mark.parametrize("option", ["--weighed", "--reduction sum"])
def test_losses_that_explain_a_difference_are_given_once(seen, option):
    alikeness = compared(seen, LOOP, f"loop.py {option}")
    assert alikeness.detail == f"step 1 is the first that differs; {alikeness.reasons[0]}"


def test_what_changes_the_rounding_alone_comes_last(seen):
    alikeness = compared(seen, "styles.py hand --fused", "styles.py hand --lr 0.02")
    assert alikeness.reasons == [
        "learning rate of step 1: 0.01 in a, 0.02 in b",
        "fused of AdamW: True in a, False in b",
    ]


def test_nothing_is_named_that_does_not_differ(seen):
    assert compared(seen, LOOP, "loop.py --freeze").reasons[1:] == ["trained in a alone: first.weight, first.bias"]
    assert len(compared(seen, LOOP, "loop.py --lr 0.02").reasons) == 1


@pytest.mark.parametrize("option", SAME)
def test_what_does_not_touch_the_arithmetic_is_equal_to_the_last_bit(seen, option):
    alikeness = compared(seen, LOOP, f"loop.py {option}")
    assert alikeness.detail == "all 6 steps are equal to the last bit, their losses and the trained parameters"
    assert (alikeness.verdict, alikeness.proven, alikeness.reasons) == ("bitwise", True, [])


@pytest.mark.parametrize("style", STYLES[1:])
def test_the_same_training_in_another_style_is_equal_to_the_last_bit(seen, style):
    assert compared(seen, "styles.py hand", f"styles.py {style}").verdict == "bitwise"


def test_the_trainers_fused_optimizer_is_that_of_the_loop_by_hand(seen):
    assert compared(seen, "styles.py hand --fused", "styles.py trainer --fused").verdict == "bitwise"


def test_what_changes_the_rounding_alone_is_close_and_named(seen):
    alikeness = compared(seen, "styles.py hand", "styles.py trainer --fused")
    assert (alikeness.verdict, alikeness.proven) == ("close", True)
    assert alikeness.reasons == ["fused of AdamW: False in a, True in b"]
    assert alikeness.largest_relative_difference < 1e-6
    assert alikeness.detail.startswith("largest relative difference |a - b| / max(|a|, |b|) of a step's loss ")


def test_batches_that_are_cut_into_micro_batches_are_close(seen):
    alikeness = compared(seen, *CUT_OTHERWISE)
    assert alikeness.verdict == "close"
    assert alikeness.reasons == [
        "batch size: 8 in a, 4 in b",
        "gradient accumulation (backward passes per step): 1 in a, 2 in b",
    ]


def test_a_loss_that_is_not_divided_by_its_micro_batches_is_named(seen):
    (reason,) = compared(seen, *OF_MICRO_BATCHES).reasons
    assert_says(
        reason,
        "loss scaling: 2 times as large in b (loss: 0.267894 in a, 0.535787 in b, from the same weights and samples): "
        "one of the two does not divide by its 2 micro-batches",
    )


def test_micro_batches_that_weigh_otherwise_are_named(seen):
    (reason,) = compared(seen, *WEIGHED).reasons
    assert_says(
        reason,
        "loss scaling: micro-batches weigh 1.506 to 1.938 times as much in b "
        "(loss: 0.267894 in a, 0.403481 in b, from the same weights and samples)",
    )


def test_dropout_that_draws_other_numbers_is_named(seen):
    assert compared(seen, *DRAWS).reasons == [
        "random numbers: before the first forward of step 1 torch's generator is in another state, "
        "and dropout (0.3) draws from it"
    ]


def test_close_losses_of_other_training_are_no_proof(seen):
    # A learning rate this small hardly moves the loss, and the parameters have moved a tenth farther.
    slow, faster = fingerprints(*(request(f"loop.py --optimizer SGD --lr {lr}") for lr in ("1e-7", "1.1e-7")))
    alikeness = compare(slow, faster)
    assert alikeness.largest_relative_difference < 1e-6
    assert alikeness.verdict == "different"
    hidden = faster.model_copy(
        update={"steps": [s.model_copy(update={"learning_rates": [1e-7]}) for s in faster.steps]}
    )
    assert compare(slow, hidden).verdict == "different"


def test_a_limit_that_no_gradient_reached_is_no_reason(seen):
    assert compared(seen, "loop.py --clip 1000", "loop.py --lr 0.02").reasons == [
        "learning rate of step 1: 0.01 in a, 0.02 in b"
    ]


def test_a_script_that_differs_from_run_to_run_proves_nothing(seen):
    (second,) = fingerprints(request(FROM_THE_CLOCK))
    alikeness = compared(seen, FROM_THE_CLOCK, LOOP, again=(second, None))
    assert (alikeness.verdict, alikeness.proven) == ("unproven", False)
    assert alikeness.detail == "a is not reproducible, so that nothing can be proven of it"
    (warning,) = alikeness.warnings
    assert warning.startswith(
        "a is not reproducible, though it was seeded: two runs of it differ from step 1 on (initial"
    )


def test_a_script_without_a_seed_is_said_to_have_none_and_compared_all_the_same(seen):
    (second,) = fingerprints(request(UNSEEDED, seed=1))
    alikeness = compared(seen, UNSEEDED, UNSEEDED, again=(second, second))
    assert alikeness.verdict == "bitwise"
    assert alikeness.warnings[0] == (
        "a is not reproducible by itself: it leaves random numbers unseeded, "
        "and is compared with seeds that looptax sets"
    )


def test_a_script_that_is_reproducible_is_not_warned_of(seen):
    (second,) = fingerprints(request(LOOP, seed=1))
    assert compared(seen, LOOP, LOOP, again=(second, second)).warnings == []


def test_losses_that_are_no_numbers_prove_nothing(seen):
    alikeness = compared(seen, LOOP, "loop.py --diverge")
    assert alikeness.verdict == "unproven"
    assert alikeness.detail == "the losses of b are not all finite (nan in step 1), which proves nothing"


def test_a_script_that_ended_early_is_told_of(seen):
    assert compared(seen, LOOP, "loop.py --epochs 1").warnings == ["b: the script ended by itself after 4 of 6 steps"]


def test_changed_defaults_are_told_where_objects_show_them(seen):
    assert changed_defaults(seen[LOOP], seen["loop.py --dtype bfloat16 --fused --checkpoint"]) == [
        "dtype of trainable parameters: float32 in baseline, bfloat16 in candidate",
        "fused of AdamW: None in baseline, True in candidate",
        "gradient checkpointing: off in baseline, on in candidate",
    ]
    assert changed_defaults(seen[LOOP], seen["loop.py --workers 2"]) == [
        "workers of the loader: 0 in baseline, 2 in candidate"
    ]
    assert changed_defaults(seen[LOOP], seen["loop.py --seed 5"]) == []


def test_another_attention_is_a_changed_default(seen):
    model = seen[LOOP].models[0]
    one, two = (
        seen[LOOP].model_copy(update={"models": [model.model_copy(update={"attention": attention})]})
        for attention in ("eager", "sdpa")
    )
    assert changed_defaults(one, two) == ["attention: eager in baseline, sdpa in candidate"]
