"""The tables of a page: the texts of report.md, and with each figure the value that summary.json has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bench.records.metrics import metric as row_of
from bench.records.schema import Cell, CellSummary, Verdict
from bench.report.document.columns import Column
from bench.report.document.content import Datum, Facets, Grid, Row
from bench.report.document.tables import OWN_BATCH, Table, tabulated
from bench.report.document.verdict_tables import KEYS, Tabled, key_columns

METRIC = "metric"
Keys = Mapping[str, Callable[[CellSummary], str]]
"""The columns that tell one row from another, and their words."""


def facets_of(cell: Cell) -> Facets:
    """What filters ask of a row."""
    return {
        "device": cell.device,
        "workload": cell.workload,
        "batch size": f"{cell.batch_size:,}" if cell.batch_size else OWN_BATCH,
        "profile": cell.profile,
    }


def of_cells(title: str, cells: Sequence[CellSummary], columns: Sequence[Column], *, metric: str) -> Grid:
    """A row a cell, of all groups in one table: what differs between cells has a column of its own."""
    return of_rows(title, cells, columns, {key: KEYS[key] for key in key_columns(cells)}, metric=metric)


def of_imports(title: str, cells: Sequence[CellSummary], columns: Sequence[Column], *, metric: str) -> Grid:
    """A row for each runner and environment, which batch sizes share."""
    keys = {key: KEYS[key] for key in key_columns(cells) if key in ("runner", "environment")}
    grid = of_rows(title, cells, columns, keys, metric=metric)
    return replace(grid, rows=tuple(replace(row, facets={}) for row in grid.rows))


def of_rows(title: str, cells: Sequence[CellSummary], columns: Sequence[Column], keys: Keys, *, metric: str) -> Grid:
    """A row a cell, with the columns of `keys` before its figures."""
    table = tabulated(cells, columns, lambda cell: {key: words(cell) for key, words in keys.items()})
    by_header = {column.header: column for column in columns}
    shown = [by_header[header] for header in table.frame.columns[table.names :]]
    texts = table.frame.to_numpy().tolist()
    return Grid(
        title=title,
        headers=tuple(table.frame.columns),
        names=table.names,
        rows=tuple(_row(cell, text, list(keys), shown) for cell, text in zip(cells, texts, strict=True)),
        notes=_notes(table),
        facets={METRIC: metric},
    )


def _row(cell: CellSummary, texts: Sequence[str], keys: Sequence[str], columns: Sequence[Column]) -> Row:
    values = [_key_value(cell, key) for key in keys] + [_value(cell, column) for column in columns]
    data = tuple(Datum(text=text, value=value) for text, value in zip(texts, values, strict=True))
    return Row(data=data, facets=facets_of(cell))


def _key_value(cell: Cell, key: str) -> float | None:
    return cell.batch_size if key == "batch" else None


def _value(cell: CellSummary, column: Column) -> float | None:
    """The figure behind a text; what the table withholds has none here either."""
    return None if cell.status != "ok" or column.text(cell) is None else column.value(cell)


def _notes(table: Table) -> tuple[str, ...]:
    numbered = (f"({number}) {note}" for number, note in enumerate(table.notes, start=1))
    return (*table.left_out, *numbered)


def of_verdicts(title: str, table: Tabled, *, notes: Sequence[str] = ()) -> Grid:
    """A row a verdict, of which each is filtered by its own figure."""
    rows = tuple(
        Row(
            data=_verdict_data(verdict, texts, table),
            facets={**facets_of(verdict.cell), METRIC: row_of(verdict.metric).name},
        )
        for verdict, texts in zip(table.verdicts, table.rows, strict=True)
    )
    return Grid(title=title, headers=tuple(table.headers), names=table.names, rows=rows, notes=tuple(notes))


def _verdict_data(verdict: Verdict, texts: Sequence[str], table: Tabled) -> tuple[Datum, ...]:
    values = _verdict_values(verdict)
    return tuple(Datum(text=text, value=values.get(head)) for head, text in zip(table.headers, texts, strict=True))


def _verdict_values(verdict: Verdict) -> dict[str, float | None]:
    before, after = verdict.baseline, verdict.candidate
    return {
        "batch": verdict.cell.batch_size,
        "baseline": before,
        "candidate": after,
        "ratio": None if verdict.ratio is None else verdict.ratio.value,
        "margin": verdict.margin,
        "resolves": verdict.minimum_detectable_effect,
        "difference": None if before is None or after is None else after - before,
    }
