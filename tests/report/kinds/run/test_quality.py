from __future__ import annotations

from bench.records.schema import Equivalence, NoiseFloor, Summary
from bench.report.document.groups import groups
from bench.report.kinds.run import proof, quality, report
from bench.report.media import markdown
from tests import factories
from tests.report.rows import baseline, different, estimate, failed, row, summary_of


def test_all_bitwise() -> None:
    cells = [cell for size in (8, 64) for cell in (baseline(batch_size=size), row(batch_size=size))]
    cells += [row("lightning", batch_size=size) for size in (8, 64)]
    first, method, detail = proof.equivalence(summary_of(*cells))
    assert first == "All 2 runners are bitwise equal to the hand-written loop, in every cell (4)."
    assert "same initial weights on the same samples in the same order" in method
    assert "SHA-256 of the final weights" in method
    assert "a framework that shuffles wrongly goes unnoticed" in method
    assert detail == "In 4 of 4 cells: all 48 losses and the final weights equal those of pytorch."


def test_of_a_cell_that_failed_nothing_is_proven_and_that_is_said() -> None:
    cells = [baseline(), row(), baseline(batch_size=8), failed("hf-trainer", batch_size=8)]
    assert proof.equivalence(summary_of(*cells))[0] == (
        "hf-trainer is bitwise equal to the hand-written loop, in every cell that has figures (1); nothing is proven "
        "of hf-trainer at batch 8 of mlp on cpu, without figures."
    )
    first = proof.equivalence(summary_of(baseline(), different(), failed("lightning")))[0]
    assert first.endswith(
        "different (fabric); nothing is proven of lightning at batch 64 of mlp on cpu, without figures."
    )


def test_that_the_loader_s_workers_have_memory_of_their_own_is_said_where_there_are_some() -> None:
    apart = "host MB is the training process's: what its loader workers take is not in it."
    with_workers = [baseline(workers=2), row(workers=2)]
    assert apart in markdown.written(report.document(summary_of(*with_workers), "results/a"))
    assert apart not in markdown.written(report.document(summary_of(baseline(), row()), "results/a"))


def test_one_runner_is_named() -> None:
    assert proof.equivalence(summary_of(baseline(), row()))[0] == (
        "hf-trainer is bitwise equal to the hand-written loop, in every cell (1)."
    )


def test_a_runner_counts_by_its_worst_cell_and_the_cell_is_named() -> None:
    close = Equivalence(verdict="close", detail="largest relative difference 3e-07", largest_relative_difference=3e-7)
    cells = [baseline(), row(), different(), row("fabric", batch_size=8), row("lightning", equivalence=close)]
    first, _, detail, *exceptions = proof.equivalence(summary_of(*cells))
    assert first == (
        "Of 3 runners compared with the hand-written loop: 1 bitwise equal (hf-trainer); "
        "1 close, the same up to rounding (lightning); 1 different (fabric)."
    )
    assert detail.startswith("In 2 of 4 cells: ")
    assert exceptions == [
        "fabric at batch 64 of mlp on cpu is different, so it gets no ratio: loss of micro-step 2: 0.69 against 0.7.",
        "lightning at batch 64 of mlp on cpu is close: largest relative difference 3e-07.",
    ]


def test_for_which_ratios_blocks_were_added_and_which_stayed_wide() -> None:
    cells = [
        baseline(blocks=12),
        row(ratio=estimate(2.0, 1.98, 2.02), blocks=9),
        row("lightning", ratio=estimate(1.7, 1.6, 1.8), blocks=12),
        row("floor", ratio=estimate(0.5, 0.499, 0.501), blocks=8),
    ]
    summary = summary_of(*cells)
    assert quality.added_blocks(summary) == []
    settings = summary.run.settings.model_copy(update={"blocks": 8, "target_ci": 0.02})
    summary = summary.model_copy(update={"run": summary.run.model_copy(update={"settings": settings})})
    assert quality.added_blocks(summary) == [
        "Extra blocks were run for ratios whose CI was wider than ±2.0 % after 8: lightning at batch 64 of mlp on cpu "
        "(12 blocks) and hf-trainer at batch 64 of mlp on cpu (9 blocks).",
        "Still wider than ±2.0 % at the end: lightning at batch 64 of mlp on cpu (±6.1 %).",
    ]
    assert report.setting(summary).endswith(": 4 cells in 8 blocks, and in up to 12 where a ratio needed more.")


def test_of_many_wide_ratios_the_widest_are_named() -> None:
    many = [row(ratio=estimate(1.0, 1 / (1 + n / 100), 1 + n / 100), batch_size=n) for n in range(3, 9)]
    summary = summary_of(baseline(), *many)
    settings = summary.run.settings.model_copy(update={"target_ci": 0.02})
    (sentences,) = quality.added_blocks(
        summary.model_copy(update={"run": summary.run.model_copy(update={"settings": settings})})
    )
    assert sentences == (
        "Still wider than ±2.0 % at the end: hf-trainer at batch 8 of mlp on cpu (±8.0 %), hf-trainer "
        "at batch 7 of mlp on cpu (±7.0 %), hf-trainer at batch 6 of mlp on cpu (±6.0 %) and 3 more."
    )


def test_with_nothing_compared_nothing_is_proven() -> None:
    assert proof.equivalence(summary_of(baseline(), failed())) == [
        "No runner could be compared with the hand-written loop, so equivalence is unverified and no ratios are shown."
    ]


def test_what_can_be_resolved() -> None:
    cells = [
        baseline(),
        row(ratio=estimate(2.0, 1.98, 2.02)),
        row("lightning", ratio=estimate(1.7, 1.6, 1.8), run_to_run_cv=0.05),
    ]
    spread, smallest = quality.resolvable(summary_of(*cells))
    assert spread == (
        "From block to block a cell's step time varies by 1.2 % (coefficient of variation; median of 3 cells), "
        "at worst 5.0 %: lightning at batch 64 of mlp on cpu."
    )
    # sqrt(2.02 / 1.98) - 1 = 1.0 %, sqrt(1.8 / 1.6) - 1 = 6.1 %; their median is 3.5 %
    assert smallest == (
        "The smallest difference in step time that shows is 3.5 % (half the interval's width; median of 2 ratios), "
        "at worst 6.1 %: lightning at batch 64 of mlp on cpu."
    )


def test_one_block_resolves_nothing() -> None:
    assert quality.resolvable(summary_of(row(ratio=estimate(1.9), run_to_run_cv=None))) == [
        "How much step times vary from block to block is unknown, since that takes two blocks.",
        "No ratio has an interval, because the blocks are too few: ask for more with --blocks.",
    ]


def floor_of(batch_size: int, value: float, low: float | None, high: float | None, floor: float | None) -> NoiseFloor:
    comparison = factories.comparison(batch_size=batch_size)
    ratio = estimate(value, low, high)
    return NoiseFloor(comparison=comparison, runner="pytorch", ratio=ratio, blocks=10, floor=floor)


def with_floors(summary: Summary, *floors: NoiseFloor) -> Summary:
    return summary.model_copy(update={"noise_floors": list(floors)})


def test_how_far_to_trust_a_run_is_one_line_with_the_worst_of_each() -> None:
    cells = [cell for size in (8, 64) for cell in (baseline(batch_size=size), row(batch_size=size))]
    cells.append(row("lightning", ratio=estimate(1.7, 1.6, 1.8)))
    gist = "pytorch at batch 8 of mlp on cpu: 3 blocks"
    made = summary_of(*cells, warnings=[f"{gist}, but a 95 % interval needs 6", "another"])
    floors = floor_of(8, 1.0, 0.998, 1.003, 0.003), floor_of(64, 1.001, 0.99, 1.012, 0.012)
    assert quality.quality(with_floors(made.model_copy(update={"first_warning": gist}), *floors)) == [
        "How far to trust it: noise floor 1.2 % (pytorch against its own clone at batch 64, the worst of 2); widest "
        "ratio ±6.1 % (lightning at batch 64 of mlp on cpu); 2 warnings, the first: "
        "pytorch at batch 8 of mlp on cpu: 3 blocks."
    ]


def test_a_run_without_a_clone_has_no_such_line() -> None:
    assert quality.quality(summary_of(baseline(), row())) == []


def test_too_few_blocks_for_a_noise_floor_say_so() -> None:
    (line,) = quality.quality(with_floors(summary_of(baseline()), floor_of(64, 1.0, None, None, None)))
    assert line == ("How far to trust it: no noise floor is known, because the blocks are too few; no warnings.")


def test_a_clone_that_differs_from_the_loop_that_it_is_a_clone_of_is_told() -> None:
    summary = with_floors(summary_of(baseline(), row()), floor_of(64, 1.02, 1.01, 1.03, 0.03))
    _, sentence = quality.quality(summary)
    assert sentence == (
        "The clone of pytorch at batch 64 takes 1.02 [1.01, 1.03] times as long as the loop that it is a clone of: "
        "smaller differences than that are noise."
    )


def test_the_noise_floors_of_a_group_are_of_its_comparisons_alone() -> None:
    cells = [cell for size in (8, 64) for cell in (baseline(batch_size=size), row(batch_size=size))]
    floors = [floor_of(size, 1.0, 0.99, 1.01, 0.01) for size in (8, 64, 512)]
    summary = with_floors(summary_of(*cells), *floors)
    (group,) = groups(summary)
    assert quality.noise_floors(summary, group) == [
        "Noise floor, the baseline's own clone over it: 1.00 [0.99, 1.01] at batch 8 and 1.00 [0.99, 1.01] at batch 64."
    ]
    assert quality.noise_floors(with_floors(summary), group) == []
