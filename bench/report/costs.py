"""Exact costs: what is counted of a step, and by which functions a loop differs from the hand-written one."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analyse import attribution
from bench.records.schema import AttributionRow, CellSummary, Summary
from bench.report.groups import FLOOR, Group
from bench.report.numbers import percent
from bench.report.tables import counter_table
from bench.report.text import escape, folded, table

HEADERS = ["runner", "counter", "function", "file", "hand-written", "this loop", "difference"]
TOLD = ("python_calls", "ops", "syncs")
"""The counters that get a sentence each, where a loop differs in them; the table of functions has all."""
TOP_ROWS = 15


def section(summary: Summary, told: Sequence[Group]) -> str:
    """Write the counters of every group and where the extra work comes from at its representative batch size."""
    parts = ["## Exact costs"]
    if all(cell.counters is None for cell in summary.cells):
        return "\n\n".join([*parts, "Unavailable: this run has no good trial of the counting pass."])
    for group in told:
        parts += [f"### {escape(group.title)}: counts of one steady step", counter_table(group).markdown()]
        parts += [*_reliability(group), *_origins(summary, group)]
    return "\n\n".join(parts)


def _reliability(group: Group) -> list[str]:
    counted = [cell for cell in group.cells if cell.counters is not None]
    if not counted:
        return []
    unlike = [cell for cell in counted if cell.counters is not None and cell.counters.not_repeated]
    if unlike:
        names = "; ".join(_not_repeated(cell) for cell in unlike)
        first = f"Counted twice, in fresh interpreters. A second count gave other figures for {names}."
    else:
        first = "Counted twice, in fresh interpreters: every figure repeated exactly."
    least = min(share for cell in counted if cell.counters is not None for share in cell.counters.share.values())
    return [escape(f"{first} Each figure is what most steady steps show, {percent(least)} of them at the least.")]


def _not_repeated(cell: CellSummary) -> str:
    assert cell.counters is not None
    return f"{', '.join(cell.counters.not_repeated)} of {cell.runner} at batch {cell.batch_size:,}"


def _origins(summary: Summary, group: Group) -> list[str]:
    cells = [cell for cell in group.at(group.representative) if cell.runner != FLOOR]
    rows = {cell.runner: [row for row in summary.attribution if row.cell == cell.cell] for cell in cells}
    lines = [f"- {escape(f'{runner}: {sentence}')}" for runner, found in rows.items() for sentence in _sentences(found)]
    if not lines:
        return []
    top = [row for found in rows.values() for row in _of(found, "python_calls")]
    return [
        f"Where the extra work comes from, against the hand-written loop at batch {group.representative:,}:",
        "\n".join(lines),
        folded(f"The {TOP_ROWS} functions with the largest differences in Python calls", _functions(top)),
        "Every function of every counter: [tables/attribution.csv](tables/attribution.csv).",
    ]


def _sentences(rows: Sequence[AttributionRow]) -> list[str]:
    by_counter = {counter: _of(rows, counter) for counter in TOLD}
    return [
        attribution.sentence([_row(row) for row in found], counter) for counter, found in by_counter.items() if found
    ]


def _of(rows: Sequence[AttributionRow], counter: str) -> list[AttributionRow]:
    return [row for row in rows if row.counter == counter]


def _row(row: AttributionRow) -> attribution.Row:
    return attribution.Row(**row.model_dump(exclude={"cell", "delta"}))


def _functions(rows: Sequence[AttributionRow]) -> str:
    largest = sorted(rows, key=lambda row: -abs(row.delta))[:TOP_ROWS]
    texts = [_texts(row) for row in largest]
    return table(HEADERS, texts, names=4)


def _texts(row: AttributionRow) -> list[str]:
    counts = [f"{row.baseline:,}", f"{row.candidate:,}", f"{row.delta:+,}"]
    return [row.cell.runner, row.counter, row.function, f"{row.file}:{row.line}", *counts]
