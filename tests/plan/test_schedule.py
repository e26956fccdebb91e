"""The schedule: every trial once, those of a comparison together, everything in an order drawn from the seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain, islice, pairwise

from bench.plan import comparison_groups, schedule
from bench.plan.comparison_groups import ComparisonGroup
from bench.plan.devices import visibility
from bench.records.schema import Comparison, Environment
from tests import factories

COMPARISONS = [Comparison(workload="mlp", device="cpu", batch_size=size) for size in (8, 32, 128)]
RUNNERS = ["pytorch", "hf-trainer", "lightning"]
SETTINGS = factories.run(comparisons=COMPARISONS, runners=RUNNERS).settings
PLANNED = comparison_groups.planned_groups(SETTINGS)
RELEASES = [Environment(name=name, python="/usr/bin/python3") for name in ("anchor", *"abcdefghi")]
ANCHORED = comparison_groups.planned_groups(
    SETTINGS.model_copy(update={"design": "anchored", "environments": RELEASES, "runners": ["hf-trainer"]})
)


def a_block(
    planned: Sequence[ComparisonGroup] = PLANNED, *, seed: int = 0, block: int = 0
) -> list[list[schedule.Slot]]:
    return schedule.block(planned, seed=seed, block=block)


def flat(groups: Sequence[Sequence[schedule.Slot]]) -> list[schedule.Slot]:
    return list(chain.from_iterable(groups))


def orders(*, seed: int = 0, block: int = 0, first: int = 0, count: int = 300) -> list[list[int]]:
    cycles = schedule.cycles(4, seed=seed, block=block, first=flat(a_block())[first].cell)
    return list(islice(cycles, count))


# Blocks.


def test_a_block_has_a_group_for_each_round_with_each_of_its_members_once():
    groups = a_block(block=3)
    assert len(groups) == 3
    members = [{slot.cell for slot in group} for group in groups]
    assert sorted(members, key=repr) == sorted((set(each.members) for each in PLANNED), key=repr)
    assert [len(group) for group in groups] == [4, 4, 4]  # three runners and the clone
    assert [[slot.position for slot in group] for group in groups] == [[0, 1, 2, 3]] * 3
    assert {slot.block for slot in flat(groups)} == {3}


def test_the_clone_of_the_baseline_is_a_member_like_any_other():
    for group in a_block():
        (clone,) = (slot.cell for slot in group if slot.cell.clone)
        assert clone.model_copy(update={"clone": False}) in [slot.cell for slot in group]
        assert clone.runner == "pytorch"


def test_a_block_measures_the_rounds_that_it_is_given_and_no_others():
    groups = a_block([PLANNED[2], PLANNED[0].only([])])
    assert sorted(len(group) for group in groups) == [2, 4]
    assert {slot.cell.batch_size for slot in flat(groups)} == {8, 128}


def test_what_is_measured_in_several_rounds_is_told_apart_by_their_number():
    slots = flat(a_block(ANCHORED))
    anchors = [slot for slot in slots if slot.cell.environment == "anchor" and slot.cell.batch_size == 8]
    assert Counter((slot.cell.clone, slot.replicate) for slot in anchors) == {
        (clone, number): 1 for clone in (False, True) for number in range(3)
    }
    assert set(Counter((slot.cell, slot.replicate) for slot in slots).values()) == {1}
    assert {slot.replicate for slot in flat(a_block())} == {0}


def test_the_order_is_a_function_of_seed_and_block():
    assert a_block(seed=1, block=2) == a_block(seed=1, block=2)
    cells = [[slot.cell for slot in flat(a_block(seed=s, block=b))] for s, b in ((1, 2), (1, 3), (2, 2))]
    assert cells[0] != cells[1] != cells[2] != cells[0]


def test_no_trial_and_no_comparison_is_favoured_by_its_place():
    blocks = [a_block(block=block) for block in range(400)]
    started_first = Counter((groups[0][0].cell.runner, groups[0][0].cell.clone) for groups in blocks)
    assert set(started_first) == {*((runner, False) for runner in RUNNERS), ("pytorch", True)}
    assert min(started_first.values()) > 65  # 100 expected, standard deviation 9
    measured_first = Counter(groups[0][0].cell.batch_size for groups in blocks)
    assert set(measured_first) == {8, 32, 128}
    assert min(measured_first.values()) > 95  # 133 expected, standard deviation 9


# Cycles.


def test_in_each_cycle_everybody_has_one_turn_in_another_order():
    drawn = orders()
    assert all(sorted(order) == [0, 1, 2, 3] for order in drawn)
    assert len({tuple(order) for order in drawn}) == 24


def test_the_orders_are_a_function_of_seed_block_and_group():
    assert orders(seed=1, block=2, count=40) == orders(seed=1, block=2, count=40)
    assert orders(count=40) == orders()[:40]
    others = [orders(count=40), orders(seed=1, count=40), orders(block=1, count=40), orders(first=1, count=40)]
    assert len({repr(option) for option in others}) == 4


def test_nobody_is_favoured_by_a_place_in_the_cycle_or_by_whom_it_follows():
    drawn = orders(count=600)
    for place in range(4):
        whose = Counter(order[place] for order in drawn)
        assert min(whose[member] for member in range(4)) > 105  # 150 expected, standard deviation 11
    follows = Counter((before, after) for order in drawn for before, after in pairwise(order))
    assert min(follows[a, b] for a in range(4) for b in range(4) if a != b) > 105  # 150 expected


# Layouts.


def test_each_set_of_interpreters_has_a_layout_of_its_own():
    layouts = [schedule.layout(seed=0, number=number) for number in range(20)]
    assert len({layout.hash_seed for layout in layouts}) == 20
    assert len({layout.padding_bytes for layout in layouts}) > 15
    assert all(layout.hash_seed > 0 for layout in layouts)  # 0 would switch hash randomisation off
    assert schedule.layout(seed=0, number=7) == layouts[7]
    assert schedule.layout(seed=1, number=7) != layouts[7]


def test_a_process_sees_its_own_card_only():
    assert visibility("cuda:1", {}) == {"CUDA_VISIBLE_DEVICES": "1"}
    assert visibility("cuda:1", {"CUDA_VISIBLE_DEVICES": "4,6"}) == {"CUDA_VISIBLE_DEVICES": "6"}
    assert visibility("cuda", {"CUDA_VISIBLE_DEVICES": "GPU-5a"}) == {"CUDA_VISIBLE_DEVICES": "GPU-5a"}
    # AMD's own variable, which Slurm sets, holds before CUDA's where torch is built for ROCm.
    amd = {"HIP_VISIBLE_DEVICES": "2,3"}
    assert visibility("cuda:1", amd) == {"CUDA_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "3"}
    assert visibility("cpu", amd)["HIP_VISIBLE_DEVICES"] == "-1"
    assert visibility("cpu", {"CUDA_VISIBLE_DEVICES": "0"}) == {"CUDA_VISIBLE_DEVICES": "", "ZE_AFFINITY_MASK": ""}
