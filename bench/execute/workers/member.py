"""One of the trials that take turns: it gets a number of steps to train, trains them, and leaves their times."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic

from bench.execute.log import LOOK_S
from bench.execute.workers.launchers import Launcher
from bench.execute.workers.pool import Pool
from bench.execute.workers.protocol import TICKS, rank_folder
from bench.execute.workers.request import Request
from bench.execute.workers.result import Outcome, failed
from bench.execute.workers.running import LONGER, Running
from bench.measure.ticks import OVER, READY, TURN, Ticks
from bench.records.schema import Collector, Timing, TurnLength, Turns


class TrialLostError(Exception):
    """A trial did not finish its turn; the outcome says how it ended."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.result.reason)
        self.outcome = outcome


@dataclass(slots=True)
class Member:
    """One of the trials that take turns, and what it has left so far."""

    running: Running
    ticks: Sequence[Ticks]
    """Of each rank."""
    startup_ns: int
    step_ns: int
    """What a step of its typically takes, by its warm-up."""
    warmup_steps: int
    must_stop: bool
    """Whether its other processes and threads have to be stopped while it waits."""
    steps_ns: list[int] = field(default_factory=list)
    device_step_us: list[float] = field(default_factory=list)
    pauses_ns: dict[int, int] = field(default_factory=dict)
    waits_ns: dict[int, int] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)
    terminal_bytes_per_step: float | None = None

    @classmethod
    def start(cls, pool: Pool | Launcher, request: Request) -> Member | Outcome:
        """Start a trial and let it warm up; the outcome where it ended meanwhile."""
        running = pool.start(request)
        if isinstance(running, Outcome):
            return running
        try:
            heard = _hear(running, READY.size, request.timeout_s, doing="before its first turn")
        except TrialLostError as lost:
            return lost.outcome
        startup_ns, step_ns, warmup_steps, others = READY.unpack(heard)
        member = cls(
            running=running,
            ticks=[Ticks(rank_folder(running.scratch, rank) / TICKS) for rank in range(request.cell.ranks)],
            startup_ns=startup_ns,
            step_ns=step_ns,
            warmup_steps=warmup_steps,
            must_stop=bool(others) or request.cell.workers > 0,
        )
        if member.must_stop:
            running.process.stop()
        return member

    def take_turn(self, steps: int, place: int, timeout_s: float) -> None:
        """Let it train so many steps, and keep their times; raises `TrialLostError`."""
        self._train(steps, timeout_s)
        self._keep(steps, place)

    def lead_in(self, steps: int, timeout_s: float) -> None:
        """Let it train so many steps more before its first turn; raises `TrialLostError`."""
        self._train(steps, timeout_s)
        self.warmup_steps += steps

    def watch_terminal(self, steps: int, timeout_s: float) -> None:
        """Let it train so many steps at a stretch, and note what it writes meanwhile; raises `TrialLostError`."""
        terminal = self.running.terminal
        if terminal is not None:
            before = terminal.written()
            self.lead_in(steps, timeout_s)
            self.terminal_bytes_per_step = (terminal.written() - before) / steps

    def look(self, steps: int, timeout_s: float) -> list[int]:
        """Lead it in; what each of these steps took by itself, in nanoseconds. Raises `TrialLostError`."""
        self.lead_in(steps, timeout_s)
        ticks = self._slowest(steps)
        waits_ns = ticks.waits_ns(steps) | ticks.pauses_ns(steps)
        return [ns - waits_ns.get(step, 0) for step, ns in enumerate(ticks.steps_ns(steps))]

    def _slowest(self, steps: int) -> Ticks:
        """Those of the rank whose turn took longest: the others waited for it."""
        return max(self.ticks, key=lambda ticks: ticks.tick_ns[steps] - ticks.tick_ns[0])

    def _train(self, steps: int, timeout_s: float) -> None:
        if self.must_stop:
            self.running.process.go_on()
        _say(self.running, steps)
        _hear(self.running, len(OVER), timeout_s, doing="in its turn")
        if self.must_stop:
            self.running.process.stop()

    def _keep(self, steps: int, place: int) -> None:
        before, ticks = len(self.steps_ns), self._slowest(steps)
        self.steps_ns += ticks.steps_ns(steps)
        self.pauses_ns |= {before + step: ns for step, ns in ticks.pauses_ns(steps).items()}
        self.waits_ns |= {before + step: ns for step, ns in ticks.waits_ns(steps).items()}
        if self.running.request.cell.device != "cpu":
            device_ns = ticks.device_ns[1 : steps + 1].tolist()
            self.device_step_us += [round(ns / 1e3, 2) for ns in device_ns]
        self.places.append(place)

    def end(self) -> Outcome:
        """Let it say how it went, and end."""
        if self.must_stop:
            self.running.process.go_on()
        try:
            _say(self.running, 0)
        except TrialLostError as lost:
            return lost.outcome
        return self.running.outcome(self.running.request.end_timeout_s)

    def judged(self, outcome: Outcome, length: TurnLength) -> Outcome:
        """How it went: a script that came to its own end while it was led in has no step that counts."""
        if outcome.result.status != "ok" or self.places:
            return outcome
        steps = f"with {self.warmup_steps + 2 * length.steps:,} steps it has one"
        reason = f"it ended before its first turn was over; {steps}: let it train longer, by its own arguments"
        return replace(outcome, result=failed("failed", reason))

    def timing(self, outcome: Outcome, length: TurnLength) -> Timing | None:
        """Its clock; None of a trial that did not come to its end."""
        end = outcome.result.timing
        if end is None:
            return None
        # A trial counts all of its turns alike; some came before those that count: pilots, and where it was led in.
        made = len(self.steps_ns) + self.warmup_steps - end.warmup_steps
        counting = len(self.steps_ns) / max(made, 1)
        return Timing(
            startup_ns=end.startup_ns,
            step_ns=self.steps_ns,
            turns=Turns(length=length, places=self.places, pauses_ns=self.pauses_ns, waits_ns=self.waits_ns),
            device_step_us=self.device_step_us if any(self.device_step_us) else None,
            samples_per_step=end.samples_per_step,
            evaluation=end.evaluation,
            whole=end.whole,
            memory=end.memory,
            memory_of_ranks=end.memory_of_ranks,
            collector=end.collector and _counted_part(end.collector, counting),
            energy_j=None if end.energy_j is None else end.energy_j * counting,
            terminal_bytes_per_step=self.terminal_bytes_per_step,
            sm_clock_mhz=end.sm_clock_mhz,
            unavailable=end.unavailable,
        )


def _counted_part(collector: Collector, counting: float) -> Collector:
    return collector.model_copy(update={"full_due": collector.full_due * counting})


def _say(running: Running, steps: int) -> None:
    assert running.control is not None
    try:
        running.control.sendall(TURN.pack(steps))
    except OSError:
        raise TrialLostError(running.outcome(running.request.end_timeout_s)) from None


def _hear(running: Running, size: int, timeout_s: float, *, doing: str) -> bytes:
    """So many bytes of a trial; raises `TrialLostError` where it ends or takes too long."""
    control = running.control
    assert control is not None
    try:
        heard = _received(running, control, size, timeout_s)
    except TimeoutError:
        reason = f"killed after its timeout of {timeout_s:.0f} s {doing}; {LONGER}"
        raise TrialLostError(running.killed(failed("timeout", reason))) from None
    except OSError:
        heard = b""
    if len(heard) < size:
        raise TrialLostError(running.outcome(running.request.end_timeout_s))
    running.look()
    return heard


def _received(running: Running, control: socket.socket, size: int, timeout_s: float) -> bytes:
    """So many bytes; somebody looks after the trial's log where they take longer than a turn does usually."""
    deadline = monotonic() + timeout_s
    while (left_s := deadline - monotonic()) > LOOK_S:
        control.settimeout(LOOK_S)
        with suppress(TimeoutError):
            return control.recv(size, socket.MSG_WAITALL)
        running.look()
    control.settimeout(max(left_s, 1e-3))
    return control.recv(size, socket.MSG_WAITALL)
