"""What a page says, before it is HTML: plain text and figures, nothing escaped yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

Facets = Mapping[str, str]
"""What the filters look at, such as `{"device": "cpu"}`; an element without a facet is never filtered by it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Datum:
    """One entry of a table."""

    text: str
    value: float | None = None
    """The figure as summary.json has it, by which the column is sorted; None for what is no figure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of a table."""

    data: tuple[Datum, ...]
    facets: Facets = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """A paragraph."""

    kind: ClassVar[str] = "words"
    text: str
    strong: bool = False
    facets: Facets = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Points:
    """Sentences, one a bullet."""

    kind: ClassVar[str] = "points"
    lines: tuple[str, ...]
    facets: Facets = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A table that can be sorted and filtered."""

    kind: ClassVar[str] = "grid"
    title: str
    headers: tuple[str, ...]
    names: int
    """How many columns tell one row from another; the others are figures."""
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """What is said below it; those that are numbered carry their number."""
    facets: Facets = field(default_factory=dict)
    folded: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A chart, by the name of its file."""

    kind: ClassVar[str] = "figure"
    file: str
    facets: Facets = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Flames:
    """Where the extra calls come from: the attribution of the summary, to be looked through."""

    kind: ClassVar[str] = "flames"
    against: str
    """What the loops are held to, in words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """How to read the report: lines of light markdown, as report.md has them."""

    kind: ClassVar[str] = "terms"
    lines: tuple[str, ...]


Block = Words | Points | Grid | Figure | Flames | Terms


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]
    folded: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """Everything that one kind of run has to say; what all kinds share is added by `media.html.render`."""

    title: str
    setting: str
    answer: tuple[Block, ...]
    """The answer in words, which comes before anything else."""
    sections: tuple[Section, ...]
    warnings: tuple[str, ...]
    commands: tuple[str, ...]
    """What repeats the run, the exact way first."""
    how_to_read: tuple[str, ...]
