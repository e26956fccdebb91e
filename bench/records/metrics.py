"""The table of figures: all that is known of each, one row a figure (docs/contributing.md says how to add one).

Whatever judges, writes or exports figures reads this table. What is only a selection or an order for one sentence
stands next to its use, and is made by `metrics_of`, which knows no other keys than these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from bench.records.measured import FunctionCounts
from bench.records.metric import (
    BYTES,
    JOULES,
    KILOBYTES,
    MEGABYTES,
    MICROSECONDS,
    MICROSECONDS_AS_MS,
    NO_UNIT,
    PER_STEP,
    RATE,
    SECONDS,
    SECONDS_AS_MS,
    Metric,
    Unit,
)
from bench.records.rows import CounterFigures, Estimate

if TYPE_CHECKING:
    from bench.records.base import FigureGroup
    from bench.records.cells import Comparison
    from bench.records.rows import CellSummary

OVER = "_over_pytorch"
"""Ends the key of a figure that was divided by the hand-written loop's of the same block."""


_time = partial(Metric, unit=MICROSECONDS)
_memory = partial(Metric, unit=MEGABYTES, table="memory")
_import = partial(Metric, unit=SECONDS, table="import")
_whole = partial(Metric, unit=SECONDS, table="whole")
_collector = partial(Metric, table="collector")


def _device(part: str, name: str, legend: str, group: FigureGroup | None = "memory") -> Metric:
    key, header = f"device_{part}_bytes", f"{part} MB"
    within, trial = f"device_memory_bytes.{part}", f"memory.{key}"
    return _memory(key=key, name=name, legend=legend, group=group, header=header, within=within, trial=trial)


def _count(key: str, name: str, verb: str, noun: str = "", *, on_accelerator: bool = False) -> Metric:
    return Metric(
        key=key,
        name=name,
        unit=PER_STEP,
        table="counters",
        header=name,
        noun=noun,
        verb=verb,
        measured_in="counting",
        group="counters",
        margin="any difference",
        on_accelerator=on_accelerator,
        within=f"counters.{key}",
    )


def _tensors(part: str, legend: str, header: str = "") -> Metric:
    return Metric(
        key=f"tensor_{part}_bytes",
        name=f"tensor memory of {legend}",
        unit=KILOBYTES,
        table="tensors",
        header=f"{header or legend} kB",
        legend=legend,
        measured_in="counting",
        within=f"tensor_bytes_by_category.{part}",
    )


def _compile(key: str, part: str, name: str, header: str, unit: Unit = NO_UNIT) -> Metric:
    within = f"compilation.{part}"
    return Metric(key=key, name=name, unit=unit, table="compile", header=header, legend=name, within=within)


def _phase(part: str, name: str, header: str = "") -> Metric:
    return Metric(
        key=f"phase_{part}_us",
        name=name,
        unit=MICROSECONDS,
        table="phases",
        header=f"{header or part} µs",
        legend=part,
        measured_in="phases",
        within=f"phases_us.{part}",
    )


METRICS: tuple[Metric, ...] = (
    _time(
        key="step_time_us",
        name="step time",
        table="time",
        header="step time µs",
        group="time",
        margin="of time",
        interval=True,
        trial="step_us",
    ),
    Metric(
        key="samples_per_second",
        name="throughput",
        unit=RATE,
        table="time",
        header="samples/s",
        group="time",
        margin="of time",
        lower_is_better=False,
        awaited=False,  # it is step time once more, and may regress, but nobody waits for it
        interval=True,
        trial="samples_per_second",
    ),
    Metric(key="ratio", name="ratio", unit=NO_UNIT, table="time", header="ratio", interval=True),
    _time(key="overhead_us", name="overhead", table="time", header="overhead µs/step", interval=True),
    _time(key="step_p50_us", name="median step"),
    _time(key="step_p95_us", name="95th percentile of steps", table="time", header="p95 µs"),
    _time(key="step_p99_us", name="99th percentile of steps", table="time", header="p99 µs"),
    _time(key="device_step_time_us", name="step time of the device", interval=True, trial="device_step_us"),
    Metric(key="floor_ratio", name="ratio to the floor", unit=NO_UNIT, interval=True),
    Metric(key="noise_floor", name="noise floor", unit=NO_UNIT),
    _time(key="defaults_us", name="cost of the defaults", interval=True),
    Metric(key="defaults_ratio", name="ratio to the matched loop", unit=NO_UNIT, interval=True),
    Metric(key="terminal_bytes_per_step", name="bytes to the terminal", unit=BYTES, trial="terminal_bytes_per_step"),
    Metric(key="run_to_run_cv", name="spread of blocks", unit=NO_UNIT),
    _device("allocated", "device memory allocated", "allocated to tensors"),
    _device("reserved", "device memory reserved", "kept by torch's allocator"),
    _device("process", "device memory of the process", "the rest of the process", group=None),
    _memory(key="host_rss_bytes", name="host memory", header="host MB", group="memory", trial="memory.host_rss_bytes"),
    Metric(
        key="startup_s",
        name="time to first step",
        unit=SECONDS_AS_MS,
        table="memory",
        header="first step ms",
        group="start",
        interval=True,
        trial="startup_s",
    ),
    _time(
        key="epoch_boundary_us",
        name="cost of an epoch",
        table="memory",
        header="epoch µs",
        interval=True,
        trial="epoch_us",
    ),
    Metric(
        key="joules_per_1000_samples",
        name="energy",
        unit=JOULES,
        table="memory",
        header="J per 1,000 samples",
        trial="joules_per_1000_samples",
    ),
    _compile("compile_s", "seconds", "time to compile", "compile s", SECONDS),
    _compile("first_compile_s", "first_seconds", "time of the first compilation", "first time s", SECONDS),
    _compile("compiled_graphs", "graphs", "compiled graphs", "graphs"),
    _compile("graph_breaks", "graph_breaks", "graph breaks", "graph breaks"),
    _compile("recompilations", "in_turns", "compilations in timed steps", "in timed steps"),
    _collector(
        key="collector_pauses_per_1000_steps",
        name="pauses per 1,000 steps",
        unit=NO_UNIT,
        header="pauses per 1,000 steps",
    ),
    _collector(key="collector_pause_us", name="length of a pause", unit=MICROSECONDS_AS_MS, header="ms each"),
    _collector(key="collector_us_per_step", name="cost of pauses", unit=MICROSECONDS, header="µs per step"),
    _whole(key="whole_s", name="whole duration", header="whole s", interval=True, trial="whole_s"),
    _whole(key="whole_steps", name="steps to the end", unit=NO_UNIT, header="steps", trial="whole_steps"),
    _whole(
        key="after_steps_s",
        name="time after the last step",
        header="after the last s",
        interval=True,
        trial="after_steps_s",
    ),
    _import(key="import_s", name="import time", header="import s", group="start"),
    _import(key="import_torch_s", name="import time of torch", header="of it torch s"),
    _import(key="import_rss_bytes", name="memory of imports", unit=MEGABYTES, header="import MB"),
    _count("python_calls", "Python calls", "makes {n} {more} Python call{s} per step", "Python call{s} per step"),
    _count("c_calls", "C calls", "makes {n} {more} call{s} into C per step", "call{s} into C per step"),
    _count("ops", "ops", "runs {n} {more} op{s} per step", "op{s} per step"),
    _count(
        "syncs",
        "syncs",
        "reads {n} {more} value{s} back to the host per step",
        "value{s} read back to the host per step",
    ),
    Metric(
        key="tensor_bytes",
        name="tensor memory",
        unit=KILOBYTES,
        table="counters",
        header="tensor kB",
        noun="tensor byte{s} at a step's peak",
        verb="keeps {n} {more} byte{s} in tensors at a step's peak",
        measured_in="counting",
        group="memory",
        margin="asked",  # exact, and still with a margin wherever it is judged: one scalar more is no regression
    ),
    _count("kernels", "kernels", "launches {n} {more} kernel{s} per step", on_accelerator=True),
    _count("device_syncs", "device syncs", "waits for the device {n} {more} time{s} per step", on_accelerator=True),
    _count("allocations", "allocations", "asks for device memory {n} {more} time{s} per step", on_accelerator=True),
    _tensors("parameters", "parameters"),
    _tensors("gradients", "gradients"),
    _tensors("optimizer_state", "optimizer state"),
    _tensors("batch", "batch", header="batches"),
    _tensors("activations_and_rest", "activations, rest"),
    _phase("data", "waiting for data"),
    _phase("forward", "the forward pass"),
    _phase("backward", "the backward pass"),
    _phase("optimizer", "the optimizer"),
    _phase("rest", "the loop itself", header="rest of the loop"),
    Metric(key="evaluation_us", name="evaluation", unit=MICROSECONDS),
    Metric(key="evaluation_share", name="evaluation's share of the time", unit=NO_UNIT),
    Metric(key="evaluation_steps", name="steps in which evaluation was looked for", unit=NO_UNIT),
)
"""In the order of a report's tables."""

BY_KEY = {metric.key: metric for metric in METRICS}


def metric(key: str) -> Metric:
    """Return the row of a figure, also of one over the hand-written loop's."""
    return BY_KEY[key.removesuffix(OVER)]


def metrics_of(*keys: str) -> tuple[Metric, ...]:
    """Return some rows in an order of their own."""
    return tuple(BY_KEY[key] for key in keys)


def had_by(comparisons: Iterable[Comparison], metrics: Iterable[Metric]) -> tuple[Metric, ...]:
    """Return those that there are on the device of any of the comparisons."""
    devices = {comparison.device for comparison in comparisons}
    return tuple(metric for metric in metrics if any(map(metric.exists_on, devices)))


def parts(field: str) -> dict[str, Metric]:
    """Return the rows of a field that has several, by the part's own name."""
    return {metric.within.partition(".")[2]: metric for metric in METRICS if metric.within.partition(".")[0] == field}


def known(cell: CellSummary) -> Iterator[tuple[Metric, Estimate]]:
    """Yield the figures that a row of a summary has."""
    for metric in METRICS:
        estimate = metric.estimate(cell)
        if estimate is not None:
            yield metric, estimate


COUNTED = tuple(metric for metric in METRICS if metric.key in CounterFigures.model_fields)
"""The counters, which a row of a summary has together."""
EXACT = (
    *COUNTED,
    *(metric for metric in METRICS if metric.exact and metric.group is not None and metric not in COUNTED),
)
"""What is judged by equality or a margin, not by statistics: counts first."""
BY_FUNCTION = tuple(metric for metric in METRICS if metric.key in FunctionCounts.model_fields)
"""What is counted function by function too."""
