"""What `python -m studies.evidence` makes of figures: effects that are planted are reported, and nothing else."""

import gc
import re
from argparse import Namespace
from itertools import islice
from math import exp, log

import numpy as np
import pytest
from torch.optim.optimizer import _global_optimizer_post_hooks

from bench.plan import comparison_groups, schedule
from bench.records.schema import Estimate, TurnLength
from studies.evidence import (
    blocks,
    checks,
    cold,
    fidelity,
    gate,
    long_runs,
    paired,
    power,
    spread,
    stored,
    summaries,
    waits,
)
from tests import factories


def a_run(folder, effect):
    """A stored run of three loops and a clone in seven blocks; each turn is slower as `effect(slot, place)` says."""
    run = factories.run(runners=["pytorch", "hf-trainer", "floor"], blocks=7)
    equal = [
        factories.trial(cell=cell, phase="equivalence", block=-1) for cell in comparison_groups.cells(run.settings)
    ]
    trials = [
        trial
        for block in range(7)
        for group in schedule.block(comparison_groups.planned_groups(run.settings), seed=0, block=block)
        for trial in trials_of(group, effect)
    ]
    return factories.stored(folder, run, [*equal, *trials])


def trials_of(group, effect):
    """What a group would leave, its cycles in random order."""
    orders = schedule.cycles(len(group), seed=0, block=group[0].block, first=group[0].cell)
    cycles = list(islice(orders, factories.CYCLES))
    for number, slot in enumerate(group):
        places = [order.index(number) for order in cycles]
        slower = [exp(effect(slot, place)) for place in places for _ in range(factories.TURN.steps)]
        steps_us = [factories.STEP_US[slot.cell.runner] * each for each in slower]
        timing = factories.timing(steps_us, jitter=0.001, seed=100 * slot.block + number)
        turns = timing.turns.model_copy(update={"places": places})
        yield factories.trial(
            cell=slot.cell,
            block=slot.block,
            position=slot.position,
            timing=timing.model_copy(update={"turns": turns}),
        )


def effect_percent(text, what):
    """The estimate of the row that begins with `what`, in per cent."""
    row = next(line for line in text.splitlines() if line.startswith(f"| {what}"))
    return float(re.search(r"([+-][\d.]+) %", row)[1])


EFFECTS = {
    "turn 1 of a cycle": lambda slot, place: 0.1 * (place == 0),
    "the trial started first": lambda slot, place: 0.1 * (slot.position == 0),
    "the first block": lambda slot, place: 0.1 * (slot.block == 0),
}


@pytest.mark.parametrize("slowed", [*EFFECTS, None])
def test_an_effect_of_order_is_told_where_it_is(tmp_path, slowed):
    effect = EFFECTS.get(slowed, lambda slot, place: 0.0)
    text = stored.order_effects(Namespace(run=[a_run(tmp_path, effect)]))
    for what in (*EFFECTS, "turn 2 of a cycle", "turn 3 of a cycle", "turn 4 of a cycle", "the trial started last"):
        if what == slowed:
            assert effect_percent(text, what) > 3
        elif slowed is None:
            assert abs(effect_percent(text, what)) < 0.2


def test_what_all_cycles_share_spreads_from_block_to_block(tmp_path):
    text = stored.plans(
        Namespace(run=[a_run(tmp_path, lambda slot, place: 0.01 * slot.block * (slot.cell.runner == "floor"))])
    )
    row = next(line for line in text.splitlines() if line.startswith("| 8"))
    typical, _, widest = (float(each) for each in re.findall(r"([\d.]+) %", row))
    assert typical < 0.3
    assert 1 < widest < 4


def test_an_overhead_that_is_constant_is_called_so(tmp_path):
    text = stored.linearity(Namespace(run=[a_run(tmp_path, lambda slot, place: 0.0)]))
    assert re.search(r"\| mlp +\| hf-trainer +\| 31\d \[31\d, 3\d\d\] +\| yes", text)
    assert "floor" not in text


def test_a_planted_slowdown_is_found_and_none_is_not():
    random = np.random.default_rng(0)
    noise = random.normal(0, 0.01, (2, 40))
    waited = [{"waits_10": 0.1 + one, "clone": other, "seconds": 2.0} for one, other in noise.T]
    slower, same = power.row(0.03, 0.1, waited), power.row(0.03, 0.0, waited)
    assert slower[:2] == ["3%", "10%"]
    assert slower[3] == "100.0%"
    assert slower[-2:] == ["20", "40"]  # ten to screen, ten to confirm
    assert float(same[3].rstrip("%")) < 3


def test_a_planted_wait_takes_its_share_of_the_step(monkeypatch):
    now = [0.0]

    def clock():
        now[0] += 1e-6
        return now[0]

    monkeypatch.setattr(waits, "perf_counter", clock)
    wait = waits.after_step(0.5)
    now[0] = 1.0
    wait()
    assert now[0] == pytest.approx(1.5, abs=1e-4)
    now[0] += 2.0
    wait()
    assert now[0] == pytest.approx(4.5, abs=1e-4)


def test_a_spread_is_told_beside_the_other():
    before, now = [0.1 * k for k in range(-5, 6)], [0.01 * k for k in range(-5, 6)]
    name, old, new, quotient, *ratios = spread.row("clone", before, now)
    assert (name, old, new) == ("clone", "33.2 % (37.1 %)", "3.3 % (3.7 %)")
    assert quotient == "1/10.0 / 1/10.0"
    assert ratios == ["1.000", "1.000"]


def test_cold_steps_are_told_by_their_place():
    place = np.arange(1, 97)
    warm_us = {"pytorch": 200.0, "clone": 200.0, "accelerate": 300.0, "hf-trainer": 400.0}
    steps = {name: np.tile(us + 760 / place**2, (10, 1)) for name, us in warm_us.items()}
    seen = cold.Seen(steps, TurnLength(cold_steps=16, kept_steps=16))
    row = cold.fall(8, "pytorch", seen)
    assert row[2:5] == ["200 µs", "+760", "+190"]
    assert 600 < float(row[-1]) < 800
    rows = {row[1]: row for row in cold.choice_rows(8, seen)}
    assert float(rows["0 + 8"][3].split()[0]) < -3  # cold steps make ratios smaller
    assert abs(float(rows["16 + 16*"][3].split()[0])) < 1


def test_a_summary_of_turns_that_a_neighbour_cannot_move():
    steps = np.tile([200.0] * 8 + [5000.0, 200.0], (10, 1))
    of = summaries.SUMMARIES
    assert of["lower quartile of means of 2"](steps).tolist() == [200.0] * 10
    assert of["mean"](steps)[0] == 680
    assert of["least mean of 2"](np.tile([100.0, 300.0], (3, 5))).tolist() == [200.0] * 3


def test_what_a_core_ran_besides_is_no_part_of_a_step():
    assert blocks.own_us([2000, 9000, 2000], {1: 7000}).tolist() == [2.0, 2.0, 2.0]


def test_fidelity_and_throughput_are_held_against_their_bars():
    open_ = [0.05, 0.03, 0.02, 0.02, 0.01, 0.001]
    row = fidelity.row("floor", [[0.001] * 6, [0.02] * 6, open_])
    assert row[:3] == ["floor", "1.001 [1.001, 1.001]", "1.020 [1.020, 1.020]"]
    assert row[-1] == "yes, no, open"
    assert long_runs.throughput_row(512, "fabric", [0.0] * 6, [0.04] * 6)[-2:] == ["-3.9 %", "no"]
    ratios = dict(long_runs.to_baseline({(8, "pytorch"): 100.0, (8, "fabric"): 50.0}))
    assert ratios == {(8, "fabric"): log(0.5)}


def test_ratios_agree_where_one_value_lies_in_both_intervals():
    one, other, far = (Estimate(value=v, low=v - 0.1, high=v + 0.1) for v in (1.0, 1.15, 2.0))
    assert long_runs.agree(one, other) == "yes"
    assert long_runs.agree(one, far) == "no"
    assert long_runs.agree(one, Estimate(value=1.0)) == "too few rounds"


def test_paired_functions_are_judged_without_what_lies_far_outside():
    random = np.random.default_rng(0)
    before = random.normal(200.0, 1.0, 500)
    after = 1.1 * random.normal(200.0, 1.0, 500)
    after[0] = 1e6
    judged = paired.judged(np.stack([before, after], axis=1))
    assert judged["change"] == pytest.approx(0.1, abs=0.01)
    assert judged["z"] > 10


def test_the_hook_is_timed_and_leaves_nothing_behind():
    before = len(gc.callbacks), len(_global_optimizer_post_hooks)
    assert abs(gate.tick_us(pairs=5)) < 50
    assert (len(gc.callbacks), len(_global_optimizer_post_hooks)) == before


def test_verdicts_are_counted_by_figure():
    one = {"metric": "step_time_us", "verdict": "regressed"}
    other = {"metric": "step_time_us", "verdict": "not-regressed"}
    assert checks.outcomes([checks.Check(1, [one, other], 1.0), checks.Check(0, [other], 1.0)]) == [
        ("step_time_us", 3, 1, 0, 2, 0)
    ]


def test_false_alarms_go_on_from_the_checks_that_were_kept(tmp_path, monkeypatch):
    seeds = []

    def upgrade(*arguments):
        seeds.append(arguments[-1])
        verdict = "regressed" if arguments[-1] == "1" else "undecided"
        return checks.Check(int(verdict == "regressed"), [{"metric": "step_time_us", "verdict": verdict}], 30.0)

    monkeypatch.setattr(checks, "upgrade", upgrade)
    for wanted in (2, 3):
        text = checks.false_alarms(Namespace(checks=wanted, batch_size="32,64", keep=tmp_path / "kept"))
    assert seeds == ["0", "1", "2"]
    assert "3 checks at batch 32,64" in text
    assert "exit code 1: 1 of 3." in text
    assert text.splitlines()[4].replace(" ", "") == "|step_time_us|3|1|0|0|2|"
