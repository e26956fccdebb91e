"""How long a rank's collectives are under way, step by step, and for how much of that it computes nothing.

By torch's profiler. On a CPU its events say when a collective is called (`c10d::...`) and from when to when its backend
is at it (`gloo:...`); under way it is from the call until the backend has done, waits for slower ranks included. What a
rank computes are torch's own ops (`aten::...`) outside of those calls, in all of its threads. So Python between two
ops, and a wait for the backend, are no computation: communication that nothing but they overlap with is exposed.

On a card a collective is a kernel (`ncclDevKernel_...`), which is under way while it waits for slower ranks, too; what
a rank computes is every other kernel and copy, and a step is one of the card's.

The run is one of its own, and the shares are those of its steps: the profiler makes every op slower and no collective,
which makes shares smaller, and where it delays one rank more than another, the other's wait makes them larger.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, pairwise, takewhile
from typing import Any, NamedTuple

import torch
from torch.optim import Optimizer
from torch.profiler import profile, record_function

from bench.measure.hooks import after_each_step
from bench.measure.kernels import TICK

DEVICES = ("cpu", "cuda")
"""The types of those on which collectives can be seen."""
CALLED, CARRIED_OUT, COMPUTED = "c10d::", "gloo:", "aten::"
KERNEL = "nccl"
STEPS = 24
"""Of the run: to look at more costs seconds, since a step has some hundred events."""
WARMUP_STEPS = 4


class Interval(NamedTuple):
    """From one instant to another."""

    start_us: float
    end_us: float


class Event(NamedTuple):
    """Something that the profiler saw."""

    name: str
    interval: Interval
    on_card: bool = False


@contextmanager
def timing_collectives(device: str) -> Iterator[dict[str, list[int]]]:
    """Fill in the fields of `records.schema.Communication` when left, of whatever loop trains there meanwhile."""
    figures: dict[str, list[int]] = {}
    is_card = device != "cpu"

    def tick(_: Optimizer) -> None:
        with record_function(TICK):
            if is_card:  # which sees a mark where something runs within it
                torch.zeros((), device=device)

    with profile() as recording, after_each_step(tick):
        yield figures
    events = _events(recording.events())
    figures.update(per_step(*(of_card(events) if is_card else of_host(events))))


def _events(events: Iterable[Any]) -> list[Event]:
    return [
        Event(event.name, Interval(event.time_range.start, event.time_range.end), event.device_type.name != "CPU")
        for event in events
    ]


class Seen(NamedTuple):
    """When a rank did what."""

    ticks: list[Interval]
    under_way: list[Interval]
    """When a collective was; a union."""
    computed: list[Interval]
    """When it computed something; a union."""


def of_host(events: Sequence[Event]) -> Seen:
    """Where ranks compute on the host."""
    called = union(of_kind(events, CALLED))
    under_way = union([*called, *of_kind(events, CARRIED_OUT)])
    return Seen(of_kind(events, TICK), under_way, without(union(of_kind(events, COMPUTED)), called))


def of_card(events: Sequence[Event]) -> Seen:
    """Where each has a card, on which the profiler repeats the host's annotations."""
    annotations = {event.name for event in events if not event.on_card}
    ticks = of_kind((event for event in events if event.on_card), TICK)
    kernels = [event for event in events if event.on_card and event.name not in annotations]
    computed = union(event.interval for event in kernels if not event.name.startswith(KERNEL))
    return Seen(ticks, union(of_kind(kernels, KERNEL)), without(computed, ticks))


def per_step(
    ticks: Iterable[Interval], under_way: Sequence[Interval], computed: Sequence[Interval]
) -> dict[str, list[int]]:
    """Nanoseconds of each step after the warm-up, from tick to tick: all, under way, and of that exposed."""
    exposed = without(under_way, computed)
    starts_us = sorted(tick.start_us for tick in ticks)
    steps = [Interval(*between) for between in pairwise(starts_us)][WARMUP_STEPS - 1 :]
    return {
        "step_ns": [_ns([step]) for step in steps],
        "collective_ns": [_ns(within(under_way, step)) for step in steps],
        "exposed_ns": [_ns(within(exposed, step)) for step in steps],
    }


def of_kind(events: Iterable[Event], prefix: str) -> list[Interval]:
    """When those were whose names begin like this."""
    return [event.interval for event in events if event.name.startswith(prefix)]


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same instants in order, and each once."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.start_us <= merged[-1].end_us:
            merged[-1] = Interval(merged[-1].start_us, max(merged[-1].end_us, interval.end_us))
        else:
            merged.append(interval)
    return merged


def without(intervals: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """What of these falls into none of the others; both are unions."""
    rest: list[Interval] = []
    for start, end in intervals:
        for other in within(others, Interval(start, end)):
            rest.append(Interval(start, other.start_us))
            start = other.end_us
        rest.append(Interval(start, end))
    return [interval for interval in rest if interval.end_us > interval.start_us]


def within(intervals: Sequence[Interval], step: Interval) -> list[Interval]:
    """What of a union falls into a step."""
    first = bisect_left(intervals, step.start_us, key=lambda interval: interval.end_us)
    reached = takewhile(lambda interval: interval.start_us < step.end_us, islice(intervals, first, None))
    return [Interval(max(start, step.start_us), min(end, step.end_us)) for start, end in reached]


def _ns(intervals: Iterable[Interval]) -> int:
    return round(sum(end - start for start, end in intervals) * 1e3)
