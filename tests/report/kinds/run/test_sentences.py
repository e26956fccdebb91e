from __future__ import annotations

import pytest

from bench.records.schema import CellSummary
from bench.report.document.groups import cell_names, groups
from bench.report.kinds.run import sentences
from tests.report.rows import baseline, different, estimate, failed, floor, row, summary_of


def answers(*cells: CellSummary) -> list[str]:
    return sentences.answers(groups(summary_of(*cells))[0])


def test_a_slower_loop() -> None:
    assert sentences.answer(row()) == (
        "hf-trainer: 94 k samples/s at batch 64, 1.88\N{MULTIPLICATION SIGN} the step time of the hand-written loop, "
        "+318 µs per step [312, 325]. Under 1 % once your own step takes longer than 32 ms."
    )


def test_the_hand_written_loop() -> None:
    assert sentences.answer(baseline()) == (
        "pytorch: 176 k samples/s at batch 64, 363 µs per step; this is the hand-written loop, the baseline."
    )


def test_of_a_script_whose_samples_are_unknown_the_step_time_is_told_and_not_counts() -> None:
    cells = [cell.model_copy(update={"samples_per_second": None}) for cell in (baseline(), row())]
    assert [text.partition(": ")[2] for text in answers(*cells)] == [
        "363 µs per step; this is the hand-written loop, the baseline.",
        "681 µs per step, 1.88\N{MULTIPLICATION SIGN} the step time of the hand-written loop, "
        "+318 µs per step [312, 325]. Under 1 % once your own step takes longer than 32 ms.",
    ]


def test_a_script_has_no_workload_to_name() -> None:
    place = {"workload": "script", "batch_size": 0}
    cells = [baseline(**place), failed(**place)]
    assert [name for _, name in cell_names(summary_of(*cells))] == ["pytorch on cpu", "lightning on cpu"]


def test_a_faster_loop_has_no_threshold() -> None:
    faster = row(ratio=estimate(0.95, 0.94, 0.96), overhead_us=estimate(-18, -20, -16))
    assert sentences.answer(faster) == (
        "hf-trainer: 94 k samples/s at batch 64, 0.95\N{MULTIPLICATION SIGN} the step time of the hand-written loop, "
        "−18.0 µs per step [−20.0, −16.0]."
    )


def test_the_floor_is_introduced() -> None:
    assert sentences.answer(floor()).startswith(
        "floor (no loader, batches already on the device: nothing but arithmetic): 94 k samples/s at batch 64, 0.72"
    )


def test_no_difference_is_said_in_words() -> None:
    same = row(ratio=estimate(1.004, 0.991, 1.018), overhead_us=estimate(1.5, -3, 6))
    assert sentences.answer(same) == (
        "hf-trainer: 94 k samples/s at batch 64, no difference from the hand-written loop that this run can detect "
        "(ratio of step times 1.00 [0.99, 1.02])."
    )


def test_an_overhead_that_may_be_nothing_is_left_out() -> None:
    barely = row(ratio=estimate(1.02, 1.01, 1.03), overhead_us=estimate(7, -1, 12))
    assert sentences.answer(barely) == (
        "hf-trainer: 94 k samples/s at batch 64, 1.02\N{MULTIPLICATION SIGN} the step time of the hand-written loop."
    )


def test_too_few_blocks_for_an_interval() -> None:
    assert sentences.answer(row(ratio=estimate(1.876), overhead_us=estimate(318.2), blocks=3)) == (
        "hf-trainer: 94 k samples/s at batch 64, 1.88\N{MULTIPLICATION SIGN} the step time of the hand-written loop, "
        "about +318 µs per step; too few blocks (3) for an interval, so this may be chance."
    )


def test_a_loop_that_is_not_equal_gets_no_ratio() -> None:
    assert sentences.answer(different()) == (
        "fabric: 94 k samples/s at batch 64, but no ratio, because it is not proven to do the same arithmetic "
        "(different: loss of micro-step 2: 0.69 against 0.7)."
    )


def test_a_ratio_beside_a_failed_proof_is_still_not_told() -> None:
    opening = sentences.answer(different(ratio=estimate(1.876, 1.855, 1.899)))
    assert "1.88" not in opening
    assert "no ratio" in opening


def test_a_missing_ratio_says_why() -> None:
    lonely = row(ratio=None, unavailable={"ratio": "pytorch has no step times"})
    assert sentences.answer(lonely) == (
        "hf-trainer: 94 k samples/s at batch 64, but no ratio: pytorch has no step times."
    )


def test_a_failed_loop_says_why() -> None:
    assert sentences.answer(failed()) == (
        "lightning: no figures at batch 64, out of memory: OutOfMemoryError: tried to allocate 2 GiB."
    )


@pytest.mark.parametrize(
    ("batch_sizes", "opening"),
    [
        ([64], "mlp on cpu, at batch 64:"),
        ([8, 2048], "mlp on cpu, at batch 8, the smaller of 8 and 2,048:"),
        ([512, 8, 32], "mlp on cpu, at batch 32, the middle of 8, 32 and 512:"),
        ([1, 2, 4, 8], "mlp on cpu, at batch 2, the middle of 1, 2, 4 and 8:"),
    ],
)
def test_the_representative_batch_size_is_the_middle_one(batch_sizes: list[int], opening: str) -> None:
    group = groups(summary_of(*(row(batch_size=size) for size in batch_sizes)))[0]
    assert sentences.representative(group) == opening


def test_one_sentence_a_runner_in_the_order_of_the_command() -> None:
    cells = [cell for size in (8, 64, 512) for cell in (row(batch_size=size), baseline(batch_size=size))]
    lines = answers(*cells)
    assert [sentence.partition(":")[0] for sentence in lines] == ["hf-trainer", "pytorch"]
    assert all("at batch 64" in sentence for sentence in lines)


def test_groups_are_named_by_what_differs() -> None:
    cells = [row(precision=precision, workers=2) for precision in ("fp32", "bf16")]
    assert [group.title for group in groups(summary_of(*cells))] == ["mlp on cpu, fp32", "mlp on cpu, bf16"]


def test_failures_name_the_cell_or_the_whole_runner() -> None:
    cells = [
        *(row(batch_size=size) for size in (8, 64)),
        row("lightning", batch_size=8),
        failed(batch_size=64),
        *(failed("accelerate", "missing", batch_size=size) for size in (8, 64)),
    ]
    assert sentences.failures(summary_of(*cells)) == [
        "No figures from 3 of 6 cells: lightning at batch 64 of mlp on cpu (out of memory) "
        "and all of accelerate (not installed)."
    ]
    assert sentences.failures(summary_of(row())) == []


def test_many_failures_are_counted() -> None:
    cells = [row("lightning", batch_size=1), *(failed(batch_size=size) for size in range(2, 10))]
    (lines,) = sentences.failures(summary_of(*cells))
    assert lines.startswith("No figures from 8 of 9 cells: lightning at batch 2 of mlp on cpu (out of memory), ")
    assert lines.endswith(", lightning at batch 6 of mlp on cpu (out of memory) and 3 more.")


def test_the_share_of_arithmetic() -> None:
    group = groups(summary_of(baseline(), row(), different(), floor()))[0]
    assert sentences.arithmetic(group) == (
        "mlp on cpu, batch 64: the arithmetic alone takes 262 µs per step, "
        "which is 72 % of pytorch's and 38 % of hf-trainer's step."
    )


@pytest.mark.parametrize("without", [[], [failed("floor")], [different("floor")]])
def test_without_a_proven_floor_the_share_is_unknown(without: list[CellSummary]) -> None:
    group = groups(summary_of(baseline(floor_ratio=None), *without))[0]
    assert sentences.arithmetic(group) == (
        "mlp on cpu, batch 64: unknown, because this run has no figures of the runner called floor "
        "that are proven equal."
    )
