"""The clock and the gate: a tick after every optimizer step of any loop, which trains in turns and waits between them.

The loop trains in a thread of its own, at a time that passes only where a test says so; the test is its parent.
"""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any, NoReturn

import pytest
import torch
from torch.optim.optimizer import _global_optimizer_post_hooks

from bench.host import process
from bench.measure import clock as clocks
from bench.measure import collector, memory
from bench.measure.clock import Clock
from bench.measure.collector import Collections
from bench.measure.device import Device, Host, Peaks
from bench.measure.ticks import MAX_STEPS, OVER, READY, TURN, Ticks
from bench.plan.length import WarmUp
from tests.measure.fake_device import FakeAccelerator

NOTHING = memory.HostBaseline(inherited_bytes=0, at_start=process.Resident(total=0, peak=0, anonymous=0))
TWO_STEPS = WarmUp(max_steps=2, seconds=1e9)
PATIENCE_S = 20.0
"""Nothing here takes a second; a trial that hangs fails its test instead of stopping all."""
STEP_NS = 100


class FinishedError(Exception):
    """What stands for the end of the process."""


@dataclass
class Time:
    """It passes where a test says so."""

    now_ns: int = 0

    def passes(self, ns: int) -> None:
        self.now_ns += ns


@dataclass
class Energy:
    """Keeps when it is asked; a test may say what happens then."""

    calls: list[str] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def begin(self) -> None:
        self.calls.append("energy begins")
        self.meanwhile()

    def end(self) -> None:
        self.calls.append("energy ends")
        self.meanwhile()

    def result(self) -> dict[str, Any]:
        return {}


@dataclass
class Trial:
    """A loop, and its parent's end of the socket."""

    parent: socket.socket
    control: socket.socket
    ticks: Ticks
    """As the parent maps them."""
    clock: Clock
    finished_with: list[Clock] = field(default_factory=list)
    steps_made: int = 0
    ended: Future[None] | None = None

    def train(self, in_step: Callable[[int], object]) -> None:
        """Far more steps than any test asks for, each of which calls `in_step` with its number, from 1."""
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        with self.control:
            for number in range(1, 10 * MAX_STEPS):
                self.steps_made = number
                in_step(number)
                optimizer.step()

    def ready(self) -> dict[str, int]:
        """What it says after its warm-up."""
        names = ("startup_ns", "typical_ns", "warmup_steps", "has_company")
        return dict(zip(names, READY.unpack(self.parent.recv(READY.size)), strict=True))

    def take_turn(self, steps: int) -> list[int]:
        """Let it train so many steps; their times."""
        self.parent.sendall(TURN.pack(steps))
        assert self.parent.recv(2) == OVER
        return self.ticks.steps_ns(steps)

    def is_over(self) -> bool:
        """Whether its loop ended by the way that a parent's word, or its death, ends it."""
        assert self.ended is not None
        with pytest.raises(FinishedError):
            self.ended.result(PATIENCE_S)
        return self.finished_with == [self.clock]


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    for module in (clocks, collector):
        monkeypatch.setattr(module, "perf_counter_ns", lambda: clock.now_ns)
    return clock


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Trial]]:
    """Starts a trial; afterwards its loop has ended, and torch and the collector know nothing of it."""
    hooks, callbacks = dict(_global_optimizer_post_hooks), list(gc.callbacks)
    started: list[Trial] = []
    gc.disable()  # no collections but those that a test makes,
    gc.freeze()  # of nothing but what it makes: all that torch has takes a second

    with ThreadPoolExecutor(1) as pool:

        def starting(
            in_step: Callable[[int], object],
            *,
            device: Device | None = None,
            energy: Energy | None = None,
            warm_up: WarmUp = TWO_STEPS,
        ) -> Trial:
            parent, control = socket.socketpair()
            parent.settimeout(PATIENCE_S)

            def finish(clock: Clock) -> NoReturn:
                trial.finished_with.append(clock)
                raise FinishedError

            ticks = Ticks(tmp_path / "ticks")
            clock = Clock(
                ticks=ticks,
                control=control,
                warm_up=asdict(warm_up),
                device=device or Host(),
                meters=[energy or Energy()],
                collections=Collections(ticks),
                finish=finish,
            )
            trial = Trial(parent, control, Ticks(tmp_path / "ticks"), clock)
            started.append(trial)
            clock.start()
            trial.ended = pool.submit(trial.train, in_step)
            return trial

        yield starting
        for trial in started:
            trial.parent.close()
            assert trial.ended is not None
            trial.ended.exception(PATIENCE_S)
    gc.unfreeze()
    gc.enable()
    _global_optimizer_post_hooks.clear()
    _global_optimizer_post_hooks.update(hooks)
    gc.callbacks[:] = callbacks


# The warm-up.


def test_after_its_warm_up_it_says_so_and_waits(start, time):
    trial = start(lambda number: time.passes(9_000 if number == 1 else STEP_NS), warm_up=WarmUp(max_steps=6))
    ready = trial.ready()
    assert (ready["startup_ns"], ready["typical_ns"], ready["warmup_steps"]) == (9_000, STEP_NS, 6)
    assert trial.steps_made == 6


@pytest.mark.parametrize(
    ("rule", "steps"),
    [
        (WarmUp(min_steps=2, max_steps=50, seconds=0.0), 2),
        (WarmUp(min_steps=7, max_steps=7, seconds=0.0), 7),
        (WarmUp(min_steps=1, max_steps=1, seconds=0.0), 1),
        (WarmUp(min_steps=2, max_steps=5, seconds=1e9), 5),
        (WarmUp(min_steps=2, max_steps=50, seconds=20e-9 * STEP_NS / 2), 11),
    ],
)
def test_it_warms_up_for_so_many_steps_or_so_long_after_the_first_but_never_for_fewer(start, time, rule, steps):
    trial = start(lambda number: time.passes(9_000 if number == 1 else STEP_NS), warm_up=rule)
    ready = trial.ready()
    assert ready["warmup_steps"] == trial.steps_made == steps
    assert ready["typical_ns"] == (STEP_NS if steps > 1 else 9_000)  # the first step is none of the typical ones


def test_the_typical_step_is_the_median_of_the_last_nine_of_the_warm_up(start, time):
    trial = start(lambda number: time.passes(1_000 * number), warm_up=WarmUp(max_steps=20, seconds=1e9))
    assert trial.ready()["typical_ns"] == 16_000


def test_a_warm_up_of_one_step_takes_that_for_typical(start, time):
    trial = start(lambda _: time.passes(STEP_NS), warm_up=WarmUp(min_steps=1, max_steps=1))
    assert trial.ready()["typical_ns"] == STEP_NS


# Turns.


def test_a_turn_leaves_the_times_of_its_steps_and_its_wait_is_in_none_of_them(start, time):
    trial = start(time.passes)  # the n-th step takes n nanoseconds
    trial.ready()
    time.passes(50_000)
    assert trial.take_turn(4) == [3, 4, 5, 6]
    assert trial.steps_made == 6
    time.passes(50_000)
    assert trial.take_turn(1) == [7]
    time.passes(50_000)
    assert trial.take_turn(3) == [8, 9, 10]
    assert trial.ticks.device_ns[1:4].tolist() == [0, 0, 0]  # a CPU has no events


def test_between_its_ends_a_turn_is_nothing_but_steps(start):
    device = FakeAccelerator()
    trial = start(lambda _: device.calls.append("step"), device=device, energy=Energy(device.calls))
    trial.ready()
    warmed_up = [f"{MAX_STEPS + 1} events", "step", "step", "synchronize", "peaks", "reset"]
    assert device.calls == warmed_up
    trial.take_turn(3)
    trial.take_turn(2)
    turns = [["energy begins", *["step"] * steps, "synchronize", "energy ends"] for steps in (3, 2)]
    assert device.calls == [*warmed_up, *turns[0], *turns[1]]


def test_a_turn_leaves_what_its_steps_took_by_the_devices_events(start, time):
    trial = start(lambda _: time.passes(STEP_NS), device=FakeAccelerator())
    trial.ready()
    for steps in (3, 5):
        trial.take_turn(steps)
        assert trial.ticks.device_ns[1 : steps + 1].tolist() == [10_000] * steps


def test_a_tick_on_a_device_calls_nothing_but_its_event(start):
    """On a card a step may take 200 µs, and torch takes some of these to find the stream of an event not given one."""
    calls: list[str] = []

    def profile(frame, event, _):
        if event == "call" and Path(frame.f_code.co_filename).name in ("clock.py", "fake_device.py", "device.py"):
            calls.append(frame.f_code.co_name)

    trial = start(lambda number: sys.setprofile(profile if number == 5 else None), device=FakeAccelerator())
    trial.ready()
    trial.take_turn(6)  # the third to the eighth
    assert calls == ["tick_on_a_device", "record"]


def test_a_device_without_events_has_of_each_turn_what_it_took_until_all_was_done(start, time):
    """The host's ticks say when work was handed over, and nothing of how long the device takes."""

    class WithoutEvents(FakeAccelerator):
        def events(self, count):
            return []

        def synchronize(self):
            time.passes(1_000)

    trial = start(lambda _: time.passes(STEP_NS), device=WithoutEvents())
    trial.ready()
    trial.take_turn(4)
    assert trial.ticks.device_ns[1:5].tolist() == [(4 * STEP_NS + 1_000) // 4] * 4


def test_a_turn_may_have_as_many_steps_as_there_are_places(start, time):
    trial = start(lambda _: time.passes(STEP_NS), device=FakeAccelerator(), energy=Energy(meanwhile=gc.collect))
    trial.ready()
    assert trial.take_turn(MAX_STEPS) == [STEP_NS] * MAX_STEPS
    assert trial.ticks.device_ns[1 : MAX_STEPS + 1].tolist() == [10_000] * MAX_STEPS
    with pytest.raises(IndexError):
        trial.ticks.tick_ns[MAX_STEPS + 2]


@pytest.mark.parametrize("made_by", ["its parent's word", "its parent's end"])
@pytest.mark.parametrize("turns", [0, 2])
def test_a_trial_ends_from_inside_its_step_when_its_parent_says_so_or_is_gone(start, made_by, turns):
    trial = start(lambda _: None)
    trial.ready()
    for _ in range(turns):
        trial.take_turn(3)
    if made_by == "its parent's word":
        trial.parent.sendall(TURN.pack(0))
    else:
        trial.parent.close()
    assert trial.is_over()
    assert trial.steps_made == 2 + 3 * turns


# What the core ran besides.


@dataclass
class Account:
    """The kernel's account of a thread, kept in a file."""

    path: Path
    waited_ns: int = 0
    read: int = 0

    def adds(self, ns: int) -> None:
        self.waited_ns += ns
        self.path.write_text(f"123456 {self.waited_ns} 7\n")

    def pread(self, descriptor: int, size: int, offset: int) -> bytes:
        self.read += 1
        return PREAD(descriptor, size, offset)


PREAD = os.pread


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    account = Account(tmp_path / "schedstat")
    account.adds(5_000)
    with account.path.open("rb") as file:
        monkeypatch.setattr(clocks, "_own_account", file.fileno)
        monkeypatch.setattr(clocks.os, "pread", account.pread)
        yield account


def test_what_the_core_ran_besides_is_told_of_the_step_that_it_fell_into_and_of_no_other_turn(start, time, account):
    def in_step(number: int) -> None:
        time.passes(STEP_NS)
        if number in (4, 6):
            time.passes(number * 1_000)
            account.adds(number * 1_000)

    trial = start(in_step)
    trial.ready()
    account.adds(9_000)  # while it waits for its turn
    assert trial.take_turn(5) == [100, 4_100, 100, 6_100, 100]
    assert trial.ticks.waits_ns(5) == {1: 4_000, 3: 6_000}
    account.adds(9_000)
    assert trial.take_turn(5) == [100] * 5
    assert trial.ticks.waits_ns(5) == {}


def test_the_account_is_read_at_the_ends_of_a_turn_and_after_long_steps_alone(start, time, account):
    trial = start(lambda number: time.passes(STEP_NS * 2 if number == 7 else STEP_NS))
    trial.ready()
    before = account.read
    trial.take_turn(20)
    assert account.read - before == 2 + 1


def test_what_was_waited_in_steps_too_short_to_be_seen_is_told_by_the_end_of_the_turn(start, time, account):
    trial = start(lambda number: (time.passes(STEP_NS), account.adds(1_500 if number == 4 else 0)))
    trial.ready()
    trial.take_turn(4)
    assert trial.ticks.waits_ns(4) == {3: 1_500}


# Pauses.


@dataclass
class Slow:
    """Garbage that only the collector finds, and that takes its time to go."""

    time: Time
    ns: int

    def __post_init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        self.time.passes(self.ns)


def test_a_full_collection_is_told_of_the_step_that_it_fell_into_and_of_no_other_turn(start, time):
    def in_step(number: int) -> None:
        time.passes(STEP_NS)
        if number in (4, 6):
            for _ in range(number // 3):  # one in the second step of the turn, two in the fourth
                Slow(time, 70)
                gc.collect()
        if number == 5:
            Slow(time, 70)
            gc.collect(1)  # what is young is collected in many a step

    trial = start(in_step)
    trial.ready()
    assert trial.take_turn(4) == [100, 170, 170, 240]
    assert trial.ticks.pauses_ns(4) == {1: 70, 3: 140}
    assert trial.take_turn(4) == [100] * 4
    assert trial.ticks.pauses_ns(4) == {}


def test_a_collection_in_the_warm_up_or_between_turns_is_no_pause_of_a_turn(start, time):
    def in_step(number: int) -> None:
        if number <= 2:
            collect()

    def collect() -> None:
        Slow(time, 70)
        gc.collect()

    trial = start(in_step, energy=Energy(meanwhile=collect))
    assert trial.ready()["typical_ns"] == 70
    for steps in (3, 5, 4):
        assert trial.take_turn(steps) == [0] * steps
        assert trial.ticks.pauses_ns(steps) == {}


# Company.


def company_of(surroundings: Callable[[], object]) -> bool:
    """Whether a fork of this process, which has no threads, has company in some surroundings."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        kept = surroundings()
        os.write(writer, b"1" if clocks._has_company() else b"0")
        os._exit(0 if kept is not None else 1)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        byte = answer.read(1)
    assert os.waitpid(pid, 0)[1] == 0
    return {b"0": False, b"1": True}[byte]


def a_thread() -> Any:
    thread = Thread(target=Event().wait, daemon=True)
    thread.start()
    return thread


def a_child() -> Any:
    inherited, kept = os.pipe()
    if os.fork() == 0:
        os.close(kept)
        os.read(inherited, 1)  # until whoever made it is gone
        os._exit(0)
    return kept


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells of threads and children")
def test_a_trial_says_whether_others_have_to_stand_still_while_it_waits():
    assert not company_of(lambda: 0)
    assert company_of(a_thread)
    assert company_of(a_child)


def test_where_the_system_does_not_tell_there_may_be_company(monkeypatch, tmp_path):
    monkeypatch.setattr(clocks, "Path", lambda _: tmp_path / "proc")
    assert clocks._has_company()


# What passes by memory.


def test_what_the_trial_writes_its_parent_reads(tmp_path):
    ours, theirs = Ticks(tmp_path / "ticks"), Ticks(tmp_path / "ticks")
    assert theirs.pauses_ns(MAX_STEPS) == {}
    for column, values in (("tick_ns", (5, 15, 35)), ("collector_ns", (0, 0, 3)), ("device_ns", (0, 8, 19))):
        for row, value in enumerate(values):
            getattr(ours, column)[row] = value
    assert theirs.steps_ns(2) == [10, 20]
    assert theirs.pauses_ns(2) == {1: 3}
    assert theirs.device_ns[1:3].tolist() == [8, 19]


# Memory.


def test_peaks_of_the_turns_and_of_the_whole_run(start):
    peaks = [Peaks(allocated_bytes=900, reserved_bytes=2000), Peaks(allocated_bytes=700, reserved_bytes=2100)]
    device = FakeAccelerator(next_peaks=peaks)
    trial = start(lambda _: None, device=device)
    trial.ready()
    trial.take_turn(3)
    figures = memory.figures(trial.clock.warmup_peaks, device.peaks(), device="xpu", host=NOTHING)
    assert figures["device_allocated_bytes"] == 700
    assert figures["device_reserved_bytes"] == 2100
    assert figures["device_allocated_whole_run_bytes"] == 900
    assert figures["unavailable"] == {"device_process_bytes": "only NVIDIA's driver reports the memory of a process"}


def test_a_device_that_keeps_no_peaks_says_so():
    figures = memory.figures(Peaks(), Peaks(), device="mps", host=NOTHING)
    assert figures["device_allocated_bytes"] is None
    assert figures["device_allocated_whole_run_bytes"] is None
    assert figures["unavailable"]["device_allocated_bytes"] == "not reported by torch for this kind of device"


PEAK_OF_A_HUNDRED_MEGABYTES = """
from bench.measure import memory; from bench.host import process
host = memory.HostBaseline(inherited_bytes=300_000_000, at_start=process.resident())
passing = b"x" * 100_000_000
del passing  # a peak is remembered
print(host.rss_bytes())
"""


def test_host_memory_is_what_was_inherited_and_what_the_trial_added():
    # In an interpreter of its own: this one may have had a higher peak in an earlier test.
    printed = subprocess.run(
        [sys.executable, "-c", PEAK_OF_A_HUNDRED_MEGABYTES], capture_output=True, text=True, check=True
    )
    assert int(printed.stdout) == pytest.approx(400_000_000, abs=5e6)


def test_growth_counts_a_peak_that_has_passed_but_not_the_libraries_that_a_fork_touches():
    forked = process.Resident(total=100, peak=100, anonymous=100)
    touched_libraries = process.Resident(total=180, peak=180, anonymous=100)
    after_a_peak = process.Resident(total=190, peak=260, anonymous=110)
    assert process.growth_bytes(forked, touched_libraries) == 0
    assert process.growth_bytes(forked, after_a_peak) == 80


GVISOR = """Name:\tpython
State:\tR (running)
Tgid:\t7
VmSize:\t 2100000 kB
VmRSS:\t  300000 kB
VmData:\t 1200000 kB
Threads:\t1
"""
"""What `/proc/self/status` says in a sandbox of gVisor's."""


def test_a_sandbox_that_tells_no_peak_of_memory_is_measured_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "status").write_text(GVISOR)
    resident = process.resident(tmp_path / "status")
    assert resident == process.Resident(total=300_000 * 1024, peak=None, anonymous=None)
    monkeypatch.setattr(memory, "resident", lambda: resident)
    host = memory.HostBaseline(inherited_bytes=100, at_start=resident)
    figures = memory.figures(Peaks(), Peaks(), device="cpu", host=host)
    assert figures["host_rss_bytes"] is None
    assert figures["unavailable"]["host_rss_bytes"] == memory.NO_PEAK


def test_memory_is_asked_of_the_process_itself_where_its_status_has_no_size(tmp_path):
    (tmp_path / "status").write_text("Name:\tpython\nState:\tR (running)\n")
    resident = process.resident(tmp_path / "status")
    assert resident.total == resident.peak == resident.anonymous > 0
