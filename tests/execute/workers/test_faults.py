"""Whatever a trial that takes no turns does becomes its row's status and reason, and the next trial runs."""

import re
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from bench.execute.log import MAX_BYTES
from bench.execute.workers.launchers import Spawner
from bench.execute.workers.member import Member
from bench.execute.workers.request import Request
from bench.execute.workers.spec import Spec
from bench.execute.workers.turns import TurnTaking
from bench.plan import length as lengths
from bench.plan.comparison_groups import cell
from bench.records.schema import TurnLength
from tests.execute.workers.conftest import COMPARISON, LAYOUT
from tests.verbs import HANG_S

LOOPS = Path(__file__).parent.parent.parent / "loops"


def request(loop: str, *, phase: str = "equivalence", timeout_s: float = HANG_S) -> Request:
    return Request(
        phase=phase,
        cell=cell(COMPARISON, str(LOOPS / f"{loop}.py")),
        length=lengths.timed() if phase == "timing" else lengths.EQUIVALENCE,
        seed=0,
        threads=1,
        timeout_s=timeout_s,
    )


FAULTS = {
    "raises": ("failed", "ValueError: the learning rate went to the moon"),
    "is_killed": ("killed", "the process was killed by SIGKILL (often the kernel, out of host memory)"),
    "out_of_memory": ("oom", "can't allocate memory"),
    "leaves_garbage": ("garbage", "the result cannot be read: "),
    "one_step_short": ("failed", "the loop made 6 optimizer steps, its job says 12"),
    "needs_what_is_not_there": ("failed", "No module named 'a_framework_that_nobody_has_installed'"),
    "asks_for_input": ("failed", "EOFError"),
    "exits": ("failed", "train() called sys.exit(0) before its job was done"),
    "exits_at_once": ("failed", "the loop ended its process before its job was done, as os._exit(0) does"),
    "exits_when_imported": ("failed", "SystemExit: 0"),
    "floods_when_imported": ("failed", "ValueError: it has said enough"),
    "goes_elsewhere": ("ok", None),
}
OTHERS = ("hangs", "kills_its_interpreter", "prints_and_is_right")


@pytest.fixture(scope="module")
def pool(pool_of):
    return pool_of(*(str(LOOPS / f"{loop}.py") for loop in (*FAULTS, *OTHERS)))


@pytest.mark.parametrize("loop", FAULTS)
def test_a_fault_is_a_result_with_its_reason(pool, loop):
    status, reason = FAULTS[loop]
    result = pool.run(request(loop)).result
    assert result.status == status, result.reason
    assert reason is None or reason in result.reason
    assert "\n" not in (result.reason or "")


def test_what_an_interpreter_prints_is_kept_as_short_as_what_a_trial_does(pool):
    (server,) = pool._servers.values()
    assert server.log.path.stat().st_size < MAX_BYTES  # of half as many again: somebody has looked meanwhile
    assert re.search(
        r"^the first words\nloss: 0.7\n.*^\[\d[\d,]+ bytes are left out here\]$", server.log.kept(), re.S | re.M
    )


def test_a_trial_that_failed_leaves_a_log_with_all_of_its_error_and_one_that_went_well_leaves_none(pool, tmp_path):
    for loop in ("raises", "goes_elsewhere"):
        pool.run(replace(request(loop), log_to=tmp_path / f"{loop}.log"))
    (log,) = tmp_path.iterdir()
    assert log.name == "raises.failed.log"
    assert f'File "{LOOPS / "raises.py"}", line ' in log.read_text()
    assert log.read_text().endswith("ValueError: the learning rate went to the moon\n")


@pytest.mark.parametrize(("loop", "reason"), [("exits", "sys.exit(0)"), ("exits_at_once", "os._exit(0)")])
def test_a_timed_loop_that_ends_its_process_is_told_as_such(pool, loop, reason):
    member = Member.start(pool, request(loop, phase="timing"))
    assert (member.result.status, reason in member.result.reason) == ("failed", True), member.result


def test_a_hang_is_killed_at_its_timeout_and_the_interpreter_serves_on(pool):
    first, second = (pool.run(request("hangs", timeout_s=1.0)) for _ in range(2))
    assert [first.result.status, second.result.status] == ["timeout", "timeout"]
    assert first.result.reason == "killed after its timeout of 1 s; --timeout gives it longer"
    assert first.interpreter == second.interpreter


def test_the_processor_time_of_trials_is_this_process_s_when_all_have_ended(pool_of):
    """Else a run would take its own trials for other processes."""
    pool = pool_of(str(LOOPS / "prints_and_is_right.py"))
    used_s = sum(pool.run(request("prints_and_is_right")).cpu_s for _ in range(2))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    pool.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime > used_s > 0


def test_a_lost_interpreter_is_replaced(pool):
    first, second = (pool.run(request("kills_its_interpreter")) for _ in range(2))
    assert [first.result.status, second.result.status] == ["killed", "killed"]
    assert first.interpreter.pid != second.interpreter.pid


def test_what_a_loop_prints_is_no_answer(pool):
    outcome = pool.run(request("prints_and_is_right"))
    assert outcome.result.status == "ok", outcome.result.reason
    assert len(outcome.result.fingerprint.losses) == lengths.EQUIVALENCE.steps


def test_a_fresh_interpreter_for_each_trial_takes_turns_by_the_same_protocol():
    spawner = Spawner(str(LOOPS / "prints_and_is_right.py"), Spec(device="cpu", threads=1, layout=LAYOUT))
    try:
        member = Member.start(spawner, request("prints_and_is_right", phase="timing"))
        assert member.running.record.launch == "spawn"
        assert member.running.record.hash_seed == LAYOUT.hash_seed
        length = TurnLength(cold_steps=1, kept_steps=4)
        taking = TurnTaking([member], iter([[0]] * 3))
        taking.take(length, cycles=3)
        (outcome,) = taking.end(length).values()
        assert outcome.result.status == "ok", outcome.result.reason
        assert len(member.timing(outcome, length).step_ns) == 3 * 5
    finally:
        spawner.close()
