from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.analyse.comparison import summarise
from bench.analyse.rows import NO_BOUNDARY, NO_EVENTS, NO_SPREAD, NO_STEADY_STEP, NOT_ALONE
from bench.records.schema import CellSummary, DeviceMemory, Estimate, Length, Summary
from tests.factories import (
    CPU_MEMORY,
    STEP_US,
    cell,
    comparison,
    fingerprint,
    interpreter,
    journal,
    memory,
    run,
    summarised,
    timed,
    timing,
    trial,
)

if TYPE_CHECKING:
    from bench.records.schema import Trial

LENGTH = Length(epochs=3, steps_per_epoch=4, warmup_steps=3)
STEPS_US = (9000, 9000, 10, 500, 20, 30, 40, 700, 50, 60, 70)
"""Two intervals of warm-up; of the nine in the region, 500 and 700 cross an epoch boundary."""
STEADY_US = (10, 20, 30, 40, 50, 60, 70)
REGION_S = 1480e-6


def only(summary: Summary) -> CellSummary:
    (row,) = summary.cells
    return row


def proven(*runners: str) -> list[Trial]:
    return [trial(runner, phase="equivalence", block=-1) for runner in runners]


def value_of(estimate: Estimate | None) -> float:
    assert estimate is not None
    return estimate.value


# Figures of a cell


def test_step_time_is_the_median_step_after_the_warm_up_within_epochs() -> None:
    row = only(summarised([trial(step_us=STEPS_US, length=LENGTH)]))
    assert value_of(row.step_time_us) == pytest.approx(40)
    assert row.length == LENGTH


def test_throughput_is_samples_over_the_seconds_of_the_region() -> None:
    row = only(summarised([trial(step_us=STEPS_US, length=LENGTH)]))
    assert value_of(row.samples_per_second) == pytest.approx(9 * 64 / REGION_S)


def test_throughput_counts_every_micro_batch() -> None:
    one = comparison(batch_size=16, grad_accumulation=4)
    trials = [trial(cell=cell(batch_size=16, grad_accumulation=4), step_us=STEPS_US, length=LENGTH)]
    row = only(summarised(trials, comparisons=[one]))
    assert value_of(row.samples_per_second) == pytest.approx(9 * 64 / REGION_S)


def test_the_epoch_boundary_is_what_an_interval_across_it_costs_beyond_a_steady_step() -> None:
    row = only(summarised([trial(step_us=STEPS_US, length=LENGTH)]))
    assert value_of(row.epoch_boundary_us) == pytest.approx(((500 - 40) + (700 - 40)) / 2)


def test_an_epoch_boundary_in_the_warm_up_does_not_count() -> None:
    longer = Length(epochs=3, steps_per_epoch=4, warmup_steps=5)
    row = only(summarised([trial(step_us=STEPS_US, length=longer)]))
    assert value_of(row.epoch_boundary_us) == pytest.approx(700 - 45)


def test_an_epoch_boundary_that_costs_nothing_may_come_out_negative() -> None:
    row = only(summarised([trial(step_us=(100, 100, 100, 98, 100, 100, 100, 98, 100, 100, 100), length=LENGTH)]))
    assert value_of(row.epoch_boundary_us) == pytest.approx(-2)


def test_percentiles_are_over_the_steady_steps_of_all_trials() -> None:
    slower = tuple(2 * us for us in STEPS_US)
    row = only(summarised(timed("pytorch", [STEPS_US, slower], length=LENGTH)))
    pooled = [*STEADY_US, *(2 * us for us in STEADY_US)]
    expected = np.percentile(pooled, [50, 95, 99])
    assert (row.step_p50_us, row.step_p95_us, row.step_p99_us) == pytest.approx(tuple(expected))


def test_trials_of_one_block_are_one_figure() -> None:
    trials = [
        trial(block=block, replicate=replicate, step_us=100 + block + (0, 0.5, 30)[replicate])
        for block in range(6)
        for replicate in range(3)
    ]
    row = only(summarised(trials))
    assert row.step_time_us is not None
    assert (row.blocks, row.trials) == (6, 18)
    assert (row.step_time_us.low, row.step_time_us.high) == pytest.approx((100.5, 105.5))
    assert row.run_to_run_cv == pytest.approx(np.std(np.arange(100.5, 106), ddof=1) / 103)


def test_start_up_runs_to_the_first_tick() -> None:
    assert value_of(only(summarised([trial()])).startup_s) == pytest.approx(0.005)


def test_an_accelerator_is_timed_over_the_synchronised_region_and_by_its_own_events() -> None:
    where = cell(device="cuda")
    device_us = [9000, 9000, 110, 600, 120, 130, 140, 800, 150, 160, 170]
    ran_ahead = timing(STEPS_US, length=LENGTH, device="cuda", device_step_us=device_us, region_ns=1_800_000)
    ran_ahead = ran_ahead.model_copy(update={"train_ns": 30_000_000})
    found = summarised([trial(cell=where, length=LENGTH, timing=ran_ahead)], comparisons=[comparison(device="cuda")])
    row = only(found)
    assert value_of(row.step_time_us) == pytest.approx(200)
    assert value_of(row.device_step_time_us) == pytest.approx(140)
    assert row.step_p50_us == pytest.approx(140)
    assert value_of(row.epoch_boundary_us) == pytest.approx(((600 - 140) + (800 - 140)) / 2)
    assert not any("contradict" in warning for warning in found.warnings)


def test_memory_is_the_median_over_blocks() -> None:
    peaks = [
        memory(
            "cuda",
            device_allocated_bytes=mb,
            device_process_bytes=None,
            unavailable={"device_process_bytes": "no NVML"},
        )
        for mb in (10, 30, 20)
    ]
    trials = [
        trial(cell=cell(device="cuda"), block=block, timing=timing(device="cuda", memory=peak))
        for block, peak in enumerate(peaks)
    ]
    row = only(summarised(trials, comparisons=[comparison(device="cuda")]))
    assert row.device_memory_bytes == DeviceMemory(allocated=20, reserved=23_000_000, process=None)
    assert row.unavailable["device_memory_bytes.process"] == "no NVML"
    assert row.host_rss_bytes == 320_000_000


def test_import_time_is_of_distinct_interpreters_that_imported_alone() -> None:
    interpreters = [
        interpreter(pid=1, import_s=1.0, import_rss_bytes=100),
        interpreter(pid=1, import_s=1.0, import_rss_bytes=100),
        interpreter(pid=1, import_s=1.0, import_rss_bytes=100),
        interpreter(pid=2, import_s=2.0, import_rss_bytes=200),
        interpreter(pid=3, import_s=9.0, import_rss_bytes=300, alone=False),
    ]
    row = only(summarised([trial(interpreter=each) for each in interpreters]))
    assert row.import_s == 1.5
    assert row.import_rss_bytes == 200
    shared = only(summarised([trial(interpreter=interpreter(alone=False))]))
    assert shared.import_s is None
    assert shared.unavailable["import_s"] == NOT_ALONE


# Figures against another runner


def test_ratio_and_overhead_are_from_pairs_inside_a_block() -> None:
    weather = np.array([1.0, 3.0, 2.0, 5.0, 4.0, 6.0])
    trials = [
        *proven("pytorch", "lightning", "floor"),
        *timed("pytorch", 100 * weather),
        *timed("lightning", 150 * weather),
        *timed("floor", 50 * weather),
    ]
    baseline, row, floor = summarised(trials, "pytorch", "lightning", "floor").cells
    assert row.ratio is not None
    assert (row.ratio.value, row.ratio.low, row.ratio.high) == pytest.approx((1.5, 1.5, 1.5))
    assert row.overhead_us is not None
    assert (row.overhead_us.low, row.overhead_us.high) == pytest.approx((50, 300))
    assert value_of(row.floor_ratio) == pytest.approx(3)
    assert value_of(floor.ratio) == pytest.approx(0.5)
    assert (value_of(baseline.ratio), value_of(baseline.overhead_us)) == (1, 0)


def test_a_loop_that_did_other_arithmetic_has_times_but_no_ratio() -> None:
    other = trial("lightning", phase="equivalence", fingerprint=fingerprint(losses=[0.7, 0.5, 0.3]))
    trials = [*proven("pytorch", "floor"), other, *(t for r in STEP_US for t in timed(r, [100.0] * 6))]
    _, row, _ = summarised(trials, "pytorch", "lightning", "floor").cells
    assert value_of(row.step_time_us) == pytest.approx(100)
    assert (row.equivalence.verdict, row.ratio, row.overhead_us, row.floor_ratio) == ("different", None, None, None)
    expected = (
        "lightning is not proven to do the arithmetic of pytorch: loss of micro-step 2: 0.5 against 0.6931471824645996"
    )
    assert {row.unavailable[figure] for figure in ("ratio", "overhead_us", "floor_ratio")} == {expected}


def test_a_floor_that_did_other_arithmetic_is_no_floor() -> None:
    other = trial("floor", phase="equivalence", fingerprint=fingerprint(weights_sha256="b2" * 32))
    trials = [*proven("pytorch"), other, *timed("pytorch", [100.0]), *timed("floor", [50.0])]
    row, _ = summarised(trials, "pytorch", "floor").cells
    expected = "floor is not proven to do the arithmetic of pytorch: losses equal, weights not"
    assert row.unavailable["floor_ratio"] == expected


def test_a_ratio_needs_its_partner_in_the_run_and_in_the_block() -> None:
    trials = [*proven("pytorch", "lightning"), trial(block=0), trial("lightning", block=1)]
    _, row = summarised(trials, "pytorch", "lightning").cells
    assert row.unavailable["ratio"] == "no block has step times of both lightning and pytorch"
    assert row.unavailable["floor_ratio"] == "floor is not in this run"
    alone = only(summarised([*proven("lightning"), trial("lightning")], "lightning"))
    assert alone.unavailable["ratio"] == "pytorch is not in this run"
    assert (
        alone.equivalence.detail
        == "nothing to compare with, pytorch has no fingerprint: there was no equivalence trial"
    )


def test_a_resumed_run_is_judged_by_the_equivalence_trial_that_went_well() -> None:
    failed = trial(phase="equivalence", status="killed")
    assert only(summarised([failed, *proven("pytorch")])).equivalence.verdict == "baseline"
    assert only(summarised([*proven("pytorch"), failed])).equivalence.verdict == "baseline"


def test_comparisons_are_never_mixed() -> None:
    small, large = comparison(batch_size=8), comparison(batch_size=512)
    found = summarise(
        planned := run(comparisons=[small, large], runners=["lightning", "pytorch"], blocks=6),
        list(reversed(journal(planned, step_us={"pytorch": 100, "lightning": 200}, spread=0))),
    )
    rows = [(row.batch_size, row.runner) for row in found.cells]
    assert rows == [(8, "lightning"), (8, "pytorch"), (512, "lightning"), (512, "pytorch")]
    assert [value_of(row.ratio) for row in found.cells] == pytest.approx([2, 1, 2, 1], rel=0.01)
    assert [cell.equivalence.verdict for cell in found.cells] == ["bitwise", "baseline"] * 2


# Missing figures


def absent(row: CellSummary) -> set[str]:
    """Every figure of the row that is None, by the name that `unavailable` has for it."""
    fields = set(CellSummary.model_fields) - set(row.cell.model_dump()) - {"reason", "length", "unavailable"}
    device = {f"device_memory_bytes.{kind}" for kind, peak in row.device_memory_bytes if peak is None}
    return {field for field in fields if getattr(row, field) is None} | device


@pytest.mark.parametrize(
    "trials",
    [
        [],
        [trial(status="oom", interpreter=None)],
        [*proven("pytorch"), trial()],
        [trial(step_us=STEPS_US, length=LENGTH)],
        [trial(step_us=[100] * 10, length=Length(epochs=11, steps_per_epoch=1, warmup_steps=2))],
    ],
)
def test_every_missing_figure_says_why(trials: list[Trial]) -> None:
    row = only(summarised(trials))
    assert set(row.unavailable) == absent(row)
    assert all(row.unavailable.values())


def test_reasons_are_specific() -> None:
    one_epoch = only(summarised([trial(length=Length(epochs=1, steps_per_epoch=40, warmup_steps=5))]))
    assert one_epoch.unavailable["epoch_boundary_us"] == NO_BOUNDARY
    assert one_epoch.unavailable["device_step_time_us"] == NO_EVENTS
    assert one_epoch.unavailable["run_to_run_cv"] == NO_SPREAD
    assert one_epoch.unavailable["device_memory_bytes.allocated"] == CPU_MEMORY
    steps = Length(epochs=11, steps_per_epoch=1, warmup_steps=2)
    assert only(summarised([trial(step_us=[100] * 10, length=steps)])).unavailable["step_p50_us"] == NO_STEADY_STEP


def test_a_cell_that_only_failed_has_the_status_and_reason_of_its_last_failure() -> None:
    trials = [trial(status="timeout", reason="too long"), trial(block=1, status="oom", reason="out of memory")]
    row = only(summarised(trials))
    assert (row.status, row.reason) == ("oom", "out of memory")
    assert (row.blocks, row.trials, row.failed_trials) == (0, 2, 2)
    assert row.unavailable["step_time_us"] == "out of memory"


def test_a_cell_that_failed_now_and_then_keeps_its_figures_and_counts_the_failures() -> None:
    found = summarised([trial(step_us=100), trial(block=1, status="killed", reason="signal 9")])
    row = only(found)
    assert (row.status, row.reason) == ("ok", "signal 9")
    assert (row.blocks, row.trials, row.failed_trials) == (1, 2, 1)
    assert value_of(row.step_time_us) == pytest.approx(100)
    assert "pytorch at batch 64 of mlp on cpu: 1 of 2 trials failed, the last with: signal 9" in found.warnings


def test_a_cell_of_the_plan_without_a_trial_is_a_row() -> None:
    _, row = summarised([trial()], "pytorch", "lightning").cells
    assert (row.runner, row.status, row.reason) == ("lightning", "not-run", "the run ended before its turn")
    assert row.equivalence.verdict == "unproven"


def test_a_pilot_is_no_evidence() -> None:
    row = only(summarised([trial(phase="pilot")]))
    assert (row.status, row.trials) == ("not-run", 0)
