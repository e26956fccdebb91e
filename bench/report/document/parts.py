"""The parts of an answer; how they look is up to whoever shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from bench.records.schema import Cell
    from bench.report.document.blocks import Document

Outcome = Literal["passed", "failed", "skipped"]
Level = Literal["error", "warning", "notice"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """One compact table of text."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int
    """How many columns tell one row from another; the others are figures."""
    droppable: tuple[str, ...] = ()
    """Headers of columns that may be left out where there is no room, the first one first."""
    caption: str = ""
    notes: tuple[str, ...] = ()

    def without(self, header: str) -> Grid:
        """Return the same table without one column."""
        place = self.headers.index(header)
        return Grid(
            headers=_but(self.headers, place),
            rows=tuple(_but(row, place) for row in self.rows),
            names=self.names - (place < self.names),
            droppable=tuple(each for each in self.droppable if each != header),
            caption=self.caption,
            notes=self.notes,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Something that can be right or wrong: a verdict, or a cell."""

    of: str
    """What it is about: a cell, in words."""
    name: str
    outcome: Outcome
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
    grid: Grid | None
    cases: tuple[Case, ...]
    path: str | None
    """Where the report is; None where it was written nowhere."""
    for_programs: str
    """The same for programs: the text of one JSON object."""


def _but(row: tuple[str, ...], place: int) -> tuple[str, ...]:
    return row[:place] + row[place + 1 :]
