"""How much others used the processors: by made-up counts, and by a process that is planted."""

import os

import pytest

from bench.host import load, proc_stat
from bench.host.load import LoadMeter
from bench.host.proc_stat import StatUnavailableError, cpu_times
from tests.busy import burnt, done
from tests.host.machines import tree

PER_S = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def two_cpus(monkeypatch):
    monkeypatch.setattr(load, "usable_cpus", lambda: frozenset({0, 1}))


def stat(user: float, idle: float, stolen: float = 0.0) -> dict[str, str]:
    """Processors 0 and 1 of four, alike; 2 and 3 are busy with what is none of ours."""
    ours, others = ([int(value * PER_S) for value in row] for row in ([user, idle, stolen], [1000 * user, 0, 0]))
    rows = [f"cpu{n} {row[0]} 0 0 {row[1]} 0 0 0 {row[2]} 9 9" for n, row in enumerate([ours, ours, others, others])]
    return {"stat": "\n".join(["cpu 1 2 3 4 5 6 7 8 9 10", *rows, "intr 5", "ctxt 7"])}


def test_what_others_used_is_what_all_used_less_what_the_run_did(tmp_path, two_cpus):
    clock, own = iter([10.0, 12.0]), iter([1.0, 1.25])
    tree(tmp_path, stat(user=5.0, idle=100.0))
    meter = LoadMeter(tmp_path, own_s=lambda: next(own), clock=lambda: next(clock))
    before = meter.read()
    tree(tmp_path, stat(user=6.0, idle=101.0, stolen=0.5))
    window = meter.since(before, forks_s=1.0)
    assert window is not None
    assert (window.wall_s, window.cpus, window.busy_s, window.own_s, window.stolen_s) == (2.0, 2, 2.0, 1.25, 1.0)


def test_guests_are_in_user_already_and_waiting_for_a_disk_is_idle(tmp_path):
    tree(tmp_path, {"stat": "cpu0 100 20 30 9000 777 5 6 50 44 33"})
    times = cpu_times({0}, tmp_path)
    assert (times.busy_s * PER_S, times.stolen_s * PER_S) == (161, 50)


def test_what_a_trial_used_that_nobody_counted_leaves_no_load(tmp_path, two_cpus):
    meter = LoadMeter(tree(tmp_path, stat(user=1, idle=1)))
    assert meter.since(meter.read(), forks_s=None) is None


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "stat cannot be read (No such file or directory)"),
        ({"stat": "cpu7 1 2 3 4 5 6 7 8"}, "stat does not list the processors of this process"),
        ({"stat": "cpu0 1 2 3 4\ncpu1 1 2 3 4"}, "stat does not list the processors of this process"),
        ({"stat": "cpu0 0 0 0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0"}, "stat says 0 of everything"),  # gVisor
    ],
)
def test_where_it_cannot_be_read_the_reason_is_given(files, reason, tmp_path, two_cpus):
    meter = LoadMeter(tree(tmp_path, files))
    assert meter.unavailable == f"{tmp_path}/{reason}"
    assert meter.read() is None
    assert meter.since(None, forks_s=0.0) is None


def test_a_system_without_affinity_says_so(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    with pytest.raises(StatUnavailableError, match="does not report which processors"):
        proc_stat.usable_cpus()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux counts by processor")
def test_a_planted_process_is_foreign_and_a_child_that_was_waited_for_is_not():
    """In processor time: on a crowded machine both take longer, but neither uses more or less."""
    meter = LoadMeter()
    before = meter.read()
    stranger = burnt(1.0)  # still there: nobody has waited for it, so that it counts as anybody's
    window = meter.since(before, forks_s=0.0)
    assert window.busy_s - window.own_s > 0.9
    assert window.own_s < 0.5
    done(stranger)
    waited_for = meter.since(before, forks_s=0.0)
    assert waited_for.own_s > 1.0
