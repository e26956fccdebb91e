"""What `python -m tests.evidence` makes of figures: effects that are planted are told, and nothing else."""

import re
from argparse import Namespace
from math import exp

import numpy as np
import pandas as pd
import pytest

from bench.plan import rounds, schedule
from bench.records import store
from tests import factories
from tests.evidence import checks, forks, isolation, pauses, power, stored, waits


def a_run(folder, effect):
    """A stored run of three runners in seven blocks of three trials, each slowed as `effect(slot, place)` says."""
    run = factories.run(runners=["pytorch", "hf-trainer", "floor"], blocks=7, trials_per_block=3)
    where = store.create(folder, run)
    trials = [
        factories.trial(
            cell=slot.cell,
            block=slot.block,
            replicate=slot.replicate,
            position=slot.position,
            step_us=factories.STEP_US[slot.cell.runner] * exp(effect(slot, slot.position % 3)),
            jitter=0.001,
            seed=slot.block,
        )
        for block in range(7)
        for turn in schedule.block(rounds.rounds(run.settings), trials_per_block=3, seed=0, block=block)
        for slot in turn
    ]
    equal = [factories.trial(cell=cell, phase="equivalence", block=-1) for cell in rounds.cells(run.settings)]
    with (where / store.JOURNAL).open("w") as journal:
        journal.writelines(f"{t.model_dump_json(by_alias=True, exclude_none=True)}\n" for t in [*equal, *trials])
    return where


def told(text, what):
    """The estimate of the row that begins with `what`, in per cent."""
    row = next(line for line in text.splitlines() if line.startswith(f"| {what}"))
    return float(re.search(r"([+-][\d.]+) %", row)[1])


@pytest.mark.parametrize(
    ("effect", "slowed"),
    [
        (lambda slot, place: 0.0, None),
        (lambda slot, place: 0.1 * (place == 0), "place 1 of 3"),
        (lambda slot, place: 0.1 * (slot.replicate == 0), "fork 1"),
        (lambda slot, place: 0.1 * (slot.block == 0), "the first block"),
    ],
)
def test_an_effect_of_order_is_told_where_it_is(tmp_path, effect, slowed):
    text = stored.order_effects(Namespace(run=[a_run(tmp_path, effect)]))
    for what in ("place 1 of 3", "place 2 of 3", "place 3 of 3", "fork 1", "fork 2", "fork 3", "the first block"):
        found = told(text, what)
        if what == slowed:
            assert found > 3
        elif slowed is None:
            assert abs(found) < 0.2


def test_an_overhead_that_is_constant_is_called_so(tmp_path):
    text = stored.linearity(Namespace(run=[a_run(tmp_path, lambda slot, place: 0.0)]))
    assert re.search(r"\| mlp +\| hf-trainer +\| 31\d \[31\d, 3\d\d\] +\| yes", text)
    assert "floor" not in text


def test_a_planted_slowdown_is_found_and_none_is_not():
    random = np.random.default_rng(0)
    noise = {name: random.normal(0, 0.01, 40) for name in ("waits_00", "waits_10", "clone")}
    steps = pd.DataFrame({name: np.exp(each) for name, each in noise.items()})
    steps["waits_10"] *= 1.1
    slower, same = power.row(0.1, steps, 2.0), power.row(0.0, steps, 2.0)
    assert slower[2] == "100.0%"
    assert slower[-2:] == ["20", "40"]  # ten to screen, ten to confirm
    assert float(same[2].rstrip("%")) < 3


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


def test_spread_within_an_interpreter_is_told_from_that_between_them():
    random = np.random.default_rng(0)

    def forks(level):
        return list(level + random.normal(0, 0.01, isolation.FORKS))

    alike = [{"same": forks(0), "again": forks(0), "other": forks(random.normal(0, 0.05))} for _ in range(200)]
    _, within, between, layouts, p = isolation.row("pytorch", alike)
    assert within == "1.0 %"
    assert float(between.split()[0]) < 0.4
    assert 3 < float(layouts.split()[0]) < 4  # 5 % is on one side of the difference only
    assert float(p) < 0.01


def test_pauses_are_told_apart_from_other_steps():
    runs = [[4.0, 5.0, 160.0], [5.0, 170.0, 4.0, 150.0]]
    assert pauses.row("fork", runs) == ["fork", "1.5", "160 ms", "4.5 ms"]
    assert pauses.row("spawn", [[4.0], [5.0]]) == ["spawn", "0.0", "none", "4.5 ms"]
    seen = pauses.Seen(steps_ms={"a plain script": [], "fork": [[2.0, 2.0]] * 6, "spawn": [[1.0, 1.0]] * 6})
    assert pauses.fork_over_spawn(seen) == "2.000 [2.000, 2.000]"


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


def test_what_a_fault_costs_is_told_from_steps_with_one_and_with_none():
    sharing = forks.Fork([200.0, 211.0, 202.0, 213.0, 300.0], [0, 1, 0, 1, 9])
    owning = forks.Fork([200.0] * 5, [0] * 5)
    assert forks.faulting_us(sharing) == 11.0
    assert forks.faulting_us(owning) is None
    assert forks.row("floor", (sharing,) * 6, (owning,) * 6) == ["floor", "60%", "11 µs", "1.055 [1.055, 1.055]"]
