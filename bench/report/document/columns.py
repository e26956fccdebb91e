"""The columns of figures in a report's tables: what each shows of a row, and why one may be missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bench.records.schema import CellSummary, Estimate
from bench.report.document import numbers
from bench.report.document.groups import same_as_baseline

NO_DIFFERENCE = "~"
NO_REASON = "the run recorded no reason"

Text = Callable[[CellSummary], str | None]
"""A row's text in one column, or None where the figure cannot be had."""
Value = Callable[[CellSummary], float | None]
"""The figure as summary.json has it, unrounded and in the unit of its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of figures; `keys` are where `CellSummary.unavailable` may say why one is missing."""

    header: str
    keys: tuple[str, ...]
    text: Text
    value: Value
    compares: bool = False
    """Whether it compares with the baseline, which needs a proof that both do the same arithmetic."""

    def reason(self, cell: CellSummary) -> str:
        """Why the figure cannot be had, without a full stop."""
        found = next((cell.unavailable[key] for key in self.keys if key in cell.unavailable), NO_REASON)
        return found.rstrip(". ")


def _value(cell: CellSummary, *, field: str) -> float | None:
    figure: Estimate | float | None = getattr(cell, field)
    return figure.value if isinstance(figure, Estimate) else figure


def _plain(cell: CellSummary, *, field: str, factor: float) -> str | None:
    value = _value(cell, field=field)
    return None if value is None else numbers.number(value * factor)


def _column(header: str, field: str, factor: float = 1.0) -> Column:
    return _shown(header, field, partial(_plain, field=field, factor=factor))


def _shown(header: str, field: str, text: Text, *, compares: bool = False) -> Column:
    """A figure with a way of its own to be written."""
    return Column(header=header, keys=(field,), text=text, value=partial(_value, field=field), compares=compares)


def _step_time(cell: CellSummary) -> str | None:
    return None if cell.step_time_us is None else numbers.with_spread(cell.step_time_us)


def _ratio(cell: CellSummary) -> str | None:
    return _against_baseline(cell, cell.ratio, numbers.ratio)


def _overhead(cell: CellSummary) -> str | None:
    return _against_baseline(cell, cell.overhead_us, _overhead_or_none)


def _overhead_or_none(overhead_us: Estimate) -> str:
    return NO_DIFFERENCE if numbers.covers(overhead_us, 0.0) else numbers.estimate(overhead_us, sign="+")


def _epoch(cell: CellSummary) -> str | None:
    cost_us = cell.epoch_boundary_us
    if cost_us is None:
        return None
    return NO_DIFFERENCE if numbers.covers(cost_us, 0.0) else numbers.number(cost_us.value)


def _against_baseline(cell: CellSummary, figure: Estimate | None, show: Callable[[Estimate], str]) -> str | None:
    """Tell a ratio or an overhead: `baseline` for the baseline itself, `~` where there is no difference."""
    if cell.equivalence.verdict == "baseline":
        return "baseline"
    if figure is None or not cell.equivalence.proven:
        return None
    return NO_DIFFERENCE if same_as_baseline(cell) else show(figure)


def _device_bytes(cell: CellSummary, *, kind: str) -> float | None:
    value: float | None = getattr(cell.device_memory_bytes, kind)
    return value


def _of_device(cell: CellSummary, *, kind: str) -> str | None:
    value = _device_bytes(cell, kind=kind)
    return None if value is None else numbers.number(value / 1e6)


def _device_memory(kind: str) -> Column:
    keys = (f"device_memory_bytes.{kind}", f"device_{kind}_bytes", "device_memory_bytes")
    text, value = partial(_of_device, kind=kind), partial(_device_bytes, kind=kind)
    return Column(header=f"{kind} MB", keys=keys, text=text, value=value)


def _count(cell: CellSummary, *, name: str) -> int | None:
    value: int | None = None if cell.counters is None else getattr(cell.counters, name)
    return value


def _counted(cell: CellSummary, *, name: str) -> str | None:
    value = _count(cell, name=name)
    return None if value is None else f"{value:,}"


def _counter(header: str, name: str) -> Column:
    keys = (f"counters.{name}", "counters")
    return Column(header=header, keys=keys, text=partial(_counted, name=name), value=partial(_count, name=name))


def _part(cell: CellSummary, *, field: str, name: str) -> float | None:
    """Return one entry of a figure that has several, or with no `name` their sum."""
    parts: Mapping[str, float] | None = getattr(cell, field)
    if parts is None:
        return None
    return parts.get(name, 0.0) if name else sum(parts.values())


def _part_shown(cell: CellSummary, *, field: str, name: str, factor: float) -> str | None:
    value = _part(cell, field=field, name=name)
    return None if value is None else numbers.number(factor * value)


def _parts(field: str, headers: Mapping[str, str], factor: float) -> tuple[Column, ...]:
    return tuple(
        Column(
            header=header,
            keys=(field,),
            text=partial(_part_shown, field=field, name=name, factor=factor),
            value=partial(_part, field=field, name=name),
        )
        for name, header in headers.items()
    )


def _tensor_kilobytes(cell: CellSummary) -> str | None:
    return None if cell.tensor_bytes is None else f"{cell.tensor_bytes / 1e3:,.1f}"


TIME = (
    _shown("step time µs", "step_time_us", _step_time),
    _column("samples/s", "samples_per_second"),
    _shown("ratio", "ratio", _ratio, compares=True),
    _shown("overhead µs/step", "overhead_us", _overhead, compares=True),
    _column("p95 µs", "step_p95_us"),
    _column("p99 µs", "step_p99_us"),
)
MEMORY = (
    _device_memory("allocated"),
    _device_memory("reserved"),
    _device_memory("process"),
    _column("host MB", "host_rss_bytes", 1e-6),
    _column("first step ms", "startup_s", 1e3),
    _shown("epoch µs", "epoch_boundary_us", _epoch),
    _column("J per 1,000 samples", "joules_per_1000_samples"),
)
COLLECTOR = (
    _column("pauses per 1,000 steps", "collector_pauses_per_1000_steps"),
    _column("ms each", "collector_pause_us", 1e-3),
    _column("µs per step", "collector_us_per_step"),
)
IMPORT = (
    _column("import s", "import_s"),
    _column("of it torch s", "import_torch_s"),
    _column("import MB", "import_rss_bytes", 1e-6),
)

COUNTERS = (
    _counter("Python calls", "python_calls"),
    _counter("C calls", "c_calls"),
    _counter("ops", "ops"),
    _counter("syncs", "syncs"),
    _shown("tensor kB", "tensor_bytes", _tensor_kilobytes),
    _counter("kernels", "kernels"),
    _counter("device syncs", "device_syncs"),
    _counter("allocations", "allocations"),
)

PHASES = _parts(
    "phases_us",
    {
        "data": "data µs",
        "forward": "forward µs",
        "backward": "backward µs",
        "optimizer": "optimizer µs",
        "rest": "rest of the loop µs",
        "": "sum µs",
    },
    1.0,
)
TENSORS = _parts(
    "tensor_bytes_by_category",
    {
        "parameters": "parameters kB",
        "gradients": "gradients kB",
        "optimizer_state": "optimizer state kB",
        "batch": "batches kB",
        "activations_and_rest": "activations, rest kB",
        "": "sum kB",
    },
    1e-3,
)
