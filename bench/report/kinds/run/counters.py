"""Exact costs: what is counted of a step, and by which functions a loop differs from the hand-written one."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analyse import signs
from bench.analyse.cells import attribution
from bench.records.cells import FLOOR
from bench.records.schema import AttributionRow, CellSummary, Summary
from bench.report.charts import Picture
from bench.report.document import blocks
from bench.report.document.blocks import (
    Block,
    Flames,
    Paragraph,
    Part,
    Row,
    Section,
    Table,
    bullets,
    folded,
    paragraphs,
)
from bench.report.document.groups import Group, baseline_of
from bench.report.document.numbers import percent, signed
from bench.report.document.text import listed, shortened, shortened_path
from bench.report.document.verdict_tables import EVERY_FUNCTION
from bench.report.kinds.run.sentences import COUNTERS
from bench.report.kinds.run.tables import counter_table, figures, of_group, tensor_table

HEADERS = ("runner", "function", "file", "difference", "baseline → here", "own time µs")
FUNCTION_CHARACTERS, FILE_CHARACTERS = 24, 27
"""A longer name would make the table wider than a screen; tables/attribution.csv has all of it."""
MOST = 0.5
"""Of the steady steps: a count that fewer show is no count of most."""
TOP_ROWS = 15


def section(summary: Summary, all_groups: Sequence[Group], drawn: Sequence[Picture] = ()) -> Section:
    """The counters of every group, and where the extra work comes from at its representative batch size."""
    counted = any(cell.counters is not None for cell in summary.cells)
    nothing = Paragraph("Unavailable: this run has no good trial of the counting pass.")
    return blocks.section(
        "Exact costs",
        [_part(summary, group, drawn) for group in all_groups] if counted else nothing,
        Flames(against=baseline_of(summary.cells)) if summary.attribution else None,
    )


def _part(summary: Summary, group: Group, drawn: Sequence[Picture]) -> Part:
    return of_group(
        group,
        counter_table(group),
        paragraphs(_reliability(group)),
        _origins(summary, group),
        tensor_table(group),
        figures(drawn, group, "tensor-memory", "device-memory"),
    )


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
    return [f"{first} {_shares(counted)}"]


def _shares(counted: Sequence[CellSummary]) -> str:
    """Say which figures some steady steps do not show."""
    least: dict[str, float] = {}
    for cell in counted:
        shares = [] if cell.counters is None else [share for share in cell.counters.share.values() if share < 1]
        if shares:
            least[cell.runner] = min(*shares, least.get(cell.runner, 1.0))
    if not least:
        return "Counts are the same in every steady step."
    by_runner = listed([f"{runner}: in at least {percent(share)}" for runner, share in least.items()])
    if min(least.values()) < MOST:
        return f"Counts differ from step to step, and the most frequent ones are given ({by_runner})."
    return f"Counts are the same in every steady step ({by_runner}). Steps at an epoch's end may differ."


def _not_repeated(cell: CellSummary) -> str:
    assert cell.counters is not None
    return f"{', '.join(cell.counters.not_repeated)} of {cell.runner}{cell.at_batch}"


def _origins(summary: Summary, group: Group) -> list[Block | None]:
    cells = [cell for cell in group.at(group.representative) if cell.runner != FLOOR]
    rows = {cell.runner: [row for row in summary.attribution if row.cell == cell.cell] for cell in cells}
    lines = [f"{runner}: {sentence}" for runner, functions in rows.items() for sentence in _sentences(functions)]
    if not lines:
        return []
    against = f"against {baseline_of(cells)}{cells[0].at_batch}"
    every = [row for functions in rows.values() for row in functions]
    return [
        Paragraph(f"Where the extra work comes from, {against}:"),
        bullets(lines),
        folded(f"The {TOP_ROWS} functions with the largest differences in Python calls", _functions(every)),
        EVERY_FUNCTION,
    ]


def _sentences(rows: Sequence[AttributionRow]) -> list[str]:
    by_counter = {metric.key: _of(rows, metric.key) for metric in COUNTERS}
    return [attribution.sentence(functions, counter) for counter, functions in by_counter.items() if functions]


def _of(rows: Sequence[AttributionRow], counter: str) -> list[AttributionRow]:
    return [row for row in rows if row.counter == counter]


def _functions(rows: Sequence[AttributionRow]) -> Table:
    largest = sorted(_of(rows, "python_calls"), key=lambda row: -abs(row.delta))[:TOP_ROWS]
    own_ns = {_place(row): row.delta for row in _of(rows, attribution.OWN_TIME)}
    width = len(HEADERS) if own_ns else len(HEADERS) - 1
    shown = tuple(_row(row, own_ns.get(_place(row)), width) for row in largest)
    return Table(headers=HEADERS[:width], rows=shown, names=3)


def _place(row: AttributionRow) -> tuple[str, str, str]:
    return row.cell.runner, row.file, row.function


def _row(row: AttributionRow, own_ns: int | None, width: int) -> Row:
    function = shortened(row.function, FUNCTION_CHARACTERS)
    file = shortened_path(f"{row.file}:{row.line}", FILE_CHARACTERS)
    sides = f"{row.baseline:,} → {row.candidate:,}"
    texts = (row.cell.runner, function, file, signs.signed(row.delta, "+,"), sides, _signed_us(own_ns))
    values = (None, None, None, row.delta, None, None if own_ns is None else own_ns / 1e3)
    return Row(texts=texts[:width], values=values[:width])


def _signed_us(own_ns: int | None) -> str:
    """Tell a difference in own time; a function that no sample found has none worth telling."""
    return "~" if own_ns is None else signed(own_ns / 1e3, 0)
