"""Journals of before loops took turns stay readable: figures of trials that have one region each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bench.analyse.cells.rows.missing import (
    NO_BOUNDARY,
    NO_CLONE,
    NO_EVENTS,
    NO_SPREAD,
    NO_STEADY_STEP,
    NOT_COUNTED_THEN,
)
from bench.analyse.cells.rows.steps import COLLECTOR
from bench.plan.comparison_groups import planned_groups
from bench.records.schema import CellSummary, Estimate, Length, Run, Summary, Timing, Trial
from tests import factories
from tests.factories import CPU_MEMORY, cell, comparison, region, summarised, trial

LENGTH = Length(epochs=3, steps_per_epoch=4, warmup_steps=3)
STEPS_US = (9000, 9000, 10, 500, 20, 30, 40, 700, 50, 60, 70)
"""Two intervals of warm-up; of the nine in the region, 500 and 700 cross an epoch boundary."""
STEADY_US = (10, 20, 30, 40, 50, 60, 70)
REGION_S = 1480e-6


def clock(steps_us: Sequence[float], length: Length, **changes: Any) -> Timing:
    """The clock of a trial of so many steps, of which all after the warm-up are its region."""
    ticks = [round(us * 1e3) for us in steps_us]
    region_ns = sum(ticks[length.warmup_steps - 1 :])
    usual = {"step_ns": ticks, "region_ns": region_ns, "train_ns": 5_000_000 + sum(ticks)}
    return region().model_copy(update=usual | changes)


def regional(steps_us: Sequence[float] = STEPS_US, length: Length = LENGTH, **changes: Any) -> Trial:
    return trial(**{"length": length, "timing": clock(steps_us, length)} | changes)


def only(summary: Summary) -> CellSummary:
    (row,) = summary.cells
    return row


def value_of(estimate: Estimate | None) -> float:
    assert estimate is not None
    return estimate.value


def proven(*runners: str) -> list[Trial]:
    return [trial(runner, phase="equivalence", block=-1) for runner in runners]


def test_step_time_is_the_median_step_after_the_warm_up_within_epochs() -> None:
    row = only(summarised([regional()]))
    assert value_of(row.step_time_us) == pytest.approx(40)
    assert row.length == LENGTH


def test_throughput_is_samples_over_the_seconds_of_the_region() -> None:
    row = only(summarised([regional()]))
    assert value_of(row.samples_per_second) == pytest.approx(9 * 64 / REGION_S)


def test_throughput_counts_every_micro_batch() -> None:
    one = {"batch_size": 16, "grad_accumulation": 4}
    row = only(summarised([regional(cell=cell(**one))], comparisons=[comparison(**one)]))
    assert value_of(row.samples_per_second) == pytest.approx(9 * 64 / REGION_S)


def test_the_epoch_boundary_is_what_an_interval_across_it_costs_beyond_a_steady_step() -> None:
    assert value_of(only(summarised([regional()])).epoch_boundary_us) == pytest.approx(((500 - 40) + (700 - 40)) / 2)


def test_an_epoch_boundary_in_the_warm_up_does_not_count() -> None:
    longer = Length(epochs=3, steps_per_epoch=4, warmup_steps=5)
    assert value_of(only(summarised([regional(length=longer)])).epoch_boundary_us) == pytest.approx(700 - 45)


def test_an_epoch_boundary_that_costs_nothing_may_come_out_negative() -> None:
    row = only(summarised([regional((100, 100, 100, 98, 100, 100, 100, 98, 100, 100, 100))]))
    assert value_of(row.epoch_boundary_us) == pytest.approx(-2)


def test_percentiles_are_over_the_steady_steps_of_all_trials() -> None:
    row = only(summarised([regional(), regional([2 * us for us in STEPS_US], block=1)]))
    pooled = [*STEADY_US, *(2 * us for us in STEADY_US)]
    expected = np.percentile(pooled, [50, 95, 99])
    assert (row.step_p50_us, row.step_p95_us, row.step_p99_us) == pytest.approx(tuple(expected))


def test_the_trials_of_one_block_are_one_figure() -> None:
    trials = [
        trial(
            block=block,
            replicate=replicate,
            length=factories.REGION,
            timing=region(100 + block + (0, 0.5, 30)[replicate]),
        )
        for block in range(6)
        for replicate in range(3)
    ]
    row = only(summarised(trials))
    assert row.step_time_us is not None
    assert (row.blocks, row.trials) == (6, 18)
    assert (row.step_time_us.low, row.step_time_us.high) == pytest.approx((100.5, 105.5))
    assert row.run_to_run_cv == pytest.approx(np.std(np.arange(100.5, 106), ddof=1) / 103)


def test_an_accelerator_is_timed_over_the_synchronised_region_and_by_its_own_events() -> None:
    device_us = [9000, 9000, 110, 600, 120, 130, 140, 800, 150, 160, 170]
    ran_ahead = clock(STEPS_US, LENGTH, device_step_us=device_us, region_ns=1_800_000, train_ns=30_000_000)
    summary = summarised(
        [regional(cell=cell(device="cuda"), timing=ran_ahead)], comparisons=[comparison(device="cuda")]
    )
    row = only(summary)
    assert value_of(row.step_time_us) == pytest.approx(200)
    assert value_of(row.device_step_time_us) == pytest.approx(140)
    assert row.step_p50_us == pytest.approx(140)
    assert value_of(row.epoch_boundary_us) == pytest.approx(((600 - 140) + (800 - 140)) / 2)
    assert not any("contradict" in warning for warning in summary.warnings)


def test_a_ratio_is_of_the_middles_of_each_block() -> None:
    trials = [
        trial(runner, block=block, replicate=replicate, length=factories.REGION, timing=region(us * pace))
        for block, pace in enumerate((1.0, 3.0, 2.0, 5.0, 4.0, 6.0))
        for runner, each in (("pytorch", (90, 100, 130)), ("lightning", (150, 200, 140)))
        for replicate, us in enumerate(each)
    ]
    _, row = summarised([*proven("pytorch", "lightning"), *trials], "pytorch", "lightning").cells
    assert row.ratio is not None
    assert (row.ratio.value, row.ratio.low, row.ratio.high) == pytest.approx((1.5, 1.5, 1.5))
    assert row.overhead_us is not None
    assert (row.overhead_us.low, row.overhead_us.high) == pytest.approx((50, 300))


def test_what_was_not_looked_at_then_says_so() -> None:
    summary = summarised([regional()])
    row = only(summary)
    assert {row.unavailable[name] for name in COLLECTOR} == {NOT_COUNTED_THEN}
    assert row.unavailable["noise_floor"] == NO_CLONE
    assert summary.noise_floors == []


def test_reasons_are_specific() -> None:
    one_epoch = Length(epochs=1, steps_per_epoch=40, warmup_steps=5)
    row = only(summarised([regional([100] * 39, one_epoch)]))
    assert row.unavailable["epoch_boundary_us"] == NO_BOUNDARY
    assert row.unavailable["device_step_time_us"] == NO_EVENTS
    assert row.unavailable["run_to_run_cv"] == NO_SPREAD
    assert row.unavailable["device_memory_bytes.allocated"] == CPU_MEMORY
    steps = Length(epochs=11, steps_per_epoch=1, warmup_steps=2)
    assert only(summarised([regional([100] * 10, steps)])).unavailable["step_p50_us"] == NO_STEADY_STEP


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"region_ns": 30_000_000}, "its steps sum to 19.0 ms, but its region lasted 30.0 ms"),
        ({"train_ns": 18_000_000}, "its region lasted 19.0 ms, but all of it only 18.0 ms"),
        ({"train_ns": 1_600_000_000}, "it trained for 1600.0 ms, but the parent saw only 1500.0 ms"),
    ],
)
def test_clocks_that_contradict_each_other_are_told(changes: dict[str, int], expected: str) -> None:
    length = Length(epochs=1, steps_per_epoch=200, warmup_steps=10)
    bad = clock([100] * 199, length, **changes)
    summary = summarised([regional([100] * 199, length), regional(length=length, timing=bad, replicate=1)])
    prefix = "pytorch at batch 64 of mlp on cpu: 1 of 2 trials contradict themselves; in the last, "
    assert prefix + expected in summary.warnings


def test_clocks_may_differ_by_less_than_a_hundredth() -> None:
    length = Length(epochs=1, steps_per_epoch=200, warmup_steps=10)
    nearly = clock([100] * 199, length, region_ns=19_150_000)
    summary = summarised([regional(length=length, timing=nearly)])
    assert not any("contradict" in warning for warning in summary.warnings)


def test_a_region_far_longer_than_its_steps_is_told() -> None:
    """Of ends of epochs that cost as much as thirty steps; those of a usual region make it 1.06 times as long."""
    usual, long = (
        [trial(block=block, length=factories.REGION, timing=region(100, boundary_us=us)) for block in range(6)]
        for us in (400, 3000)
    )
    assert not any("all in all" in warning for warning in summarised(usual).warnings)
    (sentence,) = (warning for warning in summarised(long).warnings if "all in all" in warning)
    assert sentence.startswith(
        "pytorch at batch 64 of mlp on cpu: all in all it takes 2.2 times as long as its steps: "
    )


def test_the_settings_of_then_are_read_and_hold_every_release_against_the_anchor_by_itself() -> None:
    names = ("anchor", "1.0", "1.1", "1.2")
    planned = factories.run(runners=["hf-trainer"]).model_dump(mode="json")
    planned["settings"] |= {"design": "anchored", "environments": [{"name": n, "python": "python"} for n in names]}
    assert len(planned_groups(Run.model_validate(planned).settings)) == 1
    del planned["settings"]["turns_s"]
    planned["settings"] |= {"trials_per_block": 3, "region_s": 0.25}
    old = planned_groups(Run.model_validate(planned).settings)
    assert [[cell.environment for cell in planned.cells] for planned in old] == [["anchor", n] for n in names[1:]]
