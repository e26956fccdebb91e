"""Deterministic counters a steady step: exact, repeatable, and in need of no quiet machine.

Each instrument has a short training run of its own, on fresh parts, because counting tensors makes
Python calls. None of these runs is ever timed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from bench.measure import calls
from bench.measure.calls import DISPLACED
from bench.measure.fingerprint import WrongStepCountError
from bench.measure.hooks import Step, after_each_step
from bench.measure.kernels import counting_kernels, not_seen, unavailable
from bench.measure.sites import Site
from bench.measure.tensors import counting_tensors
from trainloops.contract import Job, Parts, Train

Instrument = Callable[[object], AbstractContextManager[list[Step]]]
"""What counts a training run, one `Step` for each tick; tensors of the dataset that it is given are left out."""

BY_FUNCTION = ("python_calls", "c_calls", "ops", "syncs", "tensor_bytes")
CALLS = ("python_calls", "c_calls")
BY_NAME = ("ops_by_name", "tensor_bytes_by_category", "collectives", "collective_bytes")
OF_TENSORS = ("ops", "syncs", "tensor_bytes")
COMPILED = "counted by a dispatch mode, under which torch runs a compiled model as if it were not compiled"
ENGINE = Site(file="torch/autograd", function="<device thread>", line=0)


class NoSteadyStepError(ValueError):
    """The job is too short: every step is warm-up or crosses an epoch boundary."""


class Typical(NamedTuple):
    """What most of the steady steps show."""

    value: int
    share: float
    """The fraction of the steady steps that show `value`."""
    table: dict[Any, int]
    """What `value` is the sum of, in most of the steps that show it."""


@contextmanager
def counting_calls(backend: calls.Backend | None = None) -> Iterator[list[Step]]:
    """Append a step's `python_calls` and `c_calls`, by Python function, at each tick, until left."""
    backend = backend or calls.backend()
    steps: list[Step] = []
    with after_each_step(lambda _: steps.append(backend.take())):
        backend.start()
        try:
            yield steps
        finally:
            backend.stop()


def count(
    train: Train, job: Job, build: Callable[[Job], Parts], *, warmup_steps: int, event_steps: int | None = None
) -> dict[str, Any]:
    """Train `job` once for each instrument; the fields of `records.schema.Counters`.

    Something may happen every `event_steps`, after the optimizer step: what is counted then is counted apart, too, of
    steps that have no part in an epoch's end, unless that is when it happens.

    Raises `NoSteadyStepError`, and `WrongStepCountError` when a step is not what the job means by one.
    """
    seen: dict[str, Typical] = {}
    at_events: dict[str, int] = {}
    for instrument in instruments(job.device, compiled=job.compile):
        parts = build(job)
        with instrument(parts.dataset) as all_steps:
            train(job, parts)
        if len(all_steps) != job.steps:
            raise WrongStepCountError(f"the loop made {len(all_steps)} optimizer steps, its job says {job.steps}")
        steps = steady(all_steps, warmup_steps=warmup_steps, steps_per_epoch=job.steps_per_epoch)
        seen |= typical_of(steps)
        events = _at_events(all_steps, event_steps, steps_per_epoch=job.steps_per_epoch) if event_steps else []
        at_events |= {name: each.value for name, each in typical_of(events).items()} if events else {}
    at_events = {name: value for name, value in at_events.items() if name not in BY_NAME}
    figures = fields(seen, steady_steps=len(steps), device=job.device)
    return {**figures, "at_events": at_events}


def instruments(device: str, *, compiled: bool = False) -> list[Instrument]:
    """What counts, each in a training run of its own; the first counts tensors, and not in a `compiled` loop."""
    # First, since what a module keeps from an earlier training run would be older than what this one counts.
    tensors: list[Instrument] = [lambda dataset: counting_tensors(device=device, dataset=dataset)]
    everywhere: list[Instrument] = [*([] if compiled else tensors), lambda _: counting_calls()]
    return everywhere if unavailable(device) else [*everywhere, lambda _: counting_kernels(device=device)]


def _at_events(steps: Sequence[Step], every: int, *, steps_per_epoch: int) -> list[Step]:
    events = range(every, len(steps), every)
    last = steps_per_epoch - 1  # after which no batch is fetched ahead
    apart = [step for step in events if step % steps_per_epoch not in (0, last)]
    return [steps[step] for step in apart or events]


def typical_of(steps: Sequence[Step]) -> dict[str, Typical]:
    """What most of the steps show, counter by counter, of those that all steps have."""
    return {name: typical([step[name] for step in steps]) for name in steps[0] if all(name in step for step in steps)}


def steady(steps: Sequence[Step], *, warmup_steps: int, steps_per_epoch: int) -> list[Step]:
    """The steps after the warm-up that do not begin an epoch; raises `NoSteadyStepError`."""
    kept = [step for index, step in enumerate(steps) if index >= warmup_steps and index % steps_per_epoch]
    if not kept:
        raise NoSteadyStepError(
            f"of {len(steps)} steps none is steady: {warmup_steps} warm up, and an epoch has {steps_per_epoch}"
        )
    return kept


def typical(tables: Sequence[dict[Any, int]]) -> Typical:
    """The total that most steps show, with its share and its parts; the earliest of equals."""
    totals = [sum(table.values()) for table in tables]
    value, times = Counter(totals).most_common(1)[0]
    alike = Counter(frozenset(table.items()) for table, total in zip(tables, totals, strict=True) if total == value)
    return Typical(value, times / len(tables), dict(alike.most_common(1)[0][0]))


def fields(seen: Mapping[str, Typical], *, steady_steps: int, device: str) -> dict[str, Any]:
    """The fields of `records.schema.Counters`."""
    counts = {name: {"value": t.value, "share": t.share} for name, t in seen.items() if name not in BY_NAME}
    by_name = {name: dict(sorted(seen[name].table.items())) if name in seen else {} for name in BY_NAME}
    unseen = unavailable(device) or not_seen(seen)
    unseen |= {name: DISPLACED for name in CALLS if name not in seen}
    unseen |= {} if "ops" in seen else dict.fromkeys(OF_TENSORS, COMPILED)
    of_all = {"functions": _functions(seen), "steady_steps": steady_steps, "unavailable": unseen}
    return {**counts, **by_name, **of_all}


def _functions(seen: Mapping[str, Typical]) -> list[dict[str, Any]]:
    """One row a Python function, with the counters in which it has a part."""
    rows: dict[Site, Counter[str]] = defaultdict(Counter)
    for name in (counter for counter in BY_FUNCTION if counter in seen):
        for site, amount in seen[name].table.items():
            rows[ENGINE if site is None else site.named][name] += amount
    return [{**site._asdict(), **amounts} for site, amounts in sorted(rows.items())]
