"""Figures as people read them: with a unit, and differences in words."""

from __future__ import annotations

from bench.analyse.signs import MINUS
from bench.records.metrics import metric
from bench.report.document.columns import UNAVAILABLE
from bench.report.document.numbers import number

MIN_KILOBYTES = 100
"""Fewer bytes than these are told one by one."""


def more(key: str, delta: float) -> str:
    """`1 more sync`, `14 fewer Python calls`, `16.9 kB more tensor memory`: a difference in words."""
    shown, name = figure(key, abs(delta)), metric(key).name
    if metric(key).unit.stored == "B":
        return f"{shown} {'more' if delta > 0 else 'less'} {name}"
    return f"{shown} {'more' if delta > 0 else 'fewer'} {name.removesuffix('s') if abs(delta) == 1 else name}"


def difference(key: str, delta: float) -> str:
    """`+14`, `−16.9 kB`: a difference that there is."""
    return f"{'+' if delta > 0 else MINUS}{figure(key, abs(delta))}"


def figure(key: str, value: float | None) -> str:
    """`681 µs`, `320 MB`, `882`; what cannot be had says so."""
    if value is None:
        return UNAVAILABLE
    unit = metric(key).unit
    if unit.stored == "B" and abs(value) < MIN_KILOBYTES:
        return f"{value:,.0f} B"
    return f"{number(value * unit.scale)} {unit.shown}" if unit.shown else f"{value:,.0f}"
