"""Verdicts as tables and phrases: the names of figures, their units, and how a change is written."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from bench.analyse.cells.names import unusual
from bench.analyse.signs import signed
from bench.records.metrics import OVER, metric
from bench.records.schema import Cell, Verdict
from bench.report.document import metrics, numbers
from bench.report.document.blocks import Block, Row, Table, facets_of, folded
from bench.report.document.columns import NO_DIFFERENCE, NOTHING
from bench.report.document.inconclusive import ruled_out
from bench.report.document.text import listed, plural
from bench.report.document.verdict_tables import is_exact

SHOWN_ROWS = 24
"""A longer table shows what stands out; the rest opens on a click."""
ORDER = ("regressed", "undecided", "improved", "not-regressed")
HEADERS = ("cell", "figure", "A", "B", "B / A")
Key = TypeVar("Key", bound=Hashable)


def label(key: str) -> str:
    """The name of a figure in a report."""
    own = metric(key).name
    return f"{own} ÷ pytorch's" if key.endswith(OVER) else own


def change(verdict: Verdict) -> str:
    """By how much a figure changed: `1.10 [1.08, 1.12]` times, or the difference of what is counted."""
    if verdict.baseline is None or verdict.candidate is None:
        return NOTHING
    if not is_exact(verdict):
        return NOTHING if verdict.ratio is None else numbers.ratio(verdict.ratio)
    unit = " B" if metric(verdict.metric).unit.stored == "B" else ""
    difference = verdict.candidate - verdict.baseline
    return f"{signed(difference, '+,.0f')}{unit}" if difference else "same"


def value(verdict: Verdict, figure: float | None) -> str:
    """One side's figure with its unit."""
    if figure is not None and verdict.metric.endswith(OVER):
        return numbers.number(figure)
    return metrics.figure(verdict.metric, figure)


def place(cells: Sequence[Cell]) -> str | None:
    """Return `mlp on cpu` if that is where all of the cells are, else None."""
    places = {f"{cell.place}{unusual(cell)}" for cell in cells}
    return places.pop() if len(places) == 1 else None


def where(cells: Sequence[Cell], everywhere: str | None = None) -> str:
    """Name cells that differ in batch size alone, leaving out the place that all cells share, if there is one."""
    return f"{cells[0].runner}{at(cells, everywhere)}"


def at(cells: Sequence[Cell], everywhere: str | None = None) -> str:
    """Do the same without their runner, to follow its name: ` at batch 8 and 64 of mlp on cpu`."""
    sizes = "" if cells[0].is_script else f" at batch {listed([f'{cell.batch_size:,}' for cell in cells])}"
    return sizes if everywhere is not None else f"{sizes}{cells[0].of_place}{unusual(cells[0])}"


def without_batch(cell: Cell) -> Hashable:
    """Return what cells that differ in batch size alone have in common."""
    return cell.model_copy(update={"batch_size": 0})


def gathered(pairs: Iterable[tuple[Key, Cell]]) -> dict[Key, list[Cell]]:
    """Return all cells of each key, in their order."""
    by_key: dict[Key, list[Cell]] = {}
    for key, cell in pairs:
        by_key.setdefault(key, []).append(cell)
    return by_key


def verdict_tables(verdicts: Sequence[Verdict], everywhere: str | None) -> list[Block | None]:
    """Verdicts, the worst first; of many, those that stand out in sight and the others on a click."""
    ordered = sorted(verdicts, key=lambda each: ORDER.index(each.verdict))
    fine = [verdict for verdict in ordered if verdict.verdict == ORDER[-1]]
    if len(ordered) <= SHOWN_ROWS or not fine:
        return [_table(ordered, everywhere)]
    others = [verdict for verdict in ordered if verdict.verdict != ORDER[-1]]
    rest = folded(f"{plural(len(fine), 'figure')} not regressed", _table(fine, everywhere))
    return [_table(others, everywhere) if others else None, rest]


def table_of_others(verdicts: Sequence[Verdict], everywhere: str | None) -> Table:
    """Figures that decide nothing: what moved, and no verdict."""
    rows = tuple(_row(verdict, everywhere, _moved(verdict)) for verdict in verdicts)
    return Table(headers=(*HEADERS, "moved"), rows=rows, names=2)


def _table(verdicts: Sequence[Verdict], everywhere: str | None) -> Table:
    rows = tuple(_row(verdict, everywhere, _margin(verdict), _outcome(verdict)) for verdict in verdicts)
    return Table(headers=(*HEADERS, "margin", "verdict"), rows=rows, names=2)


def _row(verdict: Verdict, everywhere: str | None, *more: str) -> Row:
    sides = [value(verdict, verdict.baseline), value(verdict, verdict.candidate)]
    texts = (where([verdict.cell], everywhere), label(verdict.metric), *sides, change(verdict), *more)
    ratio = None if verdict.ratio is None else verdict.ratio.value
    values = (None, None, verdict.baseline, verdict.candidate, ratio, *(None for _ in more))
    return Row(texts=texts, values=values, facets=facets_of(verdict.cell))


def _margin(verdict: Verdict) -> str:
    return "exact" if verdict.margin is None else numbers.percent(verdict.margin)


def _outcome(verdict: Verdict) -> str:
    """Tell the verdict, whether what stays below the margin surely is a change, and what is ruled out at least."""
    if verdict.verdict == "not-regressed" and verdict.real:
        return f"{verdict.verdict}, but {_moved(verdict)}"
    return ", ".join(part for part in (verdict.verdict, ruled_out(verdict)) if part)


def _moved(verdict: Verdict) -> str:
    """`more` or `less` where there surely is a difference, else `~`."""
    if not verdict.real:
        return NO_DIFFERENCE
    if is_exact(verdict):
        return "more" if (verdict.candidate or 0) > (verdict.baseline or 0) else "less"
    return "more" if verdict.ratio is not None and verdict.ratio.value > 1 else "less"
