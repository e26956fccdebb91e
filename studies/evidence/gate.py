"""What the clock and the gate cost: the loop at every step, and everybody at every hand-over."""

from __future__ import annotations

import gc
import os
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, perf_counter_ns, process_time
from typing import Any

from bench.execute.workers.turns import TurnTaking
from bench.measure.ticks import READY, TURN, Ticks
from bench.plan import length as lengths
from bench.plan import schedule
from bench.plan.length import WarmUp
from studies.evidence import blocks
from trainloops.runners import BASELINE

TURN_STEPS = 1000
PAIRS = 60
RUNNERS = (BASELINE, "hf-trainer")


def tick_us(pairs: int = PAIRS) -> float:
    """What the hook adds to an optimizer step that does next to nothing, called by torch itself.

    Turns of a thousand such steps with the hook and without it, in pairs of random order: the median difference a
    step. Each turn has its gate, in which it does not wait, since its next turn was promised before.
    """
    from torch.optim.optimizer import register_optimizer_step_post_hook  # brings torch

    step, order, took = a_small_step(), random.Random(0), {}
    differences = []
    with hook_of_a_clock(turns=pairs + 1) as hook:
        for _ in range(pairs):
            for is_hooked in order.sample([True, False], 2):
                handle = register_optimizer_step_post_hook(hook) if is_hooked else None
                took[is_hooked] = nanoseconds(step)
                if handle is not None:
                    handle.remove()
            differences.append((took[True] - took[False]) / TURN_STEPS)
    return median(differences) / 1e3


@contextmanager
def hook_of_a_clock(*, turns: int) -> Iterator[Callable[..., None]]:
    """What a clock hangs on torch, taken off; it has warmed up and has so many turns before it."""
    from torch.optim import optimizer

    from bench.measure import clock, collector, device, energy

    before = set(optimizer._global_optimizer_post_hooks)
    ours, theirs = socket.socketpair()
    with ours, theirs, TemporaryDirectory(prefix="looptax-evidence-") as folder:
        ticks = Ticks(Path(folder) / "ticks")
        made = clock.Clock(
            ticks=ticks,
            control=theirs,
            warm_up=asdict(WarmUp(min_steps=1, max_steps=1)),
            device=device.of("cpu"),
            meters=[energy.of_turns("cpu", is_alone=False)],
            collections=collector.Collections(ticks),
            finish=lambda _: os._exit(1),
        )
        made.start()
        counting_pauses = gc.callbacks[-1]
        (key,) = set(optimizer._global_optimizer_post_hooks) - before
        hook: Callable[..., None] = optimizer._global_optimizer_post_hooks.pop(key)
        ours.sendall(TURN.pack(TURN_STEPS))
        hook()  # its warm-up
        ours.recv(READY.size)
        for _ in range(turns):
            ours.sendall(TURN.pack(TURN_STEPS))
        try:
            yield hook
        finally:
            gc.callbacks.remove(counting_pauses)


def nanoseconds(step: Callable[[], Any]) -> int:
    began = perf_counter_ns()
    for _ in range(TURN_STEPS):
        step()
    return perf_counter_ns() - began


def a_small_step() -> Callable[[], Any]:
    """One SGD step on one number."""
    import torch

    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.ones(1)
    return torch.optim.SGD([parameter], lr=0.1).step


@dataclass(frozen=True, slots=True)
class HandOver:
    """What a parent sees while trials take turns."""

    wall_s: float
    cpu_s: float
    """Its own, user and system."""
    turn_us: float
    """What passes in a turn beyond its steps: words to and fro, and what the parent keeps."""


def hand_over(seconds: float = 6.0) -> HandOver:
    """Turns of the usual length at batch 64, for so long."""
    planned = blocks.comparison(RUNNERS, batch_size=64)
    with blocks.interpreters([planned]) as pool, blocks.warmed_up(pool, planned.members) as members:
        length = lengths.turn(members[0].step_ns / 1e3, workers=0)
        cycles = round(seconds / (sum(member.step_ns for member in members) / 1e9 * length.steps))
        orders = schedule.cycles(len(members), seed=0, block=0, first=planned.reference)
        began, cpu_s = perf_counter(), process_time()
        taking = TurnTaking(members, orders)
        taking.take(length, cycles=cycles)
        taking.end()
        wall_s, cpu_s = perf_counter() - began, process_time() - cpu_s
        steps_s = sum(sum(member.steps_ns) for member in members) / 1e9
    return HandOver(wall_s, cpu_s, (wall_s - steps_s) / (cycles * len(members)) * 1e6)
