"""Trials that die, hang or leave something behind: each is a row with its reason, and no process outlives its run."""

import os
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.execute import log as logs
from bench.execute.group import Group
from bench.execute.state import RunState
from bench.execute.workers.member import Member
from bench.execute.workers.pool import Pool, key_of
from bench.execute.workers.protocol import LOG, last_words
from bench.host.load import LoadMeter
from bench.plan import schedule
from bench.plan.comparison_groups import planned_groups
from bench.plan.schedule import Layout
from bench.records import store
from studies import endurance
from tests import factories, verbs
from tests.execute.workers.test_faults import LOOPS, request
from tests.loops import outgrows_its_group
from tests.loops.leaves_processes import TOKEN

OFTEN = " (often the kernel, out of host memory)"
LAYOUT = Layout(hash_seed=1, padding_bytes=10)
TURNS = ["prints_and_is_right", "has_a_thread", "segfaults_in_its_turn"]
PASSES = ["leaves_processes", "floods_its_output", "fills_the_host", "outgrows_its_group"]


@pytest.fixture(scope="module")
def plan():
    runners = ["pytorch", *(str(LOOPS / f"{name}.py") for name in TURNS)]
    settings = factories.run(runners=runners, comparisons=[factories.comparison(batch_size=4)]).settings
    return settings.model_copy(update={"passes": ["timing"], "steps": 200, "warmup_steps": 20, "timeout_s": 60.0})


@pytest.fixture(scope="module")
def pool(plan):
    """One set of interpreters for all of these tests; they are all gone afterwards, and so is what they started."""
    (planned,) = planned_groups(plan)
    keys = [*map(key_of, planned.members), *(key_of(request(loop).cell) for loop in PASSES)]
    opened = Pool(dict.fromkeys(keys), pythons={}, layout=LAYOUT, threads=1, one_by_one=False)
    others = descendants(os.getpid())
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", verbs.QUICK)
        opened.open()
    yield opened
    left = descendants(os.getpid()) - others
    opened.close()
    assert left
    assert [pid for pid in left if Path(f"/proc/{pid}").exists()] == []


def descendants(pid):
    """All processes below `pid`, zombies too."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    below, todo = set(), {pid}
    while todo:
        todo = {child for child, parent in parents.items() if parent in todo}
        below |= todo
    return below


def states(pids):
    return {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in pids}


def called(token):
    """The processes whose command line has `token`."""
    pids = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            pids += [int(folder.name)] if token.encode() in words else []
    return pids


@pytest.mark.skipif(not Path("/proc/thread-self/children").exists(), reason="this kernel does not list children")
def test_what_a_trial_leaves_behind_ends_with_it_daemons_too(pool):
    before = descendants(os.getpid())
    assert pool.run(request("leaves_processes")).result.status == "ok"
    assert called(TOKEN) == []
    assert descendants(os.getpid()) <= before
    assert "Z" not in states(descendants(os.getpid()))


def test_output_without_end_is_killed_at_the_timeout_and_leaves_no_file(pool, monkeypatch, tmp_path):
    monkeypatch.setattr(logs, "MAX_BYTES", 2 * logs.KEPT_BYTES)
    kept, sizes = logs.Log.kept, []
    monkeypatch.setattr(logs.Log, "kept", lambda log: (sizes.append(log.path.stat().st_size), kept(log))[1])
    result = pool.run(replace(request("floods_its_output", timeout_s=3.0), log_to=tmp_path / "a.log")).result
    assert (result.status, result.reason) == ("timeout", "killed after its timeout of 3 s; --timeout gives it longer")
    kept = (tmp_path / "a.failed.log").read_text()
    assert kept.startswith("the first words\nloss: 0.7\n")
    left_out = re.search(r"^\[([\d,]+) bytes are left out here\]$", kept, flags=re.MULTILINE)
    assert int(left_out[1].replace(",", "")) > 2 * sizes[0]  # it was shortened all the while, not only in the end
    assert len(kept) <= 2 * logs.KEPT_BYTES + len(left_out[0]) + 1


def test_of_a_log_the_beginning_and_the_end_are_kept_in_whole_lines_and_what_is_gone_is_counted(tmp_path):
    log = logs.Log(tmp_path / LOG)
    printed = b""
    for _ in range(3):
        lines = b"".join(b"line %d\n" % number for number in range(300_000))
        printed += lines
        with log.path.open("ab") as file:
            file.write(lines)
        kept = log.kept()
    begin, count, end = re.split(r"\[([\d,]+) bytes are left out here\]\n", kept)
    assert (begin[:7], end[-12:]) == ("line 0\n", "line 299999\n"[-12:])
    assert printed.startswith(begin.encode())
    assert printed.endswith(b"\n" + end.encode())
    assert len(begin) + int(count.replace(",", "")) + len(end) == len(printed)


KEPT_BYTES = 2 * logs.KEPT_BYTES + 100
"""Of a log that was shortened, at most."""
PRINTS = """
import os, sys, time
from pathlib import Path

def is_short(log):
    text = log.read_bytes()
    return b"left out" in text and len(text) < int(sys.argv[2])

for descriptor in (1, 2, os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)):
    for _ in range(30):
        os.write(descriptor, b"a line\\n" * 16_384)
    while not is_short(Path(f"/proc/self/fd/{descriptor}")):  # what is printed while it is shortened may be lost
        time.sleep(0.05)
    os.write(descriptor, b"the end")
"""


def test_of_what_a_builder_prints_or_logs_no_more_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(logs, "MAX_BYTES", KEPT_BYTES)
    monkeypatch.setattr(logs, "LOOK_S", 0.05)
    own = logs.Log(tmp_path / "own.log")
    done = logs.run([sys.executable, "-c", PRINTS, str(own.path), str(KEPT_BYTES)], env=os.environ, own_log=own)
    assert done.returncode == 0
    for kept in (done.stdout, done.stderr, own.kept()):
        assert len(kept) < KEPT_BYTES
        assert "bytes are left out here]\n" in kept
        assert kept.endswith("a line\nthe end")


def test_a_builder_does_not_outlive_whoever_is_interrupted_while_he_waits(monkeypatch, tmp_path):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(logs.Log, "look", interrupted)
    with pytest.raises(KeyboardInterrupt):
        logs.run([sys.executable, "-c", "import time; time.sleep(600)", str(tmp_path)], env=os.environ)
    assert called(str(tmp_path)) == []


def test_a_log_is_not_shortened_through_a_link(tmp_path):
    (tmp_path / "victim").write_bytes(b"x" * 3 * logs.KEPT_BYTES)
    (tmp_path / LOG).symlink_to(tmp_path / "victim")
    logs.Log(tmp_path / LOG)._shorten_to(0)
    assert (tmp_path / "victim").stat().st_size == 3 * logs.KEPT_BYTES


def test_of_a_log_of_gigabytes_only_the_end_is_read(tmp_path):
    with (tmp_path / LOG).open("wb") as log:
        log.truncate(8 << 40)  # a hole: eight terabytes that take no room, and that no memory holds
        log.seek(0, os.SEEK_END)
        log.write(b"\nthe last words\n\n")
    assert last_words(tmp_path / LOG) == ": the last words"


def test_out_of_host_memory_is_told_as_such(pool):
    result = pool.run(request("fills_the_host")).result
    assert (result.status, result.reason) == ("oom", "MemoryError")


@pytest.fixture
def small_group():
    """A control group that may have little memory, where one can be made."""
    v1 = Path("/sys/fs/cgroup/memory")
    mount, limit = (v1, "memory.limit_in_bytes") if v1.is_dir() else (v1.parent, "memory.max")
    group = mount / f"{outgrows_its_group.GROUP}-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error.strerror}")
    try:
        (group / limit).write_text(str(outgrows_its_group.LIMIT_BYTES))
        if (group / "memory.swap.max").exists():
            (group / "memory.swap.max").write_text("0")
    except OSError as error:
        group.rmdir()
        pytest.skip(f"no control group can be limited here: {error.strerror}")
    yield group
    group.rmdir()


def test_a_trial_that_outgrows_its_control_group_is_a_row_that_says_so(pool, small_group):
    running = pool.start(request("outgrows_its_group"))
    (small_group / "cgroup.procs").write_text(str(running.process.pid))
    result = running.outcome(60.0).result
    assert (result.status, result.reason) == ("killed", f"the process was killed by SIGKILL{OFTEN}")


@pytest.mark.slow
def test_thirty_blocks_in_a_row_grow_neither_memory_nor_descriptors_nor_processes(tmp_path, monkeypatch):
    """`python -m studies.endurance` measures two thousand."""
    monkeypatch.setenv("PYTHONPATH", verbs.QUICK)
    blocks = 30
    folder = store.create(tmp_path, endurance.plan(blocks=blocks, sets=1))
    first, *rest = seen = list(endurance.samples(folder))
    held = ("descriptors", "workers_descriptors", "workers")
    assert [getattr(rest[-1], name) for name in held] == [getattr(first, name) for name in held]
    growth = endurance.growth(seen, per_set=blocks)
    assert growth[endurance.OF_INTERPRETERS] * blocks / 1000 < 512
    # A run keeps every trial: its own memory may grow by what they take, twice over for the allocator.
    assert growth["memory of the parent, KiB"] / 1000 < 2 * endurance.kept_bytes(folder) / endurance.KIB / blocks


@pytest.mark.parametrize(
    ("while_it_waits", "while_it_is_stopped"),
    [(signal.SIGKILL, signal.SIGKILL), (signal.SIGSEGV, signal.SIGABRT)],
    ids=lambda number: number.name,
)
def test_trials_killed_in_a_turn_while_they_wait_and_while_they_are_stopped_are_rows_and_the_others_go_on(
    pool, plan, monkeypatch, while_it_waits, while_it_is_stopped
):
    by_signal = {"prints_and_is_right": while_it_waits, "has_a_thread": while_it_is_stopped}
    train, seen = Member._train, {}

    def train_and_be_killed(member, steps, timeout_s):
        train(member, steps, timeout_s)
        name = Path(member.running.request.cell.runner).stem
        if name in by_signal and name not in seen:
            pid = member.running.process.pid
            seen[name] = states([pid]).pop() if not member.must_stop else stopped(pid)
            os.kill(pid, by_signal[name])

    monkeypatch.setattr(Member, "_train", train_and_be_killed)
    (planned,) = planned_groups(plan)
    (group,) = schedule.block([planned], seed=0, block=0)
    trials = Group(plan, RunState(plan, done=[]), pool, group, planned.reference).trials(LoadMeter())
    assert seen["has_a_thread"] == "T"
    assert seen["prints_and_is_right"] in "RS"  # it blocks in its read, or is about to
    ended = {Path(trial.cell.runner).stem: (trial.status, trial.reason) for trial in trials}
    killed = {
        name: f"the process was killed by {number.name}{OFTEN if number == signal.SIGKILL else ''}"
        for name, number in by_signal.items()
    }
    assert ended["has_a_thread"] == ("killed", killed["has_a_thread"])
    assert ended["prints_and_is_right"] == ("killed", f"{killed['prints_and_is_right']}: noise")  # what it printed last
    assert ended["segfaults_in_its_turn"] == ("killed", "the process was killed by SIGSEGV")
    assert ended["pytorch"] == ("ok", None)
    (first, clone) = (trial.timing for trial in trials if trial.status == "ok")
    assert len(first.step_ns) == len(clone.step_ns) == 200 // first.turns.length.steps * first.turns.length.steps
    assert "T" not in states(descendants(os.getpid()))


def stopped(pid):
    """The state of a process that was told to stop, once it has."""
    for _ in range(100_000):
        if states([pid]) == {"T"}:
            break
    return states([pid]).pop()
