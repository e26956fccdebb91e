"""The clock and the gate: a tick after every optimizer step of whatever loop is running, and a wait after its turn.

`torch.optim.optimizer.register_optimizer_step_post_hook` is global: it fires for a hand-written
loop, inside Lightning's closures and behind Accelerate's wrappers alike, so that no loop has to
know that it is being timed, or that it waits.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Protocol

from bench.measure.collector import Collections
from bench.measure.device import Device, Peaks
from bench.measure.gate import Control
from bench.measure.hooks import on_tick
from bench.measure.meters import TurnMeter
from bench.measure.ticks import MAX_STEPS, OVER, READY, TURN, Ticks

ACCOUNT_BYTES = 96
TYPICAL_OF = 9
"""Steps at the end of the warm-up whose median is typical."""
LONG = 1.2
"""Times the typical step: after a longer one the kernel's account is read. Reading it always costs more than a tick."""
NONE = memoryview(bytes(MAX_STEPS * 8)).cast("q")
Ticking = tuple[Callable[..., None], Callable[[], int]]
"""What is called after each step, and what says which step of its turn is under way."""


class LoopEndedError(RuntimeError):
    """The loop came to its end before its trial did."""


class Onlooker(Protocol):
    """Looks at a loop while it warms up, and never in its turns."""

    def step(self) -> None:
        """A step has ended."""

    def end(self) -> None:
        """The loop is warm."""


class Clock:
    """Lets a loop train in turns, and leaves the times of each turn in `ticks`.

    The device is synchronised at both ends of a turn and nowhere between, because a synchronised
    loop is another loop. `finish` ends the process from inside the last step: the loop is not asked. Where it returns
    instead, the loop runs on to its own end without a turn more.
    """

    def __init__(
        self,
        *,
        ticks: Ticks,
        control: Control,
        warm_up: dict[str, float],
        device: Device,
        meters: Sequence[TurnMeter],
        collections: Collections,
        finish: Callable[[Clock], None],
        onlooker: Onlooker | None = None,
    ) -> None:
        self._ticks, self._control, self._warm_up = ticks, control, warm_up
        self._device, self._meters, self._collections, self._finish = device, meters, collections, finish
        self._onlooker = onlooker
        self._recent_ns: deque[int] = deque(maxlen=TYPICAL_OF)
        self._events: list[Any] = []
        self._accounts: list[tuple[int, bytes]] = []
        self._long_ns = 0
        self._warm_since_ns = 0
        self.is_warm = self.is_over = False
        self.startup_ns = 0
        self.warmup_steps = self.timed_steps = self._free_steps = 0
        self._began_ns = self._waited_ns = 0
        self.warmup_peaks = Peaks()

    def start(self) -> None:
        """Tick from now on; the loop is called next."""
        # Made before the first turn: an event that is made in a step costs as much as a short kernel.
        self._events += self._device.events(MAX_STEPS + 1)
        if self._events:
            tick, current_step = self._ticking_on_a_device()
        elif (account := _own_account()) >= 0:
            tick, current_step = self._ticking_on_a_shared_core(account)
        else:
            tick, current_step = self._ticking()
        stream = self._device.stream()
        self._collections.watch(current_step)
        on_tick(tick)
        self._ticks.tick_ns[0] = self._began_ns = perf_counter_ns()
        if self._events:
            self._events[0].record(*stream)

    # A tick is one call that looks up as little as it can: the three ways to do it repeat what they share.

    def _ticking(self) -> Ticking:
        tick_ns, over, now_ns = self._ticks.tick_ns, self._over, perf_counter_ns
        step, last = 0, 1

        def tick(*_: object) -> None:
            nonlocal step, last
            step += 1
            tick_ns[step] = now_ns()
            if step == last:
                last = over(last)
                step = 0
                tick_ns[0] = now_ns()

        return tick, lambda: step + 1

    def _ticking_on_a_shared_core(self, account: int) -> Ticking:
        tick_ns, accounts, over = self._ticks.tick_ns, self._accounts, self._over
        step, last, before_ns, now_ns, pread = 0, 1, 0, perf_counter_ns, os.pread

        def tick_on_a_shared_core(*_: object) -> None:
            nonlocal step, last, before_ns
            step += 1
            tick_ns[step] = ended_ns = now_ns()
            if step == last or ended_ns - before_ns > self._long_ns:
                accounts.append((step, pread(account, ACCOUNT_BYTES, 0)))
            before_ns = ended_ns
            if step == last:
                last = over(last)
                step = 0
                accounts[:] = [(0, pread(account, ACCOUNT_BYTES, 0))]
                tick_ns[0] = before_ns = now_ns()

        return tick_on_a_shared_core, lambda: step + 1

    def _ticking_on_a_device(self) -> Ticking:
        tick_ns, events, over, now_ns = self._ticks.tick_ns, self._events, self._over, perf_counter_ns
        step, last, stream = 0, 1, self._device.stream()

        def tick_on_a_device(*_: object) -> None:
            nonlocal step, last, stream
            step += 1
            tick_ns[step] = now_ns()
            events[step].record(*stream)
            if step == last:
                last = over(last)
                step = 0
                stream = self._device.stream()
                tick_ns[0] = now_ns()
                events[0].record(*stream)

        return tick_on_a_device, lambda: step + 1

    def end(self) -> None:
        """Take the turns to be over because the loop has come to its own end; an unfinished one is left out."""
        if not self.is_over:
            self._finish(self)

    def whole(self) -> dict[str, int]:
        """The fields of `records.schema.Whole` of a loop that has come to its own end: without its waits."""
        now_ns, (since_ns, *ticks_ns) = perf_counter_ns(), self._ticks.tick_ns.tolist()
        unfinished_ns = [ns for ns in ticks_ns if ns > since_ns]  # of its last turn; others are of turns before
        return {
            "steps": self.warmup_steps + self.timed_steps + self._free_steps + len(unfinished_ns),
            "ns": now_ns - self._began_ns - self._waited_ns,
            "after_ns": now_ns - max(unfinished_ns, default=since_ns),
        }

    def _over(self, steps: int) -> int:
        """End a turn of so many steps, or one more step of the warm-up; wait, and return the steps of the next turn."""
        if self.is_over:
            self._free_steps += 1
            return 1
        if not self.is_warm:
            if not self._has_warmed_up():
                return 1
            self._begin()
        else:
            self._end_turn(steps)
            self._say(OVER)
        since_ns = perf_counter_ns()
        steps = self._next_turn()
        if not steps:
            self._finish(self)
            self.is_over = True
        self._waited_ns += perf_counter_ns() - since_ns
        if self.is_over:
            return 1
        for meter in self._meters:
            meter.begin()
        self._collections.begin_turn()
        return steps

    def _has_warmed_up(self) -> bool:
        before_ns, now_ns = self._ticks.tick_ns[:2].tolist()
        self.warmup_steps += 1
        if self._onlooker is not None:
            self._onlooker.step()
        if self.warmup_steps == 1:
            self.startup_ns, self._warm_since_ns = now_ns - before_ns, now_ns
        else:
            self._recent_ns.append(now_ns - before_ns)
        rule, warm_s = self._warm_up, (now_ns - self._warm_since_ns) / 1e9
        is_long = warm_s >= rule["seconds"] or self.warmup_steps >= rule["max_steps"]
        return is_long and self.warmup_steps >= rule["min_steps"]

    def _begin(self) -> None:
        self.is_warm = True
        if self._onlooker is not None:
            self._onlooker.end()
        self._device.synchronize()
        self.warmup_peaks = self._device.peaks()
        self._device.reset_peaks()
        self._collections.begin()
        recent_ns = sorted(self._recent_ns) or [self.startup_ns]
        typical_ns = recent_ns[len(recent_ns) // 2]
        self._long_ns = round(LONG * typical_ns)
        self._say(READY.pack(self.startup_ns, typical_ns, self.warmup_steps, _has_company()))

    def _end_turn(self, steps: int) -> None:
        self._device.synchronize()
        for meter in self._meters:
            meter.end()
        self.timed_steps += steps
        for step in range(1, steps + 1) if self._events else ():
            elapsed_us = self._device.elapsed_us(self._events[step - 1], self._events[step])
            self._ticks.device_ns[step] = round(elapsed_us * 1e3)
        if self._device.is_asynchronous and not self._events:  # all that is known then is the turn as a whole
            each_ns = (perf_counter_ns() - self._ticks.tick_ns[0]) // steps
            for step in range(1, steps + 1):
                self._ticks.device_ns[step] = each_ns
        self._ticks.waited_ns[1 : steps + 1] = NONE[:steps]
        waited_ns = [(step, int(account.split()[1])) for step, account in self._accounts]
        for (_, before_ns), (step, now_ns) in pairwise(waited_ns):
            self._ticks.waited_ns[step] = now_ns - before_ns

    def _say(self, words: bytes) -> None:
        with suppress(OSError):  # a parent that is gone asks for no more turns either
            self._control.sendall(words)

    def _next_turn(self) -> int:
        """How many steps the next turn has; 0 where the trial is over, or its parent gone."""
        try:
            wanted = self._control.recv(TURN.size)
        except OSError:
            return 0
        (steps,) = TURN.unpack(wanted) if len(wanted) == TURN.size else (0,)
        return int(steps)


def _has_company() -> bool:
    """Whether this process has other threads, or children; where the system does not tell, yes."""
    tasks = Path("/proc/self/task")
    try:
        (task,) = tasks.iterdir()
        return bool((task / "children").read_text().strip())
    except (OSError, ValueError):
        return True


def _own_account() -> int:
    """The kernel's account of this thread, open to be read; -1 where there is none.

    Nanoseconds that it ran, and that it could have run but for others on its core.
    """
    try:
        account = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
    is_kept = len(os.pread(account, ACCOUNT_BYTES, 0).split()) > 1
    return account if is_kept else -1
