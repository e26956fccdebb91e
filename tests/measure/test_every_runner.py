"""Every runner in two processes: what is counted of it repeats, and its phases sum to its steps."""

import json
from statistics import median

import pytest

from bench.analyse.cells.attribution import repeats
from bench.records import metrics
from tests import verbs
from trainloops import runners

pytestmark = pytest.mark.slow

BY_FUNCTION = tuple(counter.key for counter in metrics.BY_FUNCTION)
FRESH = {"PYTHONHASHSEED": "0", "PYTHONPATH": verbs.SOURCES}
"""A process of its own, as users' are; the other one is a fork of a template."""


def measured(*arguments, **where):
    return json.loads(verbs.program("tests.measure.count_every_runner", *arguments, **where))


@pytest.fixture(scope="module")
def fresh():
    return measured("phases", **FRESH)


@pytest.fixture(scope="module")
def twice(fresh):
    return [fresh["counts"], measured()["counts"]]


def test_two_processes_count_the_same(twice):
    first, second = twice
    assert first.keys() == {f"{runner} {size}" for runner in runners.REGISTRY for size in (8, 64)}
    for cell in first:
        values = [{name: counts[cell][name]["value"] for name in BY_FUNCTION} for counts in twice]
        assert repeats(*values) == dict.fromkeys(sorted(BY_FUNCTION), True), cell
        assert first[cell] == second[cell], cell


def test_a_loop_costs_what_it_adds_whatever_the_batch(twice):
    for cell, counts in twice[0].items():
        runner, size = cell.split()
        assert all(counts[name]["share"] > 0.5 for name in BY_FUNCTION), cell
        if size == "64" and runner != "floor":
            smaller = twice[0][f"{runner} 8"]
            # 56 samples more: `__getitem__` of each, which makes two views.
            assert counts["python_calls"]["value"] - smaller["python_calls"]["value"] == 56
            assert counts["ops"]["value"] - smaller["ops"]["value"] == 112


def test_the_look_ahead_of_accelerate_keeps_one_more_batch(twice):
    batch = 64 * (64 * 4 + 8)
    of = {cell: counts["tensor_bytes_by_category"]["batch"] for cell, counts in twice[0].items()}
    assert of["pytorch 64"] == of["lightning 64"] == of["fabric 64"] == batch
    assert of["accelerate 64"] == of["hf-trainer 64"] == 2 * batch
    assert of["floor 64"] == 16 * batch


def test_the_phases_of_every_runner_sum_to_its_steps(fresh):
    assert fresh["phases"].keys() == runners.REGISTRY.keys()
    for name, split_up in fresh["phases"].items():
        sums = [sum(step) for step in zip(*split_up["phase_ns"].values(), strict=True)]
        assert len(sums) == len(split_up["steps_ns"]) == 39
        # Step by step, and the median of them: between its two readings of the clock a step may lose the processor.
        ratios = [split / step for split, step in zip(sums, split_up["steps_ns"], strict=True)]
        assert median(ratios) == pytest.approx(1, abs=0.02), name


def test_every_runner_has_every_phase(fresh):
    for name, split_up in fresh["phases"].items():
        empty = {phase for phase, ns in split_up["phase_ns"].items() if median(ns) == 0}
        assert empty == ({"data"} if name == "floor" else set()), name
