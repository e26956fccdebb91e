"""How a document is laid out on a page: what stands above the filters, which tables become one, what can be hidden.

The answer and what it rests on stand above the filters, its charts below them, and so does a list that is searched.
Where a section tells of several groups of rows, their tables of one title become one table. Everything else is where
the report has it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bench.report.document.blocks import (
    METRIC,
    Block,
    CellTable,
    Document,
    Facets,
    Figure,
    Folded,
    Paragraph,
    Part,
    Section,
    Table,
    Warnings,
    leaves,
)
from bench.report.document.tables import tabulated
from bench.report.document.verdict_tables import KEYS, key_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench.records.schema import Cell
    from bench.report.document.blocks import Names

NOWHERE: Facets = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A block, with what the filters ask of it."""

    block: Block
    facets: Facets
    title: str = ""
    """Of a table that has one of its own."""

    @property
    def kind(self) -> str:
        """The macro that draws it."""
        return type(self.block).__name__.lower()


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """What holds others under a heading of some level."""

    kind: Literal["section", "folded"]
    title: str
    level: int
    blocks: tuple[Element, ...]


Element = Placed | Holder


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A document as a page has it."""

    title: str
    setting: tuple[Element, ...]
    answer: tuple[Element, ...]
    """Also of what stands before the first heading."""
    warnings: int
    charts: tuple[Element, ...]
    """Those of the answer."""
    parts: tuple[Element, ...]


def page(document: Document) -> Page:
    """Lay the document out."""
    above = [block for block in document.blocks if _is_above(block)]
    settings = [block for block in above if isinstance(block, Paragraph) and block.role == "setting"]
    answer = tuple(_elements([block for block in above if block not in settings], NOWHERE, level=2))
    return Page(
        title=document.title,
        setting=tuple(_elements(settings, NOWHERE, level=2)),
        answer=tuple(_sorted(answer, charts=False)),
        warnings=sum(len(block.lines) for block in leaves(document.blocks) if isinstance(block, Warnings)),
        charts=tuple(_sorted(answer, charts=True)),
        parts=tuple(_elements([block for block in document.blocks if block not in above], NOWHERE, level=2)),
    )


def blocks_in_order(elements: Iterable[Element]) -> Iterator[Placed]:
    """What is shown, in its order, without what holds it."""
    for element in elements:
        if isinstance(element, Holder):
            yield from blocks_in_order(element.blocks)
        else:
            yield element


def _is_above(block: Block) -> bool:
    if isinstance(block, Section):
        return block.answers
    return not isinstance(block, Folded) and not (isinstance(block, Table) and block.wraps)


def _sorted(answer: Iterable[Element], *, charts: bool) -> Iterator[Element]:
    """The charts of an answer alone, or what is left without them."""
    for block in answer:
        if isinstance(block, Holder):
            inside = tuple(_sorted(block.blocks, charts=charts))
            yield from inside if charts else (replace(block, blocks=inside),)
        elif charts == isinstance(block.block, Figure):
            yield block


def _elements(blocks: Sequence[Block], facets: Facets, *, level: int) -> Iterator[Element]:
    parts = [block for block in blocks if isinstance(block, Part)]
    shared = _tables_by_title(parts) if len(parts) > 1 else []
    for block in blocks:
        if not isinstance(block, Part):
            yield _element(block, facets, level)
            continue
        if block is parts[0]:
            yield from (_one_table(tables, facets) for tables in shared)
        yield from _of_part(block, {**facets, **block.facets}, level, shares=bool(shared))


def _tables_by_title(parts: Iterable[Part]) -> list[list[CellTable]]:
    by_title: dict[str, list[CellTable]] = {}
    for block in (block for part in parts for block in part.blocks):
        if isinstance(block, CellTable):
            by_title.setdefault(block.title, []).append(block)
    return list(by_title.values())


def _one_table(tables: Sequence[CellTable], facets: Facets) -> Placed:
    """Tables of one title as one: what differs between their cells has a column of its own."""
    first, cells = tables[0], [cell for table in tables for cell in table.cells]
    whole = tabulated(cells, first.columns, first.names or _names(cells), first.facets)
    return Placed(block=whole, facets={**facets, METRIC: first.metric}, title=first.title)


def _names(cells: Sequence[Cell]) -> Names:
    keys = list(key_columns(cells))
    return lambda cell: {key: KEYS[key](cell) for key in keys}


def _of_part(part: Part, facets: Facets, level: int, *, shares: bool) -> Iterator[Element]:
    """What is said of one group; without its tables, whose headings named the group, the name stands before it."""
    shared = [block for block in part.blocks if shares and isinstance(block, CellTable)]
    others = [block for block in part.blocks if block not in shared]
    if others and not all(block.folded for block in shared):
        yield Placed(block=Paragraph(part.title, strong=True), facets=facets)
    yield from _elements(others, facets, level=level)


def _element(block: Block, facets: Facets, level: int) -> Element:
    match block:
        case CellTable():
            return _one_table([block], facets)
        case Figure():
            return Placed(block=block, facets={**facets, **block.facets})
        case Section() | Folded():
            inside = tuple(_elements(block.blocks, facets, level=level + 1))
            kind: Literal["section", "folded"] = "section" if isinstance(block, Section) else "folded"
            return Holder(kind=kind, title=block.title, level=level, blocks=inside)
        case _:
            return Placed(block=block, facets=facets)
