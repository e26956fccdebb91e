"""How trials are started on a device: tried out, all alike in a comparison, in an environment that nobody launched."""

import os

import pytest

from bench.execute import launch_probe
from bench.execute.workers.launchers import Forker, Spawner
from bench.execute.workers.request import Request
from bench.plan import length as lengths
from bench.plan.comparison_groups import cell
from bench.records.schema import Interpreter as InterpreterRecord
from tests import verbs
from tests.execute.workers.conftest import COMPARISON
from tests.launched import LAUNCHED
from tests.verbs import HANG_S, ROOT

LOOPS = ROOT / "tests" / "loops"


def request(runner: str, phase: str = "equivalence") -> Request:
    return Request(
        phase=phase,
        cell=cell(COMPARISON, runner),
        length=lengths.EQUIVALENCE,
        seed=0,
        threads=1,
        timeout_s=HANG_S,
    )


def test_the_environment_of_a_trial_has_nothing_of_a_launcher_and_of_cublas_what_its_pass_needs(pool_of, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    for name, value in {**LAUNCHED["torchrun"], **LAUNCHED["Slurm"], **LAUNCHED["accelerate launch"]}.items():
        monkeypatch.setenv(name, value)
    loop = str(LOOPS / "tells_its_environment.py")
    pool = pool_of(loop)
    seen = {phase: pool.run(request(loop, phase)).result.reason for phase in ("equivalence", "counting", "phases")}
    nothing_else = "WORLD_SIZE=None SLURM_NTASKS=None ACCELERATE_MIXED_PRECISION=None"
    assert seen["equivalence"] == f"RuntimeError: CUBLAS_WORKSPACE_CONFIG=:4096:8 {nothing_else}"
    assert seen["counting"] == f"RuntimeError: CUBLAS_WORKSPACE_CONFIG=None {nothing_else}"
    assert seen["phases"] == seen["counting"]


BROKEN_MPI = {
    "mpi4py/__init__.py": "",
    "mpi4py/MPI.py": "raise RuntimeError('cannot load MPI library')",
    "mpi4py-4.1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: mpi4py\nVersion: 4.1.0\n",
    "mpi4py-4.1.0.dist-info/RECORD": "",
}
SLURM = {"SLURM_NTASKS": "8", "SLURM_NTASKS_PER_NODE": "8", "SLURM_JOB_NAME": "train"}


@pytest.mark.parametrize("launcher", [{}, SLURM], ids=["alone", "slurm"])
def test_lightning_trains_beside_an_mpi_without_its_library_and_under_slurm(tmp_path, launcher, monkeypatch):
    for name, text in BROKEN_MPI.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for name in [name for name in os.environ if name.startswith("SLURM")]:
        monkeypatch.delenv(name)
    found_first = {"PYTHONPATH": os.pathsep.join((str(tmp_path), verbs.QUICK))}
    printed = verbs.program("tests.execute.workers.train_lightning", tmp_path, **found_first, **launcher)
    assert printed.splitlines()[-2:] == ["lightning 12", "fabric 12"]


# A device on which nothing runs: torch's meta device has no values.


def test_a_device_on_which_nothing_runs_is_told_from_one_that_only_forks_cannot_use():
    answer = launch_probe.tried("meta")
    assert answer.launch == "spawn"
    assert "meta tensor" in answer.no_fork.lower()
    assert "meta tensor" in answer.broken.lower()


def test_where_one_runner_cannot_be_forked_no_other_is(monkeypatch, pool_of):
    """As a package that touches the card while it is imported makes it: forks and others are not mixed."""
    reason = "RuntimeError: Cannot re-initialize CUDA in forked subprocess"
    ready = Forker.ready

    def one_cannot(forker: Forker, *, alone: bool):
        interpreter = ready(forker, alone=alone)
        assert isinstance(interpreter, InterpreterRecord)
        if forker.runner == "floor":
            interpreter = interpreter.model_copy(update={"launch": "spawn", "no_fork": reason})
            forker._ready = interpreter
        return interpreter

    monkeypatch.setattr(Forker, "ready", one_cannot)
    pool = pool_of("pytorch", "floor")
    assert all(isinstance(each, Spawner) for each in pool._launchers.values())
    monkeypatch.undo()
    outcome = pool.run(request("pytorch"))
    assert outcome.result.status == "ok"
    assert (outcome.interpreter.launch, outcome.interpreter.no_fork) == (
        "spawn", f"as floor cannot be forked: {reason}",
    )  # fmt: skip
