"""A whole run on a device that is no CPU: its queue works on while the host does, in the workers' own torch."""

import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from bench.analyse import stopping
from bench.analyse.summary import summarise
from bench.execute import launch_probe
from bench.execute.scheduler import TrialScheduler
from bench.measure import memory
from bench.records.schema import Summary, Trial
from tests import factories, toy_device, verbs
from tests.verbs import HANG_S, ROOT

ON_TOY = ROOT / "tests" / "loops" / "on_toy"
TAUGHT = ("lightning", "fabric", "accelerate", "hf_trainer")
SHORT_OP_US = 20.0
"""Less than the host needs for an op."""
LONG_STEP_S = 0.32
"""Dozens of times what the host needs, so that the device decides how long a step takes, and long enough for the phases
of a few steps to be looked at."""
WAIT = "Queue.wait"
"""Where the toy waits, whoever asked for it."""


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """An environment whose processes have the device; this one must not: it could not be rid of it."""
    folder = toy_device.importable(tmp_path_factory.mktemp("toy"))
    patch = pytest.MonkeyPatch()
    verbs.set_variables(patch)
    patch.setenv("PYTHONPATH", os.pathsep.join((str(folder), verbs.QUICK)))
    patch.setenv("TOY_OP_US", str(SHORT_OP_US))
    for name, value in verbs.FRAMEWORKS.items():
        patch.setenv(name, value)
    yield patch
    patch.undo()


def measured(*runners, passes, **changes):
    run = factories.run(runners=runners, comparisons=[factories.comparison(device="toy", batch_size=8)], blocks=1)
    usual = {"passes": passes, "steps": 20, "warmup_steps": 2, "turns_s": None, "target_ci": None, "timeout_s": HANG_S}
    run = run.model_copy(update={"settings": run.settings.model_copy(update=usual | changes)})
    scheduler = TrialScheduler(run.settings, replicates=dict.fromkeys(set(passes) - {"timing"}, 1))
    trials = [trial for trials in scheduler.run(stopping.rule(run)) for trial in trials]
    return summarise(run, trials), trials


@pytest.fixture(scope="module")
def whole(toy):
    """All six loops, the frameworks told of the device, and one that reads its loss."""
    own = [*(str(ON_TOY / f"{name}.py") for name in TAUGHT), str(ON_TOY.parent / "reads_a_value.py")]
    return measured("pytorch", "floor", *own, passes=["equivalence", "counting", "timing"])


def of(summary):
    return {Path(cell.runner).stem: cell for cell in summary.cells}


def test_every_loop_does_the_same_arithmetic_there(whole):
    cells = of(whole[0])
    assert {name: (cell.status, cell.reason) for name, cell in cells.items() if cell.status != "ok"} == {}
    verdicts = {name: cell.equivalence.verdict for name, cell in cells.items()}
    assert verdicts == dict.fromkeys(verdicts, "bitwise") | {"pytorch": "baseline"}
    assert len(verdicts) == 7


def test_trials_are_forks_and_take_turns(whole):
    timed = [trial for trial in whole[1] if trial.phase == "timing"]
    assert len(timed) == 8  # with the clone of the hand-written loop
    assert {trial.interpreter.launch for trial in timed} == {"fork"}
    assert {trial.alone for trial in timed} == {None}


def test_every_step_has_its_time_by_the_devices_events(whole):
    for trial in whole[1]:
        if trial.phase == "timing":
            assert len(trial.timing.device_step_us) == len(trial.timing.step_ns) > 0
            assert min(trial.timing.device_step_us) > 0
    for cell in whole[0].cells:
        assert cell.step_time_us.value == cell.device_step_time_us.value


def test_a_loop_that_fills_the_device_is_a_row_with_its_reason_and_the_other_goes_on(toy):
    """Beside others it might be their memory that is missing, so that each is tried alone."""
    filling = str(ON_TOY.parent / "fills_the_device.py")
    summary, trials = measured("pytorch", filling, passes=["timing"], steps=1)
    assert {name: cell.status for name, cell in of(summary).items()} == {"pytorch": "ok", "fills_the_device": "oom"}
    reason = "OutOfMemoryError: the toy has no 1,048,576 bytes left"
    assert of(summary)["fills_the_device"].reason == reason
    assert {trial.alone for trial in trials} == {f"the device's memory is too small for all at once ({reason})"}


@dataclass(frozen=True, kw_only=True)
class Slow:
    """The hand-written loop where the device decides how long a step takes."""

    step_us: float
    """What its ops take the device."""
    summary: Summary
    trials: list[Trial]


@pytest.fixture(scope="module")
def slow(toy):
    ops = int(verbs.program("tests.execute.ops_a_step", PYTHONPATH=os.environ["PYTHONPATH"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOY_OP_US", str(LONG_STEP_S * 1e6 / ops))
        summary, trials = measured("pytorch", passes=["equivalence", "phases", "timing"], steps=1)
    return Slow(step_us=LONG_STEP_S * 1e6, summary=summary, trials=trials)


def test_a_step_takes_what_its_ops_take_the_device_and_not_what_they_take_the_host(slow):
    assert of(slow.summary)["pytorch"].step_time_us.value == pytest.approx(slow.step_us, rel=0.02)
    # The host runs ahead: by its own clock steps are as long only where something waits.
    by_host_us = [ns / 1e3 for trial in slow.trials if trial.phase == "timing" for ns in trial.timing.step_ns]
    assert median(by_host_us) < 0.8 * slow.step_us


def test_phases_wait_for_the_device_and_nobody_is_charged_for_that(slow):
    (split,) = [trial.phases for trial in slow.trials if trial.phase == "phases"]
    step_us = [sum(step) / 1e3 for step in zip(*split.phase_ns.values(), strict=True)]
    assert min(step_us) > 0.98 * slow.step_us
    assert split.functions
    assert [row for row in split.functions if row.function == WAIT] == []
    assert sum(row.exclusive_ns for row in split.functions) / 1e3 < 0.5 * slow.step_us


def test_memory_is_that_of_the_devices_own_allocator(whole):
    weights_bytes = 4 * (64 * 32 + 32 + 32 * 16 + 16 + 16 * 2 + 2)
    for name, cell in of(whole[0]).items():
        memory_bytes = cell.device_memory_bytes
        assert memory_bytes.allocated >= 4 * weights_bytes, name  # weights, gradients and two moments
        assert memory_bytes.reserved == 2 * memory_bytes.allocated, name  # as that allocator has it
        assert memory_bytes.process is None, name
        assert cell.unavailable["device_memory_bytes.process"] == memory.NOT_NVIDIAS


def test_what_is_read_back_counts_and_what_adamw_reads_on_the_cpu_does_not(whole):
    syncs = {name: cell.counters.syncs for name, cell in of(whole[0]).items()}
    assert syncs["pytorch"] == syncs["floor"] == 0
    assert syncs["reads_a_value"] == 1
    assert of(whole[0])["pytorch"].counters.kernels is None


def test_batches_are_moved_and_stay_batches(whole):
    by_category = of(whole[0])["pytorch"].tensor_bytes_by_category
    assert by_category["batch"] >= 8 * (64 * 4 + 8)
    assert by_category["parameters"] == by_category["gradients"]


REFUSED = {
    # Lightning has its list of devices from where Fabric has it.
    "fabric": ("failed", "You selected an invalid accelerator name: `accelerator='toy'`"),
    # Its list, which is Trainer's too, is its own: it takes the CPU and says nothing, which only equivalence shows.
    "accelerate": ("ok", "different"),
}


def test_frameworks_that_are_not_told_of_the_device_refuse_it_or_are_found_out(toy):
    summary, _ = measured("pytorch", *REFUSED, passes=["equivalence"])
    cells = of(summary)
    for name, (status, words) in REFUSED.items():
        said = cells[name].reason if status == "failed" else cells[name].equivalence.verdict
        assert words in said, (name, said)


def test_the_doctor_can_try_it(toy):
    answer = launch_probe.tried("toy")
    assert (answer.launch, answer.no_fork, answer.broken) == ("fork", None, None)
