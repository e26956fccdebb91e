"""Which figures the blocks have part in that a run adds for some of its loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.analyse.summary import summarise
from bench.analyse.verdicts.compare import Stored, compare
from tests.factories import LENGTH, run, timed, timing, trial

if TYPE_CHECKING:
    from bench.records.schema import Estimate, Run, Timing, Trial


def proven(*runners: str) -> list[Trial]:
    return [trial(runner, phase="equivalence", block=-1) for runner in runners]


def value_of(estimate: Estimate | None) -> float:
    assert estimate is not None
    return estimate.value


def with_target(*runners: str, blocks: int) -> Run:
    planned = run(runners=runners, blocks=blocks)
    return planned.model_copy(update={"settings": planned.settings.model_copy(update={"target_ci": 0.02})})


THREE = with_target("pytorch", "floor", "fabric", blocks=2)


def added(blocks: int) -> list[Trial]:
    """Two blocks of three loops, and as many more as make `blocks`, on a slower machine, of two of them."""
    trials = proven("pytorch", "floor", "fabric")
    for block in range(blocks):
        slower = 1.0 if block < 2 else 1.5
        trials += [
            trial("pytorch", block=block, step_us=200 * slower),
            trial("floor", block=block, step_us=100 * slower),
        ]
        trials += [trial("fabric", block=block, step_us=250)] if block < 2 else []
    return trials


def test_added_blocks_are_for_ratios_alone_and_rows_stay_comparable() -> None:
    pytorch, floor, fabric = summarise(THREE, added(blocks=10)).cells
    assert [value_of(cell.step_time_us) for cell in (pytorch, floor, fabric)] == pytest.approx([200, 100, 250])
    assert floor.samples_per_second == summarise(THREE, added(blocks=2)).cells[1].samples_per_second
    assert (pytorch.blocks, floor.blocks, fabric.blocks) == (10, 10, 2)
    assert floor.ratio is not None
    assert floor.ratio.low == pytest.approx(0.5)  # ten pairs have an interval
    assert fabric.ratio is not None
    assert fabric.ratio.low is None


def uneven(slower: float) -> Timing:
    """Six epochs of steps of 100 µs, in which an end costs 1 ms and three collections 20 µs each, or so many times."""
    collected = {place: int(20_000 * slower) for place in (2, 52, 102)}
    ends = [1000.0 * slower if (LENGTH.warmup_steps + place) % LENGTH.steps_per_epoch == 0 else 0.0 for place in STEPS]
    clock = timing([100.0 + ends[place] + collected.get(place, 0) / 1e3 for place in STEPS])
    assert clock.turns is not None
    return clock.model_copy(update={"turns": clock.turns.model_copy(update={"pauses_ns": collected})})


STEPS = range(606)


def test_what_epochs_and_collections_cost_in_added_blocks_is_in_no_row() -> None:
    trials = [
        trial.model_copy(update={"timing": uneven(1.0 if trial.block < 2 else 10.0)})
        if trial.phase == "timing"
        else trial
        for trial in added(blocks=10)
    ]
    rows = summarise(THREE, trials).cells
    assert [row.blocks for row in rows] == [10, 10, 2]
    for row in rows:
        assert value_of(row.epoch_boundary_us) == pytest.approx(1000)
        assert row.collector_us_per_step == pytest.approx(20 * 3 / 606)
        assert value_of(row.samples_per_second) == pytest.approx(64 / (100 + 1000 / 101 + 60 / 606) * 1e6)


def test_a_comparison_of_two_runs_has_the_step_times_of_their_reports() -> None:
    run_with_added = Stored(folder="results/a", run=THREE, trials=added(blocks=10))
    verdicts = compare(run_with_added, run_with_added, margin=0.03, fail_on=["time"]).of([None])
    (control,) = [
        verdict for verdict in verdicts if (verdict.cell.runner, verdict.metric) == ("pytorch", "step_time_us")
    ]
    assert (control.baseline, control.candidate) == pytest.approx((200, 200))


def test_blocks_that_are_added_for_every_loop_count_in_all_figures() -> None:
    trials = [*proven("pytorch"), *timed("pytorch", [100, 200, 400])]
    (cells,) = summarise(with_target("pytorch", blocks=1), trials).cells
    assert value_of(cells.step_time_us) == pytest.approx(200)
