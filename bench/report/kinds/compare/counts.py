"""What a step does more or less often in one run than in another, and in which functions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from bench.analyse.cells.attribution import sentence
from bench.records.metrics import BY_FUNCTION, metric
from bench.records.schema import AttributionRow, Cell, TwoRuns, Verdict
from bench.report.document import blocks
from bench.report.document.blocks import Block, Paragraph, Row, Section, Table, bullets
from bench.report.document.text import plural
from bench.report.kinds.compare.tables import change, gathered, label, value, where, without_batch

PATH_SEARCHER = "accelerate/utils/imports.py"
PATH_NOTE = (
    "Accelerate searches the whole import path for optional packages in every step, so a part of this may be no more "
    "than a longer path in one run: a virtual environment on top of another, or more in PYTHONPATH."
)
HEADERS = ("cells", "counter", "A", "B", "difference", "verdict")


def section(two_runs: TwoRuns) -> Section:
    """The counters that differ and where the difference comes from; cells that agree share a line."""
    return blocks.section("Exact counts of one steady step", _said(two_runs))


def _said(two_runs: TwoRuns) -> list[Block | None]:
    counts = two_runs.of(["counters"])
    if not counts:
        return [Paragraph("Unavailable: no cell that was compared was counted.")]
    cells = plural(len({verdict.cell for verdict in counts}), "cell")
    unlike = [verdict for verdict in counts if verdict.verdict != "not-regressed"]
    if not unlike:
        return [Paragraph(f"All {plural(len(counts), 'count')} of {cells} are the same in both runs.")]
    origins = bullets(_origins(two_runs))
    searched = any(row.file == PATH_SEARCHER for row in two_runs.attribution)
    return [
        Paragraph(f"{len(unlike):,} of {plural(len(counts), 'count')} of {cells} differ:"),
        _table(unlike),
        Paragraph("Where they come from:") if origins else None,
        origins,
        Paragraph(PATH_NOTE) if searched else None,
    ]


def _table(unlike: Sequence[Verdict]) -> Table:
    cells = gathered((_key(judged), judged.cell) for judged in unlike)
    first = {_key(judged): judged for judged in reversed(unlike)}
    return Table(headers=HEADERS, rows=tuple(_row(first[key], own) for key, own in cells.items()), names=2)


def _key(verdict: Verdict) -> tuple[Hashable, ...]:
    figures = (verdict.metric, verdict.baseline, verdict.candidate, verdict.verdict)
    return (without_batch(verdict.cell), *figures)


def _row(verdict: Verdict, cells: Sequence[Cell]) -> Row:
    sides = [value(verdict, verdict.baseline), value(verdict, verdict.candidate)]
    outcome = f"{verdict.verdict}: {verdict.warnings[0]}" if verdict.warnings else verdict.verdict
    return Row(texts=(where(cells), label(verdict.metric), *sides, change(verdict), outcome))


def _origins(two_runs: TwoRuns) -> list[str]:
    """One sentence a counter that surely differs, said once for all batch sizes of which it is true."""
    changed = [judged for judged in two_runs.of(["counters", "memory"]) if judged.verdict in ("regressed", "improved")]
    counted = [judged for judged in changed if metric(judged.metric) in BY_FUNCTION]
    keyed = (((without_batch(judged.cell), _sentence(two_runs.attribution, judged)), judged.cell) for judged in counted)
    return [f"{where(cells)}: {origin}" for (_, origin), cells in gathered(keyed).items()]


def _sentence(rows: Sequence[AttributionRow], verdict: Verdict) -> str:
    own = [row for row in rows if row.cell == verdict.cell and row.counter == verdict.metric]
    return sentence(own, verdict.metric)
