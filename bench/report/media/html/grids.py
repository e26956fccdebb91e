"""The tables of a page, which can be sorted and filtered: the texts of report.md, and the figures behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from bench.report.document.blocks import METRIC, Facets, Row
from bench.report.document.tables import tabulated
from bench.report.document.verdict_tables import KEYS, key_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Cell, CellSummary
    from bench.report.document.blocks import CellTable, Names, Table
    from bench.report.document.columns import Column


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A table of a page."""

    kind: ClassVar[str] = "grid"
    title: str = ""
    headers: tuple[str, ...]
    names: int
    """How many columns tell one row from another; the others are figures."""
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """What is said below it; those that are numbered carry their number."""
    facets: Facets = field(default_factory=dict)


def of_table(table: Table, facets: Facets) -> Grid:
    """Every column of a page needs a name, by which it is sorted."""
    headers = tuple(header or table.spoken.get(place, "what") for place, header in enumerate(table.headers))
    return Grid(headers=headers, names=table.names, rows=table.rows, facets=facets)


def of_cells(tables: Sequence[CellTable], facets: Facets) -> Grid:
    """Tables of one title as one: what differs between their cells has a column of its own."""
    first, cells = tables[0], [cell for table in tables for cell in table.cells]
    found = tabulated(cells, first.columns, first.names or _names(cells))
    by_header = {column.header: column for column in first.columns}
    shown = [by_header[header] for header in found.frame.columns[found.names :]]
    keys = list(found.frame.columns[: found.names])
    rows = (
        Row(texts=tuple(texts), values=_values(cell, keys, shown), facets=first.facets(cell))
        for cell, texts in zip(cells, found.frame.to_numpy().tolist(), strict=True)
    )
    notes = (f"({number}) {note}" for number, note in enumerate(found.notes, start=1))
    return Grid(
        title=first.title,
        headers=tuple(found.frame.columns),
        names=found.names,
        rows=tuple(rows),
        notes=(*found.left_out, *notes),
        facets={**facets, METRIC: first.metric},
    )


def _names(cells: Sequence[Cell]) -> Names:
    keys = list(key_columns(cells))
    return lambda cell: {key: KEYS[key](cell) for key in keys}


def _values(cell: CellSummary, keys: Sequence[str], columns: Sequence[Column]) -> tuple[float | None, ...]:
    """The figures behind the texts; what the table withholds has none here either."""
    named = [cell.batch_size if key == "batch" else None for key in keys]
    return (*named, *(_value(cell, column) for column in columns))


def _value(cell: CellSummary, column: Column) -> float | None:
    return None if cell.status != "ok" or column.text(cell) is None else column.value(cell)
