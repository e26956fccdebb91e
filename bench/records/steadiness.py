"""How steady a machine is: slices of fixed work as they were timed, and what they say of pairs of loops."""

from __future__ import annotations

from bench.records.base import Nanoseconds, Record


class CoreSlices(Record):
    """The slices of one core, in the order in which they were timed: two after each other, then other cores' two."""

    core: int | None = None
    """None where the work could not be pinned to a core."""
    slices_ns: list[Nanoseconds]


class JitterFacts(Record):
    """The same work, timed again and again, on one core at a time."""

    wall_s: float = 0.0
    units_per_slice: int | None = None
    usable_cores: int | None = None
    """How many there were to choose from; None where the system does not tell."""
    cores: list[CoreSlices] = []
    unavailable: str | None = None
    """Why there is nothing here."""


class CoreSteadiness(Record):
    """How steady one core is; spreads are fractions."""

    core: int | None = None
    slices: int
    slice_ms: float
    """The median slice."""
    jitter: float
    """Half the distance between the quartiles of its slices, over their median."""
    p95_over_median: float
    drift: float | None = None
    """Standard deviation of the medians of its stretches of 250 ms, over the median slice."""
    alone: float | None = None
    """As `Steadiness.alone`, of this core."""


class Steadiness(Record):
    """What a machine does to the ratio of two loops that are in truth equally fast; spreads are fractions."""

    wall_s: float = 0.0
    alone: float | None = None
    """Spread of the ratio where each is timed by itself for 250 ms, one after the other."""
    turns: float | None = None
    """Spread of a block's ratio where both take turns of some 10 ms on one core."""
    cores_differ: float | None = None
    """By how much the slowest core's median slice is longer than the fastest's; None with one core."""
    quietest_core: int | None = None
    """The one with the smallest spread; None where the work was not pinned, or with one core."""
    pinned: bool = True
    usable_cores: int | None = None
    cores: list[CoreSteadiness] = []
    unavailable: str | None = None
