"""What a history or a bisection says of one release."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from bench.records.base import Record, Status
from bench.records.cells import Cell
from bench.records.rows import Equivalence, Estimate


class ReleaseFigures(Record):
    """What one loop costs with one release, and whether that is another level than before."""

    cell: Cell
    """Its environment is called by the release."""
    ratio: Estimate | None = None
    """Step time over that of the anchor, the hand-written loop, from adjacent pairs."""
    change: float | None = None
    """The new level of the ratio over the old one, where it changed with this release."""
    more: dict[str, int] = {}
    """By counter, what it has more than the release before; those that differ."""
    reason: str | None = None
    """Why there is no ratio."""
    arithmetic: str | None = None
    """What it trains, where that begins to differ from what the reference trains, or no longer does."""


class Probe(Record):
    """What a bisection saw of one release."""

    release: str
    uploaded: datetime | None = None
    requirements: list[str] = []
    status: Status
    reason: str | None = None
    """Why it has no value."""
    value: float | None = None
    """The metric of a steady step."""
    ratio: Estimate | None = None
    """Step time over the first end's, from the same blocks, where that is the metric."""
    blocks: int = 0
    """In how many blocks it was timed beside the ends."""
    like: Literal["first", "last", "undecided"] | None = None
    """Which end its value is nearer to."""
    rules_out: float | None = None
    """Of a last end that cannot be told from the first: more than how much longer its steps surely do not take.

    As a fraction; None without bounds, and in summaries of earlier versions.
    """


class Transition(Record):
    """Two releases between which the metric moved; neighbours, unless something lies `between` them."""

    older: str
    newer: str
    before: float | None = None
    after: float | None = None
    between: list[str] = []
    """Releases between them that could not be told apart, since they cannot be used here or stayed undecided."""
    untested: int = 0
    """Releases between them that an interrupted search did not get to."""
    repeated: bool | None = None
    """Whether a second fresh interpreter counted the same in both; None where there was none."""
    equivalence: Equivalence | None = None
    """Whether the newer does the older's arithmetic."""
