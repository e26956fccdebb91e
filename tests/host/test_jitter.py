"""The fixed work: how it is cut into slices, on which cores, and that it works where nothing can be pinned."""

import json
import os
import subprocess
import sys
from itertools import pairwise

import pytest

from bench.analyse.machine import jitter as machine_jitter
from bench.execute import checkup, examination, jitter_probe
from bench.host import jitter as host_jitter
from bench.records import checkups
from bench.records.steadiness import CoreSlices, JitterFacts
from tests import factories, verbs


class FakeClock:
    """A clock that only work moves."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def work(self, unit_ns: int):
        def unit() -> None:
            self.now_ns += unit_ns

        return unit


@pytest.mark.parametrize(("unit_ns", "units"), [(100_000, 100), (333_000, 30), (50_000_000, 1)])
def test_a_slice_is_as_many_units_as_take_ten_milliseconds(unit_ns, units):
    clock = FakeClock()
    assert host_jitter.units_per_slice(clock.work(unit_ns), clock) == units


def test_a_slice_is_timed_without_the_units_that_warm_the_caches():
    clock = FakeClock()
    assert host_jitter.time_slice_ns(clock.work(1000), 5, clock) == 5000
    assert clock.now_ns == (host_jitter.COLD_UNITS + 5) * 1000


@pytest.mark.parametrize(
    ("usable", "chosen"),
    [([3], [3]), ([0, 1], [0, 1]), ([0, 2, 4, 6], [0, 2, 4, 6]), (list(range(64)), [0, 16, 32, 48])],
)
def test_at_most_four_cores_are_probed_evenly_spread(usable, chosen):
    assert host_jitter.select_cores(usable) == chosen


@pytest.fixture
def fake_work(monkeypatch):
    """A clock, and work of 1 ms by it."""
    clock = FakeClock()
    monkeypatch.setattr(host_jitter, "unit", lambda: clock.work(1_000_000))
    return clock


def pinning(monkeypatch, clock, cores) -> list[tuple[int, int]]:
    """Let this process seem to be pinned: to which core, and when."""
    pinned: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(cores), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, only: pinned.append((*only, clock.now_ns)), raising=False)
    return pinned


def test_cores_are_visited_in_turn_two_slices_at_a_time(monkeypatch, fake_work):
    pinned = pinning(monkeypatch, fake_work, {5, 7})
    seen = host_jitter.probe(0.2, clock=fake_work)
    assert [core for core, _ in pinned] == [5, 7] * 5
    assert {later - at for (_, at), (_, later) in pairwise(pinned)} == {24_000_000}
    assert [(core.core, core.slices_ns) for core in seen.cores] == [(core, [10_000_000] * 10) for core in (5, 7)]
    assert (seen.units_per_slice, seen.usable_cores, seen.wall_s) == (10, 2, pytest.approx(0.24))


def test_many_cores_take_no_longer(monkeypatch, fake_work):
    pinning(monkeypatch, fake_work, range(64))
    seen = host_jitter.probe(1.0, clock=fake_work)
    assert seen.usable_cores == 64
    assert [core.core for core in seen.cores] == [0, 16, 32, 48]
    assert seen.wall_s < 1.1


def test_a_crowded_machine_gets_the_slices_that_figures_need_all_the_same(monkeypatch, fake_work):
    pinning(monkeypatch, fake_work, range(4))
    seen = host_jitter.probe(0.01, clock=fake_work)
    assert [len(core.slices_ns) for core in seen.cores] == [8] * 4
    assert machine_jitter.steadiness(seen).unavailable is None


def test_where_no_process_can_be_pinned_it_is_timed_all_the_same(monkeypatch, fake_work):
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    seen = host_jitter.probe(0.1, clock=fake_work)
    assert (seen.usable_cores, [core.core for core in seen.cores]) == (None, [None])
    assert len(seen.cores[0].slices_ns) == 10


def test_the_process_prints_one_object_and_loads_neither_numpy_nor_torch(tmp_path):
    code = (
        "import sys; sys.argv = ['jitter', '--seconds', '0.1']\n"
        "from bench.host import jitter; jitter.main()\n"
        "sys.stderr.write(str(sorted({'numpy', 'torch'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]"
    seen = JitterFacts.model_validate(json.loads(done.stdout))
    assert all(len(core.slices_ns) >= 2 and min(core.slices_ns) > 0 for core in seen.cores)


# From outside


def test_it_is_asked_of_a_process_of_its_own():
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    seen = jitter_probe.jitter(0.1)
    assert seen.unavailable is None
    assert seen.cores
    assert before is None or os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise OSError('no such core')", "the fixed work failed: OSError: no such core"),
        ("import os; os.kill(os.getpid(), 9)", "the fixed work failed: exit code -9"),
        ("print('hello')", "the process that timed fixed work said nothing that can be understood"),
    ],
)
def test_a_probe_that_fails_is_a_reason(source, reason, tmp_path, monkeypatch):
    (tmp_path / "broken_probe.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert jitter_probe.jitter(0.1, module="broken_probe") == JitterFacts(unavailable=reason)


def test_a_probe_that_hangs_is_ended_and_a_reason(tmp_path, monkeypatch):
    (tmp_path / "hangs.py").write_text("import threading; threading.Event().wait()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(jitter_probe, "START_UP_S", 0.7)
    facts = jitter_probe.jitter(0.1, module="hangs")
    assert facts == JitterFacts(unavailable="the fixed work was not done after 1 s")


def test_a_process_that_cannot_be_started_is_a_reason(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert jitter_probe.jitter(0.1).unavailable == "no process could be started for it (No such file or directory)"


def interrupt(seconds: float) -> JitterFacts:
    raise KeyboardInterrupt


def test_one_who_does_not_wait_for_the_doctor_is_told_all_the_rest(monkeypatch):
    verbs.set_variables(monkeypatch)
    monkeypatch.setattr(examination, "WINDOW_S", 0.01)
    monkeypatch.setattr(examination.jitter_probe, "jitter", interrupt)
    seen = examination.examine("cpu")
    assert (seen.interrupted, seen.jitter.unavailable) == (True, "interrupted before the fixed work was timed")
    assert seen.torch.build


def test_a_run_keeps_what_it_saw_with_its_start(tmp_path, monkeypatch):
    asked: list[float] = []
    facts = JitterFacts(
        wall_s=1.0, units_per_slice=97, cores=[CoreSlices(core=core, slices_ns=[5]) for core in (0, None)]
    )
    monkeypatch.setattr(checkup.jitter_probe, "jitter", lambda seconds: asked.append(seconds) or facts)
    with checkup.record_during(tmp_path, factories.run()):
        pass
    assert asked == [1.0]
    assert [each.jitter for each in checkups.read(tmp_path)] == [facts, None]


def test_ctrl_c_during_the_probe_ends_the_run_and_leaves_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(checkup.jitter_probe, "jitter", interrupt)
    with pytest.raises(KeyboardInterrupt), checkup.record_during(tmp_path, factories.run()):
        pytest.fail("it went on")
    (start,) = checkups.read(tmp_path)
    assert (start.moment, start.jitter.unavailable) == ("start", "interrupted before the fixed work was timed")
