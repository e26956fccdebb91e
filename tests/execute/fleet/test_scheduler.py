"""Blocks on the nodes of a cluster: which is asked for what, and what becomes of a node that is lost.

Ray is a fake here, which answers in the order that a test wants; `tests/test_fleet.py` has a real one.
"""

from types import SimpleNamespace

import pytest

from bench.errors import DeviceError
from bench.execute.fleet import measurer, scheduler
from bench.execute.fleet.scheduler import FleetScheduler
from bench.plan.comparison_groups import planned_groups
from bench.records.schema import Fleet
from tests import factories
from tests.execute.fleet.conftest import RUN, node

SETTINGS = RUN.settings.model_copy(update={"passes": ["timing"], "fleet": Fleet(address="there:6379")})


class ActorLostError(Exception):
    pass


class RayError(Exception):
    pass


class Measurer:
    """Measures nothing: a block's trials are made."""

    def __init__(self, settings):
        self.settings, self.heard = settings, []

    def opening(self, before):
        self.heard += before
        return []

    closing = opening

    def block(self, before, number, groups):
        self.heard += before
        return [factories.trial(cell=cell, block=number) for group in groups for cell in group.members]


class Reference:
    def __init__(self, actor, answer):
        self.actor, self.answer = actor, answer


class FakeRay:
    """Actors that answer when they are waited for: the last that was asked first, as if the first were slow."""

    exceptions = SimpleNamespace(RayActorError=ActorLostError, RayError=RayError)

    def __init__(self):
        self.actors, self.lost, self.is_over = [], set(), False

    def remote(self, made):
        ray = self

        class Actor:
            def __init__(self, *arguments):
                self.itself = made(*arguments)
                self.asked = []
                ray.actors.append(self)

            def __getattr__(self, name):
                return SimpleNamespace(remote=lambda *arguments: self.ask(name, arguments))

            def ask(self, name, arguments):
                self.asked.append((name, *arguments[1:2]))
                return Reference(self, lambda: getattr(self.itself, name)(*arguments))

        return SimpleNamespace(remote=Actor)

    def wait(self, references):
        return [references[-1]], references[:-1]

    def get(self, reference):
        if self.actors.index(reference.actor) in self.lost:
            raise ActorLostError
        return reference.answer()

    def shutdown(self):
        self.is_over = True


@pytest.fixture
def ray(monkeypatch):
    fake = FakeRay()
    monkeypatch.setattr(scheduler, "connect", lambda _address: fake)
    monkeypatch.setattr(scheduler, "nodes", lambda _address: [node("a"), node("b")])
    monkeypatch.setattr(measurer, "on_node", lambda _node_id, remote, **_resources: remote)
    monkeypatch.setattr(measurer, "Measurer", Measurer)
    return fake


def blocks(trials):
    return sorted({trial.block for trial in trials})


def run(scheduler, more=()):
    """All trials of a run whose planned blocks are followed by as many as `more` says."""
    groups, seen = planned_groups(scheduler.settings), []

    def next_rounds(done, trials):
        seen.append((done, blocks(trials)))
        return groups if done < scheduler.settings.blocks + len(more) else []

    return [trial for trials in scheduler.run(next_rounds) for trial in trials], seen


def test_each_block_is_on_one_node_and_all_nodes_have_some(ray):
    trials, _ = run(FleetScheduler(SETTINGS))
    nodes_of = {number: {trial.node for trial in trials if trial.block == number} for number in range(4)}
    assert all(len(names) == 1 for names in nodes_of.values())
    assert {name.split(":")[0] for names in nodes_of.values() for name in names} == {"a", "b"}
    assert len(trials) == len({trial.key for trial in trials}) == 4 * 3  # two loops and a clone
    assert ray.is_over


def test_a_block_that_is_added_is_decided_on_by_all_that_came_before(ray):
    trials, seen = run(FleetScheduler(SETTINGS), more=range(3))
    assert blocks(trials) == list(range(7))
    assert seen[4:6] == [(4, [0, 1, 2, 3]), (5, [0, 1, 2, 3])]  # one for each node
    assert seen[6:8] == [(6, [0, 1, 2, 3, 4, 5]), (7, [0, 1, 2, 3, 4, 5])]


def test_the_block_of_a_node_that_is_lost_is_measured_again_on_another(ray):
    scheduler = FleetScheduler(SETTINGS)
    groups = planned_groups(SETTINGS)
    trials = []
    for some in scheduler.run(lambda done, _trials: groups if done < 4 else []):
        trials += some
        ray.lost = {1} if trials else set()
    assert blocks(trials) == list(range(4))
    assert len(trials) == len({trial.key for trial in trials})
    (note,) = scheduler.notes()
    assert note.startswith("node b was lost")
    assert scheduler.notes() == []


def test_the_last_node_that_is_lost_ends_the_run_in_one_sentence(ray):
    ray.lost = {0, 1}
    with pytest.raises(DeviceError, match=r"^--executor ray: the last node was lost; --resume goes on"):
        run(FleetScheduler(SETTINGS))
    assert ray.is_over


def test_nobody_hears_of_a_trial_twice_and_all_hear_of_those_before(ray):
    before = [factories.trial(cell=cell, block=0) for cell in planned_groups(SETTINGS)[0].members]
    run(FleetScheduler(SETTINGS, done=before))
    for actor in ray.actors:
        keys = [trial.key for trial in actor.itself.heard]
        assert len(keys) == len(set(keys))
        assert {trial.key for trial in before} <= set(keys)


def test_cards_measure_side_by_side_and_cores_of_a_node_do_not(ray):
    on_card = [comparison.model_copy(update={"device": "cuda"}) for comparison in SETTINGS.comparisons]
    nodes = [node("a"), node("b")]
    assert len(measurer.open_places(ray, nodes, SETTINGS, [])) == 2
    assert len(measurer.open_places(ray, nodes, SETTINGS.model_copy(update={"comparisons": on_card}), [])) == 4


H100, A100 = (factories.comparison(accelerator_type=kind) for kind in ("H100", "A100"))
OF_KINDS = SETTINGS.model_copy(update={"comparisons": [H100, A100]})


@pytest.fixture
def kinds(ray, monkeypatch):
    """Two nodes of one kind and one of another."""
    nodes = [node("a", "H100"), node("b", "H100"), node("c", "A100")]
    monkeypatch.setattr(scheduler, "nodes", lambda _fleet: nodes)
    return ray


def test_what_is_of_a_kind_is_measured_on_a_node_of_that_kind(kinds):
    trials, _ = run(FleetScheduler(OF_KINDS))
    where = {(trial.cell.accelerator_type, trial.node.split(":")[0]) for trial in trials}
    assert where == {("H100", "a"), ("H100", "b"), ("A100", "c")}
    assert len(trials) == len({trial.key for trial in trials}) == 4 * 2 * 3  # two kinds, two loops and a clone
    for actor, comparison in zip(kinds.actors, (H100, H100, A100), strict=True):
        assert actor.itself.settings.comparisons == [comparison]
        assert all(trial.cell.comparison == comparison for trial in actor.itself.heard)
    assert [actor.asked[0][0] for actor in kinds.actors if ("opening",) in actor.asked] == ["opening"] * 2


def test_a_fast_kind_does_not_run_ahead_of_a_slow_one(kinds):
    def wait(references):  # c answers when nobody else has anything to do
        first, *others = sorted(references, key=lambda reference: kinds.actors.index(reference.actor))
        return [first], others

    kinds.wait = wait
    groups, parts = planned_groups(OF_KINDS), []
    for trials in FleetScheduler(OF_KINDS).run(lambda done, _trials: groups if done < 4 else []):
        parts += {f"{trial.block} on {trial.cell.accelerator_type}" for trial in trials}
    assert parts[:5] == ["0 on H100", "1 on H100", "0 on A100", "2 on H100", "1 on A100"]
    assert parts[5:] == ["3 on H100", "2 on A100", "3 on A100"]


def test_a_block_of_which_a_part_is_under_way_decides_nothing(kinds):
    groups, seen = planned_groups(OF_KINDS), []

    def next_rounds(done, trials):
        seen.append(done)
        kinds_of = [{t.cell.accelerator_type for t in trials if t.block == number} for number in blocks(trials)]
        assert all(of_block == {"H100", "A100"} for of_block in kinds_of)
        assert done < 4 or len(kinds_of) == done  # one place for each kind is one added block at a time
        return groups if done < 6 else []

    list(FleetScheduler(OF_KINDS).run(next_rounds))
    assert seen == [0, 1, 2, 3, 4, 5, 6]


def test_added_blocks_are_as_many_as_the_kinds_that_still_want_them_have_nodes(kinds):
    of_h100, of_both, decisions = planned_groups(OF_KINDS)[:1], planned_groups(OF_KINDS), []

    def next_rounds(done, trials):
        decisions.append((done, blocks(trials)))
        return of_both if done < 4 else of_h100 if done < 6 else []

    list(FleetScheduler(OF_KINDS).run(next_rounds))
    assert decisions[4:6] == [(4, [0, 1, 2, 3]), (5, [0, 1, 2, 3])]


def test_the_last_node_of_a_kind_that_is_lost_ends_the_run_when_the_others_have_answered(kinds):
    groups, trials = planned_groups(OF_KINDS), []

    def measure():
        for some in FleetScheduler(OF_KINDS).run(lambda done, _trials: groups if done < 4 else []):
            trials.extend(some)
            kinds.lost = {2} if trials else set()

    with pytest.raises(DeviceError, match=r"^--executor ray: the last node with accelerator type A100 was lost; --res"):
        measure()
    assert {trial.cell.accelerator_type for trial in trials} == {"H100"}
    assert kinds.is_over
    asked = [name for actor in kinds.actors[:2] for name in actor.asked]
    assert blocks(trials) == sorted({name[1] for name in asked if name[0] == "block"})
