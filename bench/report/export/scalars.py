"""Every figure of a row as one number with its unit and bounds: what notebooks, exports and trackers take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from bench.analyse.verdicts.metrics import COUNTED
from bench.records.base import Phase
from bench.records.schema import DeviceMemory, Estimate

if TYPE_CHECKING:
    from bench.records.schema import CellSummary

CATEGORIES = ("parameters", "gradients", "optimizer_state", "batch", "activations_and_rest")
PER_STEP = "1/step"
NO_UNIT = "1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scalar:
    """How one figure is called, its unit, and where a row has it."""

    name: str
    unit: str
    of: Callable[[CellSummary], Estimate | float | None]
    keys: tuple[str, ...]
    """Where `CellSummary.unavailable` may say why it is missing."""
    is_estimate: bool = False
    """Whether it has an interval."""

    def estimate(self, cell: CellSummary) -> Estimate | None:
        """The figure; its bounds are None where it has no interval, and all is None where it cannot be had."""
        found = self.of(cell)
        return found if found is None or isinstance(found, Estimate) else Estimate(value=found)

    def reason(self, cell: CellSummary) -> str | None:
        """Why it is missing."""
        return next((cell.unavailable[key] for key in self.keys if key in cell.unavailable), cell.reason)


def _field(name: str, unit: str, *, is_estimate: bool = False) -> Scalar:
    return Scalar(name=name, unit=unit, of=lambda cell: getattr(cell, name), keys=(name,), is_estimate=is_estimate)


def _device(kind: str) -> Scalar:
    keys = (f"device_memory_bytes.{kind}", f"device_{kind}_bytes", "device_memory_bytes")
    return Scalar(
        name=f"device_{kind}_bytes", unit="B", of=lambda cell: getattr(cell.device_memory_bytes, kind), keys=keys
    )


def _part(name: str, unit: str, field: str, key: str) -> Scalar:
    return Scalar(name=name, unit=unit, of=lambda cell: (getattr(cell, field) or {}).get(key), keys=(field,))


def _count(name: str) -> Scalar:
    return Scalar(
        name=name,
        unit=PER_STEP,
        of=lambda cell: getattr(cell.counters, name, None),
        keys=(f"counters.{name}", "counters"),
    )


SCALARS = (
    _field("step_time_us", "µs", is_estimate=True),
    _field("step_p50_us", "µs"),
    _field("step_p95_us", "µs"),
    _field("step_p99_us", "µs"),
    _field("device_step_time_us", "µs", is_estimate=True),
    _field("samples_per_second", "1/s", is_estimate=True),
    _field("ratio", NO_UNIT, is_estimate=True),
    _field("overhead_us", "µs", is_estimate=True),
    _field("floor_ratio", NO_UNIT, is_estimate=True),
    _field("run_to_run_cv", NO_UNIT),
    *(_device(kind) for kind in DeviceMemory.model_fields),
    _field("host_rss_bytes", "B"),
    _field("tensor_bytes", "B"),
    *(_part(f"tensor_{kind}_bytes", "B", "tensor_bytes_by_category", kind) for kind in CATEGORIES),
    _field("startup_s", "s", is_estimate=True),
    _field("import_s", "s"),
    _field("import_rss_bytes", "B"),
    _field("epoch_boundary_us", "µs", is_estimate=True),
    _field("joules_per_1000_samples", "J"),
    *(_part(f"phase_{phase}_us", "µs", "phases_us", phase) for phase in get_args(Phase)),
    *(_count(name) for name in COUNTED),
)
"""In the order of a report."""


def known(cell: CellSummary) -> Iterator[tuple[Scalar, Estimate]]:
    """Yield the figures that a row has."""
    for scalar in SCALARS:
        found = scalar.estimate(cell)
        if found is not None:
            yield scalar, found
