"""What a schedule that goes on with a journal measures again, and what it decides by."""

from typing import ClassVar

import pytest

from bench.execute import scheduler as schedulers
from bench.execute import sets as interpreter_sets
from bench.execute.scheduler import TrialScheduler
from bench.execute.state import RunState
from bench.execute.workers.result import Outcome, Result
from bench.plan import schedule
from bench.plan.comparison_groups import planned_groups
from tests import factories


def plan(**changes):
    settings = factories.run(runners=["pytorch", "floor"], blocks=2).settings
    return settings.model_copy(update={"passes": ["timing"], **changes})


def block_of(settings, block):
    """A journal's trials of one block in which all went well."""
    (planned,) = planned_groups(settings)
    return [factories.trial(cell=member, block=block) for member in planned.members]


def test_a_run_that_was_killed_in_a_block_decides_on_it_by_the_blocks_before_and_counts_what_it_adds():
    settings = plan()
    done = [trial for block in range(3) for trial in block_of(settings, block)]
    scheduler = TrialScheduler(settings, done=done)
    assert scheduler.total_trials == 2 * 3  # two loops and a clone
    shown = []

    def next_rounds(blocks, trials):
        shown.append((blocks, sorted({trial.block for trial in trials})))
        return scheduler.groups if blocks < 3 else []

    assert list(scheduler.run(next_rounds)) == []  # all of them are in the journal
    assert shown == [(0, []), (1, [0]), (2, [0, 1]), (3, [0, 1, 2])]
    assert scheduler.total_trials == 3 * 3


def test_a_block_that_lacks_one_of_its_trials_is_measured_whole_again():
    settings = plan()
    whole, torn = block_of(settings, 0), block_of(settings, 1)[:-1]
    state = RunState(settings, done=[*whole, *torn])
    first, second = (schedule.block(planned_groups(settings), seed=0, block=block)[0] for block in (0, 1))
    assert state.are_finished(first)
    assert not state.are_finished(second)
    assert state.worth_trying(second) == second


def test_a_loop_that_has_failed_twice_takes_no_more_turns_and_the_others_do():
    settings = plan()
    failed = [factories.trial(cell=factories.cell("floor"), block=block, status="failed") for block in range(2)]
    state = RunState(settings, done=failed)
    (group,) = schedule.block(planned_groups(settings), seed=0, block=2)
    assert {slot.cell.runner for slot in state.worth_trying(group)} == {"pytorch"}


def test_a_loop_that_is_unavailable_by_its_proof_takes_no_turn_at_all():
    settings, floor = plan(), factories.cell("floor")
    state = RunState(settings, done=[factories.trial(cell=floor, phase="equivalence", status="unavailable")])
    (group,) = schedule.block(planned_groups(settings), seed=0, block=0)
    assert {slot.cell.runner for slot in state.worth_trying(group)} == {"pytorch"}


def test_the_first_block_fixes_how_long_turns_are_and_what_does_not_fit_together_stays_alone():
    settings = plan()
    first, *_ = block_of(settings, 0)
    alone = first.model_copy(update={"alone": "the host's memory is too small", "block": 1})
    state = RunState(settings, done=[first, alone])
    assert state.turn_length(factories.comparison()) == factories.TURN
    assert state.why_alone(factories.comparison()) == "the host's memory is too small"
    assert state.why_alone(factories.comparison(batch_size=8)) is None


# Sets of interpreters.


class Sets:
    """A pool of no processes that keeps which set was asked for what."""

    opened: ClassVar[list[tuple[int, list[str]]]] = []

    def __init__(self, keys, *, layout, **_):
        self.keys = list(keys)
        self.opened.append((layout.hash_seed, []))

    def open(self):
        """Nothing has to be started."""

    def close(self):
        """Nothing has to be ended."""

    def run(self, request):
        self.opened[-1][1].append(request.phase)
        return Outcome(result=Result(status="ok"), interpreter=None)


class NoTurns:
    """A group whose trials all went well."""

    def __init__(self, settings, state, pool, group, reference, *, logs=None):
        self.pool, self.group = pool, group

    def trials(self, _):
        self.pool.opened[-1][1].append(f"block {self.group[0].block}")
        return [factories.trial(cell=slot.cell, block=slot.block, replicate=slot.replicate) for slot in self.group]


@pytest.fixture
def sets(monkeypatch):
    monkeypatch.setattr(interpreter_sets, "Pool", Sets)
    monkeypatch.setattr(schedulers, "Group", NoTurns)
    monkeypatch.setattr(Sets, "opened", [])
    return Sets.opened


def made(settings, *, done=()):
    scheduler = TrialScheduler(settings, done=done)
    return [t for some in scheduler.run(lambda blocks, _: scheduler.groups if blocks < 3 else []) for t in some]


def test_the_set_that_opens_a_run_serves_its_first_blocks_and_the_second_counts_before_its_own(sets):
    made(plan(passes=["equivalence", "counting", "timing"], blocks_per_set=2))
    first = ["equivalence"] * 2 + ["counting"] * 2 + ["block 0", "block 1"]
    assert sets == [(0, first), (0, ["counting"] * 2 + ["block 2"])]


@pytest.mark.parametrize("passes", [["counting"], ["counting", "timing"]])
def test_two_sets_count_where_one_serves_all_blocks_there_are(sets, passes):
    made(plan(passes=passes, blocks_per_set=9))
    assert [[each for each in asked if each == "counting"] for _, asked in sets] == [["counting"] * 2] * 2


def test_sets_that_do_not_count_have_hash_seeds_of_their_own(sets):
    made(plan(blocks_per_set=1))
    assert [seed for seed, _ in sets[:2]] == [0, 0]
    assert sets[2][0] > 0


def test_a_run_that_goes_on_counts_once_more_only_where_it_has_not(sets):
    settings = plan(passes=["counting", "timing"], blocks_per_set=2)
    done = made(settings)
    sets.clear()
    assert made(settings, done=done) == []
    assert made(settings, done=[each for each in done if each.block < 2 and each.replicate == 0]) != []
    assert [asked for _, asked in sets] == [["counting"] * 2 + ["block 2"]]
