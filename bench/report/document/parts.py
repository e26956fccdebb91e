"""The parts of an answer; how they look is up to whoever shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from bench.records.schema import Cell
    from bench.report.document.blocks import Document, Table

Outcome = Literal["passed", "failed", "skipped"]
Level = Literal["error", "warning", "notice"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Something that can be right or wrong: a verdict, or a cell."""

    of: str
    """What it is about: a cell, in words."""
    name: str
    outcome: Outcome
    kind: str = ""
    """In which way it failed, in a word or two: `regressed`."""
    reason: str = ""
    """Why it failed or was skipped, and what was found where it passed."""
    level: Level | None = None
    """How loudly a CI system shall say it; None for what nobody need look at."""
    cell: Cell | None = None
    """Whose trials were made for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a verb found."""

    verb: str
    document: Document
    """The whole report."""
    grid: Table | None
    """The compact table."""
    cases: tuple[Case, ...]
    path: str | None
    """Where the report is; None where it was written nowhere."""
    for_programs: str
    """The same for programs: the text of one JSON object."""
