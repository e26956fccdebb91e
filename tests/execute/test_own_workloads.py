"""A workload of the user's own in the processes that train it: imported once, and a row with its reason where wrong."""

from pathlib import Path

import pytest

from bench.execute.workers.member import Member
from bench.execute.workers.pool import Pool, key_of
from bench.execute.workers.request import Request
from bench.plan import length as lengths
from bench.plan.comparison_groups import cell
from bench.plan.schedule import Layout
from bench.records.schema import Comparison
from tests import verbs
from tests.verbs import HANG_S

OWN = Path(__file__).parent.parent / "workloads" / "own.py"
LAYOUT = Layout(hash_seed=0, padding_bytes=0)


def request(workload: str, phase: str = "equivalence") -> Request:
    return Request(
        phase=phase,
        cell=cell(Comparison(workload=workload, device="cpu", batch_size=4), "pytorch"),
        length=lengths.timed() if phase == "timing" else lengths.EQUIVALENCE,
        seed=0,
        threads=1,
        timeout_s=HANG_S,
    )


@pytest.fixture(scope="module")
def pool():
    """An interpreter for each workload of this file's tests, forks of one that has imported torch."""
    keys = [key_of(request(f"{OWN}:{name}").cell) for name in (*WRONG, "tiny", "tells_who_made_it", "a_loss_a_sample")]
    pool = Pool(
        [*keys, key_of(request("no_such.module:tiny").cell)],
        pythons={},
        layout=LAYOUT,
        threads=1,
        one_by_one=False,
    )
    with pytest.MonkeyPatch.context() as patched:
        verbs.set_variables(patched)
        pool.open()
    yield pool
    pool.close()


WRONG = {
    "a_tuple": "own.py:a_tuple cannot be trained: WorkloadError: its function returned a tuple (Sequential, Points, ",
    "raises": "own.py:raises cannot be trained: FileNotFoundError: no tokens in /data: make them first",
    "missing": "own.py:missing cannot be trained: AttributeError: module 'own' has no attribute 'missing'",
    "pairs": "WorkloadError: a batch of the workload is a list (Tensor, Tensor), and not a dict of tensors",
    "turns_nan": "UnusableLossError: the loss of micro-step 3 is nan, and no finite number",
}


@pytest.mark.parametrize("factory", WRONG)
def test_a_wrong_workload_is_a_result_with_its_reason(pool, factory):
    result = pool.run(request(f"{OWN}:{factory}")).result
    assert result.status == "failed"
    assert WRONG[factory] in result.reason
    assert "\n" not in result.reason


def test_a_module_that_is_not_there_is_a_result_with_its_reason(pool):
    result = pool.run(request("no_such.module:tiny")).result
    reason = "no_such.module:tiny cannot be trained: ModuleNotFoundError: No module named 'no_such'"
    assert (result.status, result.reason) == ("failed", reason)


def test_it_is_made_once_by_the_interpreter_that_all_of_its_trials_are_forks_of(pool):
    outcomes = [pool.run(request(f"{OWN}:tells_who_made_it")) for _ in range(2)]
    assert {outcome.result.reason for outcome in outcomes} == {f"RuntimeError: made by {outcomes[0].interpreter.pid}"}


def test_its_trials_are_right_whatever_folder_they_run_in(pool):
    result = pool.run(request(f"{OWN}:tiny")).result
    assert result.status == "ok", result.reason
    assert len(set(result.fingerprint.losses)) == lengths.EQUIVALENCE.steps


def test_a_loss_of_several_numbers_is_told_as_such_by_a_timed_trial_too(pool):
    result = Member.start(pool, request(f"{OWN}:a_loss_a_sample", "timing")).result
    assert (result.status, result.reason) == ("failed", "the loss is not one number: take its mean")
