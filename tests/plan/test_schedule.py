"""The schedule: every trial once, runners of a comparison close together, repeatable from its seed."""

from collections import Counter
from dataclasses import replace
from itertools import chain, groupby

from bench.plan import rounds, schedule
from bench.plan.devices import visibility
from bench.records.schema import Comparison
from tests import factories

COMPARISONS = [Comparison(workload="mlp", device="cpu", batch_size=size) for size in (8, 32, 128)]
RUNNERS = ["pytorch", "hf-trainer", "lightning"]


PLANNED = rounds.rounds(factories.run(comparisons=COMPARISONS, runners=RUNNERS).settings)


def a_block(*, seed: int = 0, block: int = 0) -> list[schedule.Slot]:
    return list(chain.from_iterable(schedule.block(PLANNED, trials_per_block=2, seed=seed, block=block)))


def test_a_block_holds_every_trial_once():
    slots = a_block()
    assert [slot.position for slot in slots] == list(range(18))
    assert set(Counter((slot.cell, slot.replicate) for slot in slots).values()) == {1}
    assert {slot.cell.comparison for slot in slots} == set(COMPARISONS)


def test_runners_of_a_comparison_are_measured_in_rounds():
    slots = a_block()
    runs = [list(group) for _, group in groupby(slots, key=lambda slot: slot.cell.comparison)]
    assert [len(run) for run in runs] == [6, 6, 6]
    for run in runs:
        assert sorted(slot.cell.runner for slot in run[:3]) == sorted(RUNNERS)


def test_a_turn_has_one_trial_of_each_cell_of_its_round_however_many_those_are():
    first, *others = PLANNED
    few = [replace(first, cells=first.cells[:2]), *others]
    turns = schedule.block(few, trials_per_block=2, seed=0, block=0)
    assert sorted(map(len, turns)) == [2, 2, 3, 3, 3, 3]
    assert all(len({slot.cell for slot in turn}) == len(turn) for turn in turns)
    assert [slot.position for slot in chain.from_iterable(turns)] == list(range(16))


def test_the_order_is_a_function_of_seed_and_block():
    assert a_block(seed=1, block=2) == a_block(seed=1, block=2)
    assert [s.cell for s in a_block(seed=1, block=2)] != [s.cell for s in a_block(seed=1, block=3)]
    assert [s.cell for s in a_block(seed=1, block=2)] != [s.cell for s in a_block(seed=2, block=2)]


def test_no_runner_is_favoured_by_its_place():
    first = Counter(a_block(block=block)[0].cell.runner for block in range(300))
    assert set(first) == set(RUNNERS)
    assert min(first.values()) > 70  # 100 expected, standard deviation 8


def test_each_block_has_a_layout_of_its_own():
    layouts = [schedule.layout(seed=0, block=block) for block in range(20)]
    assert len({layout.hash_seed for layout in layouts}) == 20
    assert len({layout.padding_bytes for layout in layouts}) > 15
    assert all(layout.hash_seed > 0 for layout in layouts)  # 0 would switch hash randomisation off


def test_a_process_sees_its_own_card_only():
    assert visibility("cuda:1", {}) == {"CUDA_VISIBLE_DEVICES": "1"}
    assert visibility("cuda:1", {"CUDA_VISIBLE_DEVICES": "4,6"}) == {"CUDA_VISIBLE_DEVICES": "6"}
    assert visibility("cuda", {"CUDA_VISIBLE_DEVICES": "GPU-5a"}) == {"CUDA_VISIBLE_DEVICES": "GPU-5a"}
    assert visibility("cpu", {"CUDA_VISIBLE_DEVICES": "0"}) == {"CUDA_VISIBLE_DEVICES": "", "ZE_AFFINITY_MASK": ""}
