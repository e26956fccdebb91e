"""What a report is made of: plain data that knows nothing of markdown, pages and terminals.

A kind of report is authored once, as a `Document`; `bench.report.media` has its renderers. Authors put it together by
the functions below, which leave out what there is nothing to say of. After a new sort of block has been added to
`Block`, mypy names the renderers that do not know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from bench.records.schema import CellSummary
from bench.report.document.text import Text, plain

if TYPE_CHECKING:
    from bench.records.schema import Cell
    from bench.report.document.columns import Column

Facets = Mapping[str, str]
"""What the filters of a page look at, such as `{"device": "cpu"}`; a block without a facet is never hidden by it."""
OWN_BATCH = "its own"
"""The batch of a script."""
METRIC = "metric"
"""The facet by which figures are chosen."""
Names = Callable[[CellSummary], dict[str, str]]
"""The columns that tell one row from another."""
Role = Literal["setting", "note", "answer"]
"""What else is told of where little can be said: on what all rests, what to know of it, or the answer itself."""


def batch_facet(batch_size: int) -> str:
    """A batch size as filters have it."""
    return f"{batch_size:,}" if batch_size else OWN_BATCH


def facets_of(cell: Cell) -> Facets:
    """What filters ask of a row."""
    return {
        "device": cell.device_name,
        "workload": cell.workload,
        "batch size": batch_facet(cell.batch_size),
        "profile": cell.profile,
    }


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or several."""

    text: Text
    strong: bool = False
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Bullets:
    """Sentences, one a bullet."""

    lines: tuple[Text, ...]
    role: Role | None = None
    urgent: tuple[str, ...] = ()
    """Those of the lines without which no answer should be read, however little is told."""


@dataclass(frozen=True, slots=True)
class Commands:
    """What to type."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of a table."""

    texts: tuple[Text, ...]
    values: tuple[float | None, ...] = ()
    """The figures as summary.json has them, by which columns are sorted; None for what is no figure."""
    facets: Facets = field(default_factory=dict)
    """A value of several lines is several: the row is found by each of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table that says the same wherever it is."""

    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    names: int
    """How many columns tell one row from another; the others are figures."""
    spoken: Mapping[int, str] = field(default_factory=dict)
    """What columns without a header are called where each needs one, by place."""
    caption: str = ""
    left_out: tuple[str, ...] = ()
    """Why there are no other columns, a sentence each."""
    notes: tuple[str, ...] = ()
    """What `(1)`, `(2)` and so on in the rows refer to."""
    droppable: tuple[str, ...] = ()
    """Headers of columns that may be left out where there is no room, the first one first."""
    wraps: bool = False
    """Whether it has sentences in its cells, which are wrapped, and where there are filters are searched, too."""

    @property
    def texts(self) -> list[tuple[str, ...]]:
        """The rows as they are read."""
        return [tuple(text if isinstance(text, str) else plain(text) for text in row.texts) for row in self.rows]

    def filled(self, nothing: Text) -> Table:
        """The same table without columns in which no row has more than `nothing`."""
        columns = zip(*(row.texts for row in self.rows), strict=True)
        kept = [place for place, texts in enumerate(columns) if set(texts) != {nothing}]
        rows = (
            replace(
                row,
                texts=tuple(row.texts[place] for place in kept),
                values=tuple(row.values[place] for place in kept) if row.values else (),
            )
            for row in self.rows
        )
        return replace(self, headers=tuple(self.headers[place] for place in kept), rows=tuple(rows))

    def without(self, header: str) -> Table:
        """The same table without one column."""
        column = self.headers.index(header)
        kept = [index for index in range(len(self.headers)) if index != column]
        return replace(
            self,
            headers=tuple(self.headers[index] for index in kept),
            rows=tuple(replace(row, texts=tuple(row.texts[index] for index in kept), values=()) for row in self.rows),
            names=self.names - (column < self.names),
            droppable=tuple(other for other in self.droppable if other != header),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class CellTable:
    """Figures of cells, a row a cell.

    Those of one title in one section are a table for each group of rows where tables only stand there, and a single one
    where they can be sorted and filtered.
    """

    title: str
    cells: tuple[CellSummary, ...]
    columns: tuple[Column, ...]
    metric: str
    """The choice of the metric filter that shows it."""
    group: str = ""
    """The title of the group of rows, where it has to be said."""
    names: Names | None = None
    """None: batch and runner, and in a single table all that tells the cells apart."""
    facets: Callable[[CellSummary], Facets] = facets_of
    folded: bool = False
    """Whether it opens on a click where a long table would be in the way."""
    wide: tuple[str, ...] = ()
    """The keys of columns for which there is no room where a table cannot scroll."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A chart, by the name of its file."""

    file: str
    alt: str
    facets: Facets = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Flames:
    """The attribution of the summary, to be looked through; where that cannot be, the file of all functions has it."""

    against: str
    """What the loops are held to, in words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Warnings:
    """What to be wary of."""

    lines: tuple[str, ...]
    gravest: tuple[str, ...] = ()
    """Those of the lines that come first where few are told, if that is not their order."""
    nothing: str = ""
    """What is said where there are none."""
    counted: bool = True
    """Whether a line says how many there are, which a heading of their own does not need."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Folded:
    """What opens on a click."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What a section says of one group of rows."""

    title: str
    facets: Facets
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]
    answers: bool = False
    """Whether it is the answer of the report."""


Block = Paragraph | Bullets | Commands | Table | CellTable | Figure | Flames | Warnings | Folded | Part | Section
Content = Block | None | Iterable[Block | None]
"""What an author puts together: blocks, those that there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A report."""

    title: str
    """The question that it answers."""
    blocks: tuple[Block, ...]


def table(headers: Iterable[str], texts: Iterable[Iterable[Text]], *, names: int, **more: Any) -> Table:
    """A table of texts alone."""
    rows = tuple(Row(texts=tuple(row)) for row in texts)
    return Table(headers=tuple(headers), rows=rows, names=names, **more)


def document(title: str, *content: Content) -> Document:
    """A report of what there is to say."""
    return Document(title=title, blocks=_said(content))


def section(title: str, *content: Content, answers: bool = False) -> Section:
    """A heading over what there is to say."""
    return Section(title=title, blocks=_said(content), answers=answers)


def part(title: str, facets: Facets, *content: Content) -> Part:
    """What there is to say of one group of rows."""
    return Part(title=title, facets=facets, blocks=_said(content))


def folded(title: str, *content: Content) -> Folded | None:
    """What opens on a click; None where there is nothing."""
    blocks = _said(content)
    return Folded(title=title, blocks=blocks) if blocks else None


def paragraphs(sentences: Iterable[Text], *, strong: bool = False, role: Role | None = None) -> list[Paragraph]:
    """Sentences, each of which stands by itself."""
    return [Paragraph(sentence, strong=strong, role=role) for sentence in sentences]


def bullets(sentences: Iterable[Text], *, role: Role | None = None) -> Bullets | None:
    """Sentences, one a bullet; None where there are none."""
    lines = tuple(sentences)
    return Bullets(lines, role=role) if lines else None


def _said(content: Iterable[Content]) -> tuple[Block, ...]:
    parts = (item if isinstance(item, Iterable) else (item,) for item in content)
    return tuple(block for own in parts for block in own if block is not None)


def leaves(blocks: tuple[Block, ...]) -> Iterator[Block]:
    """All blocks in their order, in place of those that hold others what they hold."""
    for block in blocks:
        if isinstance(block, Folded | Part | Section):
            yield from leaves(block.blocks)
        else:
            yield block
