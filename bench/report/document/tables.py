"""Figures of cells as rows of text, with notes on what is missing; and the tidy frames that become tables/*.csv."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bench.analyse.signs import MINUS
from bench.records.foreign_text import printable
from bench.records.schema import Cell, CellSummary, CompilationFigures, Estimate, Length, Summary
from bench.report.document import columns as figures
from bench.report.document import numbers, text
from bench.report.document.blocks import OWN_BATCH, CellTable, Facets, Names, Row, Table, batch_facet, facets_of
from bench.report.document.columns import NO_REASON, NOTHING, UNAVAILABLE, WITHHELD, Column
from bench.report.document.groups import STATUS_WORDS, Group
from bench.report.document.text import Toned

BLANKS: dict[Any, dict[str, None]] = {
    kind | None: dict.fromkeys(kind.model_fields) for kind in (CompilationFigures, Estimate, Length)
}


@dataclass(slots=True)
class Notes:
    """The numbered notes below a table, each text once."""

    texts: list[str] = field(default_factory=list)

    def mark(self, word: str, note: str) -> str:
        """`word (1)`, where 1 is the number of `note`, which stands on one line."""
        note = " ".join(note.split())
        if note not in self.texts:
            self.texts.append(note)
        marked = f"{word} ({self.texts.index(note) + 1})"
        return Toned(marked, word.tone) if isinstance(word, Toned) else marked


FORMULA = re.compile(rf"[=@\t\r\n]|[-+](?![\d.,\s[\]+\-{MINUS}±%\N{{MULTIPLICATION SIGN}}~]*\Z)")
"""What a spreadsheet takes for the beginning of a formula; a signed figure is none."""


def csv(frame: pd.DataFrame) -> str:
    """`frame` as CSV in which a name stays text: one that a spreadsheet would compute has an apostrophe before it."""
    texts = frame.select_dtypes(["object", "str"])
    return (
        frame.assign(**{str(name): texts[name].map(_inert) for name in texts})
        .rename(columns=_inert)
        .to_csv(index=False)
    )


def _inert(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return f"'{printable(value)}" if FORMULA.match(value) else printable(value)


def import_table(summary: Summary) -> CellTable:
    """What importing each runner's framework costs, once a runner and environment, whatever the filters ask."""
    cells = imported(summary)
    several = len({cell.environment for cell in cells}) > 1
    return CellTable(
        title="Imports",
        cells=tuple(cells),
        columns=figures.IMPORT,
        metric="memory and start-up",
        names=_environment_and_runner if several else _runner,
        facets=_of_none,
    )


def imported(summary: Summary) -> list[CellSummary]:
    """One row for each runner and environment, one that has the cost of its import where there is such a row."""
    rows: dict[tuple[str, str], CellSummary] = {}
    for cell in summary.cells:
        earlier = rows.get((cell.environment, cell.runner))
        if earlier is None or (earlier.import_s is None and cell.import_s is not None):
            rows[cell.environment, cell.runner] = cell
    return list(rows.values())


def pivot(group: Group, runners: Sequence[str], figure: Callable[[CellSummary], str | None]) -> Table:
    """One figure of every cell: a row a batch size, a column a runner."""
    rows = []
    for size in group.batch_sizes:
        by_runner = {cell.runner: figure(cell) or NOTHING for cell in group.at(size)}
        texts = (numbers.number(size, 0) if size else OWN_BATCH, *(by_runner.get(name, NOTHING) for name in runners))
        rows.append(Row(texts=texts, values=(size,), facets={"batch size": batch_facet(size)}))
    return Table(headers=("batch", *runners), rows=tuple(rows), names=1)


def frames(summary: Summary) -> dict[str, pd.DataFrame]:
    """Return tidy frames by file name.

    `cells`: every figure of every row; `unavailable`: why one is missing, in one row without a cell where that is so
    in all of several; `attribution`: by which functions the loops differ.
    """
    return {
        "cells": pd.DataFrame([_flat(_filled(cell)) for cell in summary.cells]),
        "attribution": pd.DataFrame([_flat(row.model_dump()) for row in summary.attribution]),
        "unavailable": pd.DataFrame(_unavailable(summary.cells), columns=[*Cell.model_fields, "figure", "reason"]),
    }


def _unavailable(cells: Sequence[CellSummary]) -> list[list[Any]]:
    """Why figures are missing, first what is so in all cells, which is most of it."""
    reasons = [cell.unavailable.items() for cell in cells]
    everywhere = (
        [reason for reason in reasons[0] if all(reason in other for other in reasons)] if len(cells) > 1 else []
    )
    of_none = [None] * len(Cell.model_fields)
    own = (
        [*cell.cell.model_dump().values(), *reason]
        for cell in cells
        for reason in cell.unavailable.items()
        if reason not in everywhere
    )
    return [*([*of_none, *reason] for reason in everywhere), *own]


def _filled(cell: CellSummary) -> dict[str, Any]:
    """The row with the parts of a missing figure in its place, so that all runs have the same columns."""
    values = cell.model_dump(exclude={"unavailable", "setup"})
    blanks = {name: BLANKS.get(field.annotation) for name, field in CellSummary.model_fields.items()}
    return {name: blanks[name] if value is None and blanks[name] else value for name, value in values.items()}


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by `_`; the value of an estimate goes by the estimate's own name."""
    flat: dict[str, Any] = {}
    for key, item in value.items():
        name = prefix.rstrip("_") if key == "value" else f"{prefix}{key}"
        flat |= _flat(item, f"{name}_") if isinstance(item, Mapping) else {name: item}
    return flat


def batch_and_runner(cell: CellSummary) -> dict[str, str]:
    """What tells the rows of one group apart."""
    return ({"batch": numbers.number(cell.batch_size, 0)} if cell.batch_size else {}) | {"runner": cell.runner}


def _runner(cell: CellSummary) -> dict[str, str]:
    return {"runner": cell.runner}


def _environment_and_runner(cell: CellSummary) -> dict[str, str]:
    return {"environment": cell.environment, "runner": cell.runner}


def tabulated(
    cells: Sequence[CellSummary],
    columns: Sequence[Column],
    names: Names,
    facets: Callable[[CellSummary], Facets] = facets_of,
) -> Table:
    """A row a cell; a column of which no row has a figure is left out, with the reason, if that is one and the same."""
    notes, measured = Notes(), [cell for cell in cells if cell.status == "ok"]
    absent = {column.header: reason for column in columns if (reason := _reason_for_all(column, measured))}
    shown = [column for column in columns if column.header not in absent]
    keys = list(names(cells[0])) if cells else []
    rows = tuple(
        Row(texts=_texts(cell, names(cell), shown, notes), values=_values(cell, keys, shown), facets=facets(cell))
        for cell in cells
    )
    headers = (*keys, *(column.header for column in shown))
    return Table(headers=headers, rows=rows, names=len(keys), left_out=_left_out(absent), notes=tuple(notes.texts))


def _reason_for_all(column: Column, measured: Sequence[CellSummary]) -> str | None:
    """Return the reason why no row has a figure in this column, if it is the same in all of them."""
    reasons = {None if column.text(cell) is not None else column.reason(cell) for cell in measured}
    return reasons.pop() if len(reasons) == 1 else None


def _left_out(absent: dict[str, str]) -> tuple[str, ...]:
    by_reason: dict[str, list[str]] = {}
    for header, reason in absent.items():
        by_reason.setdefault(reason, []).append(header)
    return tuple(f"Left out: {text.listed(headers)}. Reason: {reason}." for reason, headers in by_reason.items())


def _texts(cell: CellSummary, names: dict[str, str], columns: Sequence[Column], notes: Notes) -> tuple[str, ...]:
    if cell.status != "ok":
        blank: list[str] = [NOTHING] * len(columns)
        blank[:1] = [notes.mark(STATUS_WORDS[cell.status], cell.reason or NO_REASON)]
        return (*names.values(), *blank)
    if cell.failed_trials:
        failed = f"{cell.failed_trials} of {cell.trials} trials failed: {cell.reason or NO_REASON}"
        names = names | {"runner": notes.mark(cell.runner, failed)}
    if ("batch" in names or not cell.batch_size) and not cell.equivalence.proven:
        verdict = cell.equivalence.verdict
        runner = f"{cell.runner}, {verdict}"
        shown = Toned(runner, "bad") if verdict in ("different", "unproven") else runner
        names = names | {"runner": notes.mark(shown, f"{verdict}: {cell.equivalence.detail}")}
    return (*names.values(), *(figure_or_why(cell, column, notes) for column in columns))


def _values(cell: CellSummary, keys: Sequence[str], columns: Sequence[Column]) -> tuple[float | None, ...]:
    """The figures behind the texts; what the table withholds has none here either."""
    named = [cell.batch_size if key == "batch" else None for key in keys]
    return (*named, *(_value(cell, column) for column in columns))


def _value(cell: CellSummary, column: Column) -> float | None:
    return None if cell.status != "ok" or column.text(cell) is None else column.value(cell)


def figure_or_why(cell: CellSummary, column: Column, notes: Notes) -> str:
    """What stands in one place of a table; why there is no figure becomes a note."""
    shown = column.text(cell)
    if shown is not None:
        return shown
    if column.compares and not cell.equivalence.proven:
        return notes.mark(WITHHELD, f"{cell.equivalence.verdict}: {cell.equivalence.detail}")
    return notes.mark(UNAVAILABLE, column.reason(cell))


def _of_none(_: CellSummary) -> dict[str, str]:
    """No filter asks anything of a row that several cells share."""
    return {}
