"""What comparing two environments or two runs says of one figure, and in which functions it differs."""

from __future__ import annotations

from typing import Literal

from bench.records.base import Record
from bench.records.cells import Cell
from bench.records.rows import Estimate


class AttributionRow(Record):
    """One function, and how much more of one counter it has in a cell than in the baseline's."""

    cell: Cell
    counter: str
    file: str
    function: str
    line: int
    baseline: int
    candidate: int
    delta: int


class Verdict(Record):
    """Whether one figure of a cell got worse from the baseline to the candidate."""

    cell: Cell
    """The candidate's."""
    metric: str
    baseline: float | None = None
    candidate: float | None = None
    ratio: Estimate | None = None
    """Candidate over baseline; each bound is wrong with a probability of `gamma`. None for an exact figure."""
    margin: float | None = None
    """By how much worse is too much, as a fraction; None for a count, of which any difference counts."""
    asked_margin: float | None = None
    """The same. Earlier versions judged by a wider margin what the blocks could not resolve."""
    rules_out: float | None = None
    """More than how much worse it surely is not, as a fraction, below zero where it surely is better.

    None without bounds, for an exact figure, and in summaries of earlier versions.
    """
    minimum_detectable_effect: float | None = None
    """What these blocks find four times in five, as a fraction; it changes no verdict."""
    gamma: float | None = None
    verdict: Literal["regressed", "improved", "not-regressed", "undecided"]
    real: bool = False
    """Whether there surely is a difference, be it below the margin."""
    blocks: int = 0
    pairs: int = 0
    confirmed: bool | None = None
    """Whether fresh blocks at a corrected level found it again; None where nothing was flagged."""
    warnings: list[str] = []
