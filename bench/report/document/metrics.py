"""The figures of a check under the names and in the units that people read."""

from __future__ import annotations

from bench.report.document.numbers import number

NAMES = {
    "step_time_us": "step time",
    "samples_per_second": "throughput",
    "device_allocated_bytes": "device memory allocated",
    "device_reserved_bytes": "device memory reserved",
    "host_rss_bytes": "host memory",
    "startup_s": "time to first step",
    "import_s": "import time",
    "tensor_bytes": "tensor memory",
    "python_calls": "Python calls",
    "c_calls": "C calls",
    "ops": "ops",
    "syncs": "syncs",
    "kernels": "kernels",
    "device_syncs": "device syncs",
    "allocations": "allocations",
}
UNITS = {
    "step_time_us": (1.0, "µs"),
    "samples_per_second": (1.0, "samples/s"),
    "startup_s": (1e3, "ms"),
    "import_s": (1.0, "s"),
    "tensor_bytes": (1e-3, "kB"),
}
BYTES = (1e-6, "MB")
LEAST_KILOBYTES = 100
"""Fewer bytes than these are told one by one."""


def more(metric: str, delta: float) -> str:
    """`1 more sync`, `14 fewer Python calls`, `16.9 kB more tensor memory`: a difference in words."""
    shown, noun = figure(metric, abs(delta)), NAMES[metric]
    if metric.endswith("_bytes"):
        return f"{shown} {'more' if delta > 0 else 'less'} {noun}"
    return f"{shown} {'more' if delta > 0 else 'fewer'} {noun.removesuffix('s') if abs(delta) == 1 else noun}"


def figure(metric: str, value: float | None) -> str:
    """`681 µs`, `320 MB`, `882`; what cannot be had says so."""
    if value is None:
        return "unavailable"
    if metric.endswith("_bytes") and abs(value) < LEAST_KILOBYTES:
        return f"{value:,.0f} B"
    factor, unit = UNITS.get(metric, BYTES if metric.endswith("_bytes") else (1.0, ""))
    return f"{number(value * factor)} {unit}" if unit else f"{value:,.0f}"
