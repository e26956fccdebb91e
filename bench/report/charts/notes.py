"""Where notes go above a line, so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.report.charts.names import clipped

CHARACTER_PX, GAP_PX = 5.8, 12
LONGEST_NOTE = 60
"""The whole of a longer one is shown where the pointer is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """The note at one point: which row from the top it stands in, and on which side of its rule."""

    index: int
    text: str
    row: int
    left: bool
    """Whether it starts at the rule; else it ends there, where the chart's edge is near."""


def placed(notes: Sequence[tuple[int, str]], points: int, width_px: float) -> tuple[list[Note], int]:
    """Place each (index of its point, text) in the first row where it touches no other one.

    A rule goes from the bottom up to its note. So a note stands below those whose text its rule would cross: first
    those that end at their rules, from the last one back, then the others from the first.

    Returns the notes, and how many rows they take.
    """
    extents = {index: _extent(index, clipped(text, LONGEST_NOTE), points, width_px) for index, text in notes}
    backwards = [note for note in reversed(extents.values()) if not note.left]
    found: list[_Extent] = []
    for note in [*backwards, *(note for note in extents.values() if note.left)]:
        below = 1 + max((other.row for other in found if other.start < note.at < other.end), default=-1)
        rows = range(below, below + len(notes))
        row = next(row for row in rows if not any(other.row == row and other.meets(note) for other in found))
        found.append(replace(note, row=row))
    placed = [Note(index=note.index, text=note.text, row=note.row, left=note.left) for note in found]
    return sorted(placed, key=lambda note: note.index), 1 + max((note.row for note in found), default=-1)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Extent:
    """A note with its rule's place and what its text covers, in pixels from the left."""

    index: int
    text: str
    left: bool
    at: float
    start: float
    end: float
    row: int = 0

    def meets(self, other: _Extent) -> bool:
        return self.start < other.end and other.start < self.end


def _extent(index: int, text: str, points: int, width_px: float) -> _Extent:
    at, width = width_px / points * (index + 0.5), len(text) * CHARACTER_PX + GAP_PX
    left = at + width <= width_px
    start, end = (at, at + width) if left else (at - width, at)
    return _Extent(index=index, text=text, left=left, at=at, start=start, end=end)
