"""Trials that take turns, for real: what one of them does is its row's reason, and the others go on."""

import os
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from bench.execute.group import DoesNotFitError, Group
from bench.execute.state import RunState
from bench.execute.workers import cores
from bench.execute.workers.member import Member
from bench.execute.workers.result import AtEnd, Outcome, Result
from bench.host import container, memory
from bench.host.load import LoadMeter
from bench.plan import length as lengths
from bench.plan import schedule
from bench.plan.comparison_groups import planned_groups
from bench.records.health import ContainerFacts
from bench.records.schema import Collector, TurnLength
from tests import factories, verbs
from tests.verbs import HANG_S

LOOPS = Path(__file__).parent.parent.parent / "loops"
FAULTS = {
    "raises": ("failed", "ValueError: the learning rate went to the moon"),
    "is_killed": ("killed", "the process was killed by SIGKILL (often the kernel, out of host memory)"),
    "crashes_in_its_turn": ("killed", "the process was killed by SIGABRT"),
    "leaves_garbage": ("garbage", "the result cannot be read: "),
    "needs_what_is_not_there": ("failed", "No module named 'a_framework_that_nobody_has_installed'"),
    "kills_its_interpreter": ("killed", "the interpreter was lost: the process"),
}
OTHERS = ("prints_and_is_right", "out_of_memory", "hangs", "hangs_in_its_turn", "loads_slowly")
HANGS_S = 10.0
"""What a trial that hangs is given; the others need far less of it, however slow the machine."""


def settings(*loops: str, **changes):
    runners = ["pytorch", *(str(LOOPS / f"{name}.py") for name in loops)]
    plan = factories.run(runners=runners, comparisons=[factories.comparison(batch_size=4, **changes.pop("where", {}))])
    usual = {"passes": ["timing"], "steps": 200, "warmup_steps": 20, "timeout_s": HANG_S}
    return plan.settings.model_copy(update=usual | changes)


@pytest.fixture(scope="module")
def pool(pool_of):
    """An interpreter for each loop that a test here is about."""
    return pool_of("pytorch", *(str(LOOPS / f"{name}.py") for name in (*FAULTS, *OTHERS)))


@pytest.fixture
def measured(pool):
    """Measure one block of a plan."""

    def measure(plan):
        (planned,) = planned_groups(plan)
        (group,) = schedule.block([planned], seed=0, block=0)
        state = RunState(plan, done=[])
        trials = Group(plan, state, pool, group, planned.reference).trials(LoadMeter())
        return {Path(trial.cell.runner).stem + ("'s clone" if trial.cell.clone else ""): trial for trial in trials}

    return measure


def test_all_trials_of_a_block_have_the_same_turns_and_steps(measured):
    trials = measured(settings("prints_and_is_right"))
    assert set(trials) == {"pytorch", "pytorch's clone", "prints_and_is_right"}
    assert {trial.status for trial in trials.values()} == {"ok"}
    turns = [trial.timing.turns for trial in trials.values()]
    (length,) = {turn.length for turn in turns}
    assert {len(trial.timing.step_ns) for trial in trials.values()} == {200 // length.steps * length.steps}
    lead = schedule.lead_steps(seed=0, block=0, turn_steps=length.steps)
    pilot = lengths.PILOT.steps * lengths.PILOT_CYCLES  # by which a comparison's first block chooses its turns
    assert {trial.length.warmup_steps for trial in trials.values()} == {20 + pilot + lead}
    in_cycle = np.array([turn.places for turn in turns])
    assert (np.sort(in_cycle, axis=0) == np.arange(3)[:, None]).all()  # one after the other in every cycle
    assert len({tuple(column) for column in in_cycle.T}) > 1  # and not always in the same order


def test_what_a_trial_tells_of_all_its_turns_is_shared_out_to_those_that_count():
    at_end = AtEnd(
        startup_ns=1, warmup_steps=20, memory=factories.memory(), collector=Collector(full_due=2.0), energy_j=10.0
    )
    member = Member(running=None, ticks=None, startup_ns=1, step_ns=1, warmup_steps=120, must_stop=False)
    member.places = [0] * (300 // factories.TURN.steps)
    member.steps_ns = [1] * 300  # and 100 before them, by pilots and to be led in
    timing = member.timing(Outcome(result=Result(status="ok", timing=at_end), interpreter=None), factories.TURN)
    assert (timing.energy_j, timing.collector.full_due) == (7.5, 1.5)


def test_a_script_that_ends_while_it_is_led_in_is_a_row_that_says_how_many_steps_it_needs():
    at_end = AtEnd(startup_ns=1, warmup_steps=90, memory=factories.memory())
    member = Member(running=None, ticks=None, startup_ns=1, step_ns=1, warmup_steps=50, must_stop=False)
    ended = Outcome(result=Result(status="ok", timing=at_end), interpreter=None)
    length = TurnLength(cold_steps=40, kept_steps=40)
    judged = member.judged(ended, length)
    assert (judged.result.status, member.timing(judged, length)) == ("failed", None)
    assert judged.result.reason == (
        "it ended before its first turn was over; with 210 steps it has one: let it train longer, by its own arguments"
    )
    member.places = [0]
    assert member.judged(ended, length) is ended


def test_the_noise_of_a_block_is_small(measured):
    """Two loops that are the same take their turns at the same moments: the pairs agree, whatever the machine does."""
    trials = measured(settings(steps=3000))
    figures = [np.array(trials[name].timing.step_ns, float) for name in ("pytorch", "pytorch's clone")]
    length = trials["pytorch"].timing.turns.length
    own, clone = (np.median(figure.reshape(-1, length.steps)[:, length.cold_steps :], axis=1) for figure in figures)
    assert abs(np.median(np.log(clone / own))) < 0.1


@pytest.mark.parametrize("loop", FAULTS)
def test_a_fault_is_a_row_with_its_reason_and_the_others_take_their_turns(measured, loop):
    status, reason = FAULTS[loop]
    trials = measured(settings(loop))
    assert trials[loop].status == status
    assert reason in trials[loop].reason
    assert "\n" not in trials[loop].reason
    assert {trials[name].status for name in ("pytorch", "pytorch's clone")} == {"ok"}
    timing = trials["pytorch"].timing
    assert len(timing.step_ns) == 200 // timing.turns.length.steps * timing.turns.length.steps


def test_out_of_memory_beside_others_is_tried_alone_and_said_to_be(measured):
    trials = measured(settings("out_of_memory"))
    assert trials["out_of_memory"].status == "oom"
    assert trials["pytorch"].status == "ok"
    assert "too small for all at once" in trials["pytorch"].alone
    assert trials["pytorch"].timing.turns.places == [0] * len(trials["pytorch"].timing.turns.places)


@pytest.mark.parametrize(("loop", "doing"), [("hangs", "before its first turn"), ("hangs_in_its_turn", "in its turn")])
def test_a_hang_is_killed_at_its_timeout_and_the_others_go_on(measured, loop, doing):
    trials = measured(settings(loop, timeout_s=HANGS_S))
    assert trials[loop].status == "timeout"
    assert trials[loop].reason == f"killed after its timeout of 10 s {doing}; --timeout gives it longer"
    assert trials["pytorch"].status == "ok"


def test_a_container_without_memory_for_all_measures_each_alone(measured, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: memory.Available(1_000_000, "the container"))
    trials = measured(settings())
    assert {trial.status for trial in trials.values()} == {"ok"}
    assert all("the container's memory is too small for all at once" in trial.alone for trial in trials.values())


def test_loader_workers_stand_still_while_their_trial_waits(measured):
    """Nothing is fetched ahead outside a turn: all steps wait for their batches, those after a wait no less."""
    trials = measured(settings("loads_slowly", where={"workers": 2}, steps=120))
    slow = trials["loads_slowly"]
    assert slow.status == "ok", slow.reason
    length = slow.timing.turns.length
    steps_ms = np.array(slow.timing.step_ns).reshape(-1, length.steps) / 1e6
    two_workers_ms = 4 * 1.0 / 2
    assert steps_ms[:, :4].mean() > 0.8 * two_workers_ms  # four batches fetched ahead would make them nothing


@pytest.mark.slow
def test_nothing_is_left_of_a_parent_that_is_killed_while_trials_wait(tmp_path):
    options = ["--device", "cpu", "--runner", LOOPS / "loads_slowly.py", "--batch-size", "4", "--workers", "2"]
    deadline = time.monotonic() + HANG_S
    seen: set[int] = set()
    timed = ["--only", "time", "--blocks", "50"]
    with verbs.started("run", *options, *timed, cwd=tmp_path, PYTHONPATH=verbs.SOURCES) as parent:
        while parent.poll() is None and len(seen) < 6:  # server, interpreters, trials, loader workers
            seen = descendants(parent.pid)
            time.sleep(0.2)  # others are being watched
    assert len(seen) >= 6
    while time.monotonic() < deadline and any(state_of(pid) != "Z" for pid in seen):
        time.sleep(0.05)
    assert not [pid for pid in seen if state_of(pid) != "Z"]


def descendants(pid: int) -> set[int]:
    with suppress(psutil.NoSuchProcess):
        return {child.pid for child in psutil.Process(pid).children(recursive=True)}
    return set()


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins no process")
def test_trials_share_the_last_cores_and_leave_the_others_to_the_parent(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert cores.for_trials(threads=1, workers=0, device="cpu") == [3]
    assert cores.for_trials(threads=1, workers=2, device="cpu") == [1, 2, 3]
    assert cores.for_trials(threads=4, workers=0, device="cpu") == []  # all of them: nobody is pinned
    assert cores.for_trials(threads=1, workers=0, device="cuda") == []  # an autograd thread needs one of its own


@pytest.mark.parametrize(("quota_cpus", "processes"), [(None, 4), (2.5, 2), (0.5, 1), (64.0, 4)])
def test_as_many_start_at_once_as_there_are_processors_within_a_container_s_quota(monkeypatch, quota_cpus, processes):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(container, "read", lambda: ContainerFacts(quota_cpus=quota_cpus))
    assert cores.at_once() == processes


def test_a_device_in_exclusive_mode_is_told_from_a_loop_that_fails():
    from bench.execute.group import _refuse_what_shares_badly
    from bench.execute.workers.result import Outcome, failed

    busy = "AcceleratorError: CUDA error: CUDA-capable device(s) is/are busy or unavailable"
    with pytest.raises(DoesNotFitError, match="exclusive mode"):
        _refuse_what_shares_badly(Outcome(result=failed("failed", busy), interpreter=None))
    _refuse_what_shares_badly(Outcome(result=failed("failed", "ValueError: no"), interpreter=None))
