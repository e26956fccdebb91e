from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

from bench.analyse.cells.rows.missing import NO_BOUNDARY, NO_CLONE, NO_EVENTS, NO_SPREAD, NO_STEADY_STEP, NOT_ALONE
from bench.analyse.summary import summarise
from bench.records.schema import (
    CellSummary,
    Collector,
    DeviceMemory,
    Estimate,
    EvaluationTime,
    Length,
    Phase,
    Phases,
    Summary,
)
from tests.factories import (
    CPU_MEMORY,
    LENGTH,
    REGION,
    STEP_US,
    TURN,
    cell,
    comparison,
    fingerprint,
    interpreter,
    journal,
    memory,
    region,
    run,
    summarised,
    timed,
    timing,
    trial,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Trial

SHORT_EPOCHS = Length(epochs=1000, steps_per_epoch=3, warmup_steps=10)
"""So short that their ends cannot be told from the steps between them: a stride is an epoch."""
AT_AN_END = LENGTH.model_copy(update={"warmup_steps": 98})
"""Of which the first six timed steps are the last three of an epoch and the first three of the next."""


CLONE = cell().model_copy(update={"clone": True})


def turns(*steps_us: float) -> list[float]:
    """A turn for each, whose kept steps take so long, the cold ones ten times as long."""
    return [us for step_us in steps_us for us in [10 * step_us] * TURN.cold_steps + [step_us] * TURN.kept_steps]


def only(summary: Summary) -> CellSummary:
    (row,) = summary.cells
    return row


def proven(*runners: str) -> list[Trial]:
    return [trial(runner, phase="equivalence", block=-1) for runner in runners]


def value_of(estimate: Estimate | None) -> float:
    assert estimate is not None
    return estimate.value


# Figures of a cell


def test_step_time_is_the_middle_of_the_turns_without_their_cold_steps() -> None:
    row = only(summarised([trial(step_us=turns(10, 20, 40, 50, 60))]))
    assert value_of(row.step_time_us) == pytest.approx(40)
    assert row.length == LENGTH


def test_steps_that_alternate_are_timed_in_twos() -> None:
    row = only(summarised([trial(step_us=[900, 900, 300, 500, 300, 500] * 5)]))
    assert value_of(row.step_time_us) == pytest.approx(400)


def test_throughput_is_samples_over_the_mean_of_all_kept_steps() -> None:
    row = only(summarised([trial(step_us=turns(10, 20, 40, 50, 60))]))
    assert value_of(row.samples_per_second) == pytest.approx(64 / 36e-6)


def test_throughput_counts_every_micro_batch() -> None:
    one = {"batch_size": 16, "grad_accumulation": 4}
    row = only(summarised([trial(cell=cell(**one), step_us=100)], comparisons=[comparison(**one)]))
    assert value_of(row.samples_per_second) == pytest.approx(64 / 100e-6)


def test_an_epoch_costs_what_the_steps_around_its_end_take_beyond_the_others() -> None:
    # Kept are steps 87 to 90 of an epoch, 93 to 96, 99, 100, 0 and 1, and 4 to 7 after its end; and so on.
    steps = np.full(606, 100.0)  # six epochs: each place falls on a kept step in four of them
    in_epoch = (LENGTH.warmup_steps + np.arange(606)) % LENGTH.steps_per_epoch
    steps[in_epoch == 0] += 900.0
    steps[in_epoch == 100] -= 30.0
    steps[in_epoch == 3] += 12.0
    row = only(summarised([trial(step_us=list(steps))]))
    assert value_of(row.step_time_us) == pytest.approx(100)
    assert value_of(row.epoch_boundary_us) == pytest.approx(900 - 30 + 12)
    assert value_of(row.samples_per_second) == pytest.approx(64 / (100 + 882 / 101) * 1e6)


@pytest.mark.parametrize(
    ("costs_us", "is_known"), [((900, 910, 890, 905, 895, 900), True), ((9, -8, 7, -9, 8, -7), False)]
)
def test_what_an_epoch_costs_has_an_interval_over_blocks(costs_us: tuple[float, ...], is_known: bool) -> None:
    def of_block(cost_us: float) -> list[float]:
        steps = np.full(606, 100.0)
        steps[(LENGTH.warmup_steps + np.arange(606)) % LENGTH.steps_per_epoch == 0] += cost_us
        return list(steps)

    trials = [trial(block=block, step_us=of_block(cost_us)) for block, cost_us in enumerate(costs_us)]
    cost = only(summarised(trials)).epoch_boundary_us
    assert cost is not None
    assert cost.value == pytest.approx(np.mean(costs_us))
    assert cost.low is not None
    assert cost.high is not None
    # The places are the same in all blocks here, so that a pseudo-value is what its block says.
    assert (cost.low, cost.high) == pytest.approx((min(costs_us), max(costs_us)))
    assert (cost.low > 0) is is_known


def test_what_an_epoch_costs_may_come_out_negative() -> None:
    steps = np.full(606, 100.0)
    steps[(LENGTH.warmup_steps + np.arange(606)) % LENGTH.steps_per_epoch == 0] -= 2.0
    assert value_of(only(summarised([trial(step_us=list(steps))])).epoch_boundary_us) == pytest.approx(-2)


def test_percentiles_are_over_the_kept_steady_steps_of_all_trials() -> None:
    turns_us = (10, 20, 40, 50, 60)
    row = only(summarised(timed("pytorch", [turns(*turns_us), turns(*(2 * us for us in turns_us))])))
    expected = np.percentile([us for turn in turns_us for us in [turn] * 4 + [2 * turn] * 4], [50, 95, 99])
    assert (row.step_p50_us, row.step_p95_us, row.step_p99_us) == pytest.approx(tuple(expected))


def test_an_accelerator_is_timed_by_its_own_events() -> None:
    ran_ahead = timing([20.0] * 30, device="cuda", device_step_us=turns(100, 110, 140, 120, 130))
    summary = summarised([trial(cell=cell(device="cuda"), timing=ran_ahead)], comparisons=[comparison(device="cuda")])
    row = only(summary)
    assert value_of(row.step_time_us) == value_of(row.device_step_time_us) == pytest.approx(120)
    assert row.step_p50_us == pytest.approx(120)
    assert not any("contradict" in warning for warning in summary.warnings)


def test_energy_is_of_all_samples_of_the_turns() -> None:
    used = timing(100, device="cuda", energy_j=6.0)  # ten turns of six steps
    row = only(summarised([trial(cell=cell(device="cuda"), timing=used)], comparisons=[comparison(device="cuda")]))
    assert row.joules_per_1000_samples == pytest.approx(6.0 / (60 * 64) * 1000)


# Python's collector


def collected(
    step_us: float, pauses_us: dict[int, float], *, block: int = 0, told_by_itself: Collector | None = None
) -> Trial:
    """Ten turns of six steps, some of which the collector pauses."""
    plain = timing(step_us)
    assert plain.turns is not None
    steps_ns = [ns + round(1e3 * pauses_us.get(place, 0)) for place, ns in enumerate(plain.step_ns)]
    pauses_ns = {place: round(1e3 * us) for place, us in pauses_us.items()}
    paused = plain.turns.model_copy(update={"pauses_ns": pauses_ns})
    changed = {"step_ns": steps_ns, "turns": paused, "collector": told_by_itself}
    return trial(block=block, timing=plain.model_copy(update=changed))


def test_what_the_collector_pauses_is_told_by_itself_and_part_of_the_throughput_alone() -> None:
    pauses = {2: 4000.0, 14: 6000.0, 26: 5000.0}
    row = only(summarised([collected(100, pauses), collected(100, {}, block=1)]))
    assert value_of(row.step_time_us) == pytest.approx(100)
    assert row.collector_pauses_per_1000_steps == pytest.approx(1000 * 3 / 120)
    assert row.collector_pause_us == pytest.approx(5000)
    assert row.collector_us_per_step == pytest.approx(5000 * 3 / 120)
    assert value_of(row.samples_per_second) == pytest.approx(64 / (100 + 5000 * 3 / 120) * 1e6)
    assert row.step_p99_us == pytest.approx(np.percentile([100] * 77 + [4100, 5100, 6100], 99))


def test_how_often_the_collector_pauses_is_told_by_what_survived_and_not_by_how_many_pauses_a_trial_had() -> None:
    had_one = collected(100, {2: 4000.0}, told_by_itself=Collector(full_due=0.2, full_ns=[4_000_000]))
    had_none = collected(100, {}, block=1, told_by_itself=Collector(full_due=0.4, full_ns=[6_000_000]))
    row = only(summarised([had_one, had_none]))
    apart = (60 / 0.2 + 60 / 0.4) / 2  # steps from one to the next, on average
    assert row.collector_pauses_per_1000_steps == pytest.approx(1000 / apart)
    assert row.collector_pause_us == pytest.approx(5000)
    assert row.collector_us_per_step == pytest.approx(5000 / apart)
    assert value_of(row.samples_per_second) == pytest.approx(64 / (100 + 5000 / apart) * 1e6)


def test_pauses_too_rare_to_be_seen_cost_nothing_and_how_rare_they_are_is_told() -> None:
    row = only(summarised([collected(100, {}, told_by_itself=Collector(full_due=0.001))]))
    assert row.collector_us_per_step == 0
    assert row.collector_pauses_per_1000_steps == pytest.approx(1 / 60)
    assert row.unavailable["collector_pause_us"] == "a full collection is so rare that none was seen"


def test_collections_that_leave_out_what_was_imported_are_not_told() -> None:
    hidden = collected(100, {2: 4000.0}).model_copy(update={"interpreter": interpreter(hides_imports=True)})
    row = only(summarised([hidden]))
    assert row.collector_us_per_step is None
    assert row.unavailable["collector_us_per_step"] == "full collections of a price list leave out what was imported"
    assert value_of(row.step_time_us) == pytest.approx(100)
    assert value_of(row.samples_per_second) == pytest.approx(64 / 100e-6)


def test_without_a_pause_it_costs_nothing_and_how_long_one_is_cannot_be_told() -> None:
    row = only(summarised([trial()]))
    assert (row.collector_us_per_step, row.collector_pauses_per_1000_steps, row.collector_pause_us) == (0, 0, None)
    assert row.unavailable["collector_pause_us"] == "a full collection is so rare that none was seen"


# The trials of a block


def test_a_block_that_was_measured_twice_because_the_run_was_killed_counts_once() -> None:
    """The last time, for all of its trials: those of the first met no moment of it."""
    killed = [trial(step_us=900), trial("lightning", step_us=100)]
    trials = [*killed, *timed("pytorch", [100.0, 200.0]), *timed("lightning", [150.0, 300.0])]
    pytorch, lightning = summarised([*proven("pytorch", "lightning"), *trials], "pytorch", "lightning").cells
    assert (pytorch.blocks, pytorch.trials, lightning.trials) == (2, 2, 2)
    assert value_of(pytorch.step_time_us) == pytest.approx(np.sqrt(100 * 200))
    assert value_of(lightning.ratio) == pytest.approx(1.5)


def test_a_trial_that_fails_when_its_block_is_measured_again_has_no_pair_in_it() -> None:
    killed = [trial(step_us=100), trial("lightning", step_us=900)]
    again = [trial(step_us=100), trial("lightning", status="timeout")]
    trials = [*killed, *again, trial(block=1, step_us=100), trial("lightning", block=1, step_us=150)]
    _, lightning = summarised([*proven("pytorch", "lightning"), *trials], "pytorch", "lightning").cells
    assert (lightning.blocks, lightning.failed_trials) == (1, 1)
    assert value_of(lightning.ratio) == pytest.approx(1.5)


def test_a_trial_with_fewer_turns_is_paired_over_those_that_both_had() -> None:
    weather = [1.0, 3.0, 2.0, 5.0, 4.0, 6.0]
    trials = [
        trial(step_us=turns(*(100 * each for each in weather))),
        trial("lightning", step_us=turns(*(150 * each for each in weather[:3]))),
    ]
    _, row = summarised([*proven("pytorch", "lightning"), *trials], "pytorch", "lightning").cells
    assert value_of(row.ratio) == pytest.approx(1.5)
    assert value_of(row.overhead_us) == pytest.approx(50 * 2)


def test_a_turn_at_an_epoch_s_end_is_no_pair() -> None:
    """The hand-written loop's first turn lies at one: the first turn of the other has none to meet."""
    trials = [
        trial(step_us=turns(9000, 100, 200, 100), length=AT_AN_END),
        trial("lightning", step_us=turns(100, 150, 300, 150)),
    ]
    _, row = summarised([*proven("pytorch", "lightning"), *trials], "pytorch", "lightning").cells
    assert value_of(row.ratio) == pytest.approx(1.5)


def test_start_up_runs_to_the_first_tick() -> None:
    assert value_of(only(summarised([trial()])).startup_s) == pytest.approx(0.005)


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


def test_import_time_is_that_of_each_kind_of_machine() -> None:
    kinds = {"H100": 1.0, "A100": 3.0}
    trials = [
        trial(cell=cell(accelerator_type=kind), node=kind, interpreter=interpreter(pid=1, import_s=import_s))
        for kind, import_s in kinds.items()
    ]
    summary = summarised(trials, comparisons=[comparison(accelerator_type=kind) for kind in kinds])
    assert {row.accelerator_type: row.import_s for row in summary.cells} == kinds


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
    summary = summarise(
        planned := run(comparisons=[small, large], runners=["lightning", "pytorch"], blocks=6),
        list(reversed(journal(planned, step_us={"pytorch": 100, "lightning": 200}, spread=0))),
    )
    rows = [(row.batch_size, row.runner) for row in summary.cells]
    assert rows == [(8, "lightning"), (8, "pytorch"), (512, "lightning"), (512, "pytorch")]
    assert [value_of(row.ratio) for row in summary.cells] == pytest.approx([2, 1, 2, 1], rel=0.01)
    assert [cell.equivalence.verdict for cell in summary.cells] == ["bitwise", "baseline"] * 2


# The baseline against itself


def cloned(ratios: Sequence[float], **changes: Any) -> list[Trial]:
    """Blocks of the hand-written loop beside its clone, which takes so many times as long."""
    return [
        *proven("pytorch", "lightning"),
        *timed("pytorch", [100.0] * len(ratios)),
        *timed("lightning", [150.0] * len(ratios)),
        *timed("pytorch", [100.0 * ratio for ratio in ratios], cell=CLONE, **changes),
    ]


RATIOS = (1.004, 0.99, 1.003, 1.001, 0.998, 1.002)


def test_the_noise_floor_is_the_farther_bound_of_the_clone_over_the_baseline() -> None:
    summary = summarised(cloned(RATIOS), "pytorch", "lightning")
    (floor,) = summary.noise_floors
    assert (floor.comparison, floor.runner, floor.blocks) == (comparison(), "pytorch", 6)
    assert (floor.ratio.low, floor.ratio.high) == pytest.approx((0.99, 1.004), rel=1e-4)
    assert floor.floor == pytest.approx(1 / 0.99 - 1, rel=1e-2)
    assert [row.noise_floor for row in summary.cells] == [floor.floor] * 2


def test_a_clone_has_no_row_and_is_in_none() -> None:
    plain = summarised([each for each in cloned(RATIOS) if not each.cell.clone], "pytorch", "lightning")
    summary = summarised(cloned([7.0] * 6), "pytorch", "lightning")
    assert plain.noise_floors == []
    apart = {"noise_floor": None, "unavailable": {}}
    assert [row.model_copy(update=apart) for row in summary.cells] == [
        row.model_copy(update=apart) for row in plain.cells
    ]


def test_few_blocks_have_no_noise_floor_and_a_clone_that_never_met_the_baseline_no_ratio() -> None:
    (few,) = summarised(cloned(RATIOS[:5]), "pytorch", "lightning").noise_floors
    assert (few.floor, few.blocks) == (None, 5)
    assert few.ratio.value == pytest.approx(1.001, rel=2e-3)
    apart = [each for each in cloned(RATIOS) if each.cell.clone or each.cell.runner != "pytorch" or each.block < 0]
    assert summarised(apart, "pytorch", "lightning").noise_floors == []


def test_every_comparison_has_a_noise_floor_of_its_own() -> None:
    small, large = comparison(batch_size=8), comparison(batch_size=512)
    planned = run(comparisons=[small, large], runners=["pytorch"], blocks=6)
    summary = summarise(planned, journal(planned))
    assert [floor.comparison for floor in summary.noise_floors] == [small, large]
    assert [row.noise_floor for row in summary.cells] == [floor.floor for floor in summary.noise_floors]


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
        [*proven("pytorch"), *timed("pytorch", [100.0] * 6), trial(cell=CLONE)],
        [*proven("pytorch"), *timed("pytorch", [100.0] * 6), *timed("pytorch", [100.0] * 6, cell=CLONE)],
        [trial(step_us=100, length=SHORT_EPOCHS)],
        [trial(step_us=turns(100), length=AT_AN_END)],
        [trial(length=REGION, timing=region())],
    ],
)
def test_every_missing_figure_says_why(trials: list[Trial]) -> None:
    row = only(summarised(trials))
    assert set(row.unavailable) == absent(row)
    assert all(row.unavailable.values())


def test_reasons_are_specific() -> None:
    few = only(summarised([trial()]))
    assert few.unavailable["epoch_boundary_us"] == NO_BOUNDARY
    assert few.unavailable["device_step_time_us"] == NO_EVENTS
    assert few.unavailable["run_to_run_cv"] == NO_SPREAD
    assert few.unavailable["device_memory_bytes.allocated"] == CPU_MEMORY
    assert few.unavailable["noise_floor"] == NO_CLONE
    end = only(summarised([trial(step_us=turns(100), length=AT_AN_END)]))
    assert {end.unavailable[name] for name in ("step_time_us", "step_p50_us", "samples_per_second")} == {NO_STEADY_STEP}
    on_cuda = trial(cell=cell(device="cuda"), timing=timing(turns(100), device="cuda"), length=AT_AN_END)
    end = only(summarised([on_cuda], comparisons=[comparison(device="cuda")]))
    assert {end.unavailable[name] for name in ("step_time_us", "device_step_time_us")} == {NO_STEADY_STEP}
    cloned = only(summarised([trial(), trial(cell=CLONE)]))
    assert cloned.unavailable["noise_floor"] == "the interval of the baseline's clone takes 6 blocks"


def test_a_cell_that_only_failed_has_the_status_and_reason_of_its_last_failure() -> None:
    trials = [trial(status="timeout", reason="too long"), trial(block=1, status="oom", reason="out of memory")]
    row = only(summarised(trials))
    assert (row.status, row.reason) == ("oom", "out of memory")
    assert (row.blocks, row.trials, row.failed_trials) == (0, 2, 2)
    assert row.unavailable["step_time_us"] == "out of memory"


def test_a_cell_that_failed_now_and_then_keeps_its_figures_and_counts_the_failures() -> None:
    summary = summarised([trial(step_us=100), trial(block=1, status="killed", reason="signal 9")])
    row = only(summary)
    assert (row.status, row.reason) == ("ok", "signal 9")
    assert (row.blocks, row.trials, row.failed_trials) == (1, 2, 1)
    assert value_of(row.step_time_us) == pytest.approx(100)
    assert "pytorch at batch 64 of mlp on cpu: 1 of 2 trials failed, the last with: signal 9" in summary.warnings


def test_a_cell_of_the_plan_without_a_trial_is_a_row() -> None:
    _, row = summarised([trial()], "pytorch", "lightning").cells
    assert (row.runner, row.status, row.reason) == ("lightning", "not-run", "the run ended before its turn")
    assert row.equivalence.verdict == "unproven"


def test_a_pilot_is_no_evidence() -> None:
    row = only(summarised([trial(phase="pilot")]))
    assert (row.status, row.trials) == ("not-run", 0)


THREE_STEPS = Length(epochs=1, steps_per_epoch=3, warmup_steps=1)


def of_phases(ns: int) -> Phases:
    intervals = {phase: [100, 100] for phase in get_args(Phase)}
    return Phases(phase_ns=intervals, evaluation_ns=[0, ns], functions=[])


def test_evaluation_is_told_of_all_timed_steps_and_of_those_split_into_phases_only_where_none_was_timed() -> None:
    looks = [EvaluationTime(ns=ns, of_ns=40_000, steps=20) for ns in (0, 8_000)]
    times = [trial(block=block, timing=timing(evaluation=look)) for block, look in enumerate(looks)]
    split = trial(phase="phases", timing=None, phases=of_phases(1_000), length=THREE_STEPS)
    (cell_of_timed,) = summarised([split, *times]).cells
    (cell_of_split,) = summarised([split]).cells
    rest = [
        (each.evaluation_us, each.evaluation_share, each.evaluation_steps) for each in (cell_of_timed, cell_of_split)
    ]
    assert rest == [(0.2, 0.1, 40), (0.5, 0.5, 2)]


def test_a_runner_never_evaluates() -> None:
    (row,) = summarised([trial()]).cells
    assert row.evaluation_us is None


def test_a_trial_that_was_lost_before_its_first_turn_has_no_pair_and_stops_no_report():
    loops = ("pytorch", "hf-trainer")
    proofs = [trial(runner, phase="equivalence") for runner in loops]
    summary = summarised([*proofs, trial(step_us=turns(10)), trial("hf-trainer", step_us=[])], *loops)
    assert [cell.ratio and cell.ratio.value for cell in summary.cells] == [1, None]
