"""What is known of one figure, and in which units figures are; the table of them is `metrics`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bench.records.rows import Estimate

if TYPE_CHECKING:
    from bench.records.base import FigureGroup, Pass
    from bench.records.rows import CellSummary


Table = Literal["time", "memory", "compile", "collector", "whole", "import", "counters", "tensors", "phases"]
MarginRule = Literal["asked", "of time", "any difference"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """What a figure is in where it is stored, and where people read it."""

    stored: str
    shown: str
    scale: float = 1.0
    """From the one to the other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """All that is known of one figure."""

    key: str
    """In verdicts, exports and `bench.load`; it ends with the unit of what is stored."""
    name: str
    """In sentences, and in tables of verdicts."""
    unit: Unit
    table: Table | None = None
    """Which table of a run's report has a column of it."""
    header: str = ""
    """That column's."""
    legend: str = ""
    """As a part of a stacked bar."""
    noun: str = ""
    """`571 extra Python calls per step`: its last words, where functions are told of it; `{s}` is a plural's."""
    verb: str = ""
    """`makes 22 more Python calls per step`: what one release does more than another, of what can be bisected."""
    measured_in: Pass = "timing"
    """The pass that tells it."""
    group: FigureGroup | None = None
    """By which word of --fail-on it is judged; None where it is told and not judged."""
    margin: MarginRule = "asked"
    """How much worse is too much: time may have a margin of its own, because a machine's noise is in nothing else."""
    lower_is_better: bool = True
    awaited: bool = True
    """Whether a check goes on until it is decided, where it fails on its group."""
    on_accelerator: bool = False
    """Whether there is none on a CPU."""
    interval: bool = False
    """Whether a row of a summary has it with its interval."""
    within: str = ""
    """Where it is one of several in a field of such a row, as `field.part`."""
    trial: str = ""
    """Where `TrialFigures` have it, of what one trial tells by itself."""

    @property
    def exact(self) -> bool:
        """Whether it is counted, not measured: it repeats, and is judged without statistics."""
        return self.measured_in == "counting"

    def exists_on(self, device: str) -> bool:
        """Whether it can be had on a device at all."""
        return device != "cpu" or not self.on_accelerator

    @property
    def path(self) -> str:
        """Where `CellSummary` has it."""
        return self.within or self.key

    def margin_of(self, asked: float, of_time: float | None = None) -> float | None:
        """Return how much worse is too much, as a fraction; None where any difference counts."""
        if self.margin == "any difference":
            return None
        return of_time if self.margin == "of time" and of_time is not None else asked

    def figure(self, cell: CellSummary) -> Estimate | float | None:
        """The figure of a row; None where it cannot be had."""
        field, _, part = self.path.partition(".")
        value: Any = getattr(cell, field)
        if part and value is not None:
            value = value.get(part, 0) if isinstance(value, Mapping) else getattr(value, part)
        figure: Estimate | float | None = value
        return figure

    def estimate(self, cell: CellSummary) -> Estimate | None:
        """The figure with its interval; without bounds where it has none."""
        figure = self.figure(cell)
        return figure if figure is None or isinstance(figure, Estimate) else Estimate(value=figure)

    def value(self, cell: CellSummary) -> float | None:
        """The figure without its interval."""
        figure = self.figure(cell)
        return figure.value if isinstance(figure, Estimate) else figure

    def missing(self, cell: CellSummary) -> str | None:
        """Why a row does not have it; None where the row does not say."""
        keys = (self.path, self.key, self.path.partition(".")[0])
        return next((cell.unavailable[key] for key in keys if key in cell.unavailable), None)


MICROSECONDS = Unit(stored="µs", shown="µs")
MICROSECONDS_AS_MS = Unit(stored="µs", shown="ms", scale=1e-3)
SECONDS = Unit(stored="s", shown="s")
SECONDS_AS_MS = Unit(stored="s", shown="ms", scale=1e3)
MEGABYTES = Unit(stored="B", shown="MB", scale=1e-6)
KILOBYTES = Unit(stored="B", shown="kB", scale=1e-3)
BYTES = Unit(stored="B", shown="B")
RATE = Unit(stored="1/s", shown="samples/s")
JOULES = Unit(stored="J", shown="J")
PER_STEP = Unit(stored="1/step", shown="")
NO_UNIT = Unit(stored="1", shown="")
