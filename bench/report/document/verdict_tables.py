"""The tables of verdicts: what was measured, and what was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.attribution import sentence
from bench.analyse.cells.names import name
from bench.records.metrics import BY_FUNCTION, metric
from bench.records.schema import CURRENT
from bench.report.document import numbers
from bench.report.document.blocks import METRIC, Flames, Paragraph, Row, Section, Table, bullets, facets_of, section
from bench.report.document.groups import CONDITIONS
from bench.report.document.inconclusive import ruled_out
from bench.report.document.metrics import difference, figure
from bench.report.document.text import Link, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.records.schema import AttributionRow, Cell, Summary, Verdict

WORDS = {
    "regressed": "REGRESSED",
    "improved": "improved",
    "not-regressed": "not regressed",
    "undecided": "undecided",
}
KEYS: dict[str, Callable[[Cell], str]] = {
    "batch": lambda cell: f"{cell.batch_size:,}" if cell.batch_size else "",
    "runner": lambda cell: cell.runner,
    "workload": lambda cell: cell.workload,
    "device": lambda cell: cell.device_name,
    **{field.replace("_", " "): words for field, words in CONDITIONS.items()},
}
"""What tells cells apart, in words, by the header of its column."""
ALWAYS = ("batch", "runner")
ORIGINS = "Which functions do more or less in the candidate:"
NO_COUNT_DIFFERS = "No count differs."
EVERY_FUNCTION = Paragraph(
    text=("Every function of every counter: ", Link("tables/attribution.csv", "tables/attribution.csv"), ".")
)


def ratio(verdict: Verdict) -> str:
    """`1.08 [1.05, 1.11]`, after a `~` where no difference shows."""
    if verdict.ratio is None:
        return "unavailable"
    if verdict.ratio.low is not None and not verdict.real:
        return f"~ {numbers.ratio(verdict.ratio)}"
    return numbers.ratio(verdict.ratio)


def is_exact(verdict: Verdict) -> bool:
    """Whether the figure is counted, not measured."""
    return metric(verdict.metric).exact


def where(cell: Cell) -> str:
    """Name a cell with what is not the default, whichever side of the check it is on."""
    return name(cell.model_copy(update={"environment": CURRENT}))


def measured(summary: Summary) -> Section | None:
    """The section of what was judged by pairs; None where nothing was timed."""
    measured_rows = measured_table(summary)
    return None if measured_rows is None else section("What was measured", measured_rows)


def measured_table(summary: Summary) -> Table | None:
    """What was judged by pairs; None where nothing was timed."""
    verdicts = [v for v in summary.verdicts if not is_exact(v)]
    headers = ["figure", "baseline", "candidate", "ratio", "margin", "resolves", "verdict"]
    rows = [
        [
            metric(v.metric).name,
            figure(v.metric, v.baseline),
            figure(v.metric, v.candidate),
            ratio(v),
            "" if v.margin is None else numbers.percent(v.margin),
            "?" if v.minimum_detectable_effect is None else numbers.percent(v.minimum_detectable_effect),
            f"{WORDS[v.verdict]}{_limit(v)}",
        ]
        for v in verdicts
    ]
    return _by_setting(headers, verdicts, rows) if verdicts else None


def _limit(verdict: Verdict) -> str:
    limit = ruled_out(verdict)
    return f": {limit}" if limit else ""


def counted(summary: Summary, against: str) -> Section | None:
    """The section of exact figures, and of the functions behind their differences from what `against` names."""
    exact = counted_table(summary)
    if exact is None:
        return None
    lines = bullets(origins(summary))
    return section(
        "What was counted",
        exact,
        Paragraph(ORIGINS if lines else NO_COUNT_DIFFERS),
        lines,
        EVERY_FUNCTION if lines else None,
        Flames(against=against) if summary.attribution else None,
    )


def counted_table(summary: Summary) -> Table | None:
    """The exact figures; None where nothing was counted."""
    exact = [v for v in summary.verdicts if is_exact(v)]
    headers = ["figure per step", "baseline", "candidate", "difference"]
    rows = [
        [metric(v.metric).name, figure(v.metric, v.baseline), figure(v.metric, v.candidate), _difference(v)]
        for v in exact
    ]
    return _by_setting(headers, exact, rows) if exact else None


def _by_setting(headers: Sequence[str], verdicts: Sequence[Verdict], rows: Sequence[Sequence[str]]) -> Table:
    """Put what tells the cells of the rows apart before them, batch size and runner always."""
    keys = key_columns([verdict.cell for verdict in verdicts])
    heads = (*keys, *headers)
    texts = [(*key, *row) for key, row in zip(zip(*keys.values(), strict=True), rows, strict=True)]
    shown = tuple(_row(verdict, text, heads) for verdict, text in zip(verdicts, texts, strict=True))
    return Table(headers=heads, rows=shown, names=len(keys) + 1)


def _row(verdict: Verdict, texts: tuple[str, ...], headers: Sequence[str]) -> Row:
    """A verdict, which is filtered by its own figure."""
    values = _values(verdict)
    facets = {**facets_of(verdict.cell), METRIC: metric(verdict.metric).name}
    return Row(texts=texts, values=tuple(map(values.get, headers)), facets=facets)


def _values(verdict: Verdict) -> dict[str, float | None]:
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


def key_columns(cells: Sequence[Cell]) -> dict[str, list[str]]:
    """What tells the cells apart, by the header of its column: batch size and runner always, else what differs."""
    columns = {head: [words(cell) for cell in cells] for head, words in KEYS.items()}
    return {
        head: column for head, column in columns.items() if (head in ALWAYS and any(column)) or len(set(column)) > 1
    }


def _difference(verdict: Verdict) -> str:
    if verdict.baseline is None or verdict.candidate is None:
        return "unknown"
    if verdict.verdict == "undecided":
        return "not repeated"  # or counted once, as in a search that confirms nothing
    delta = verdict.candidate - verdict.baseline
    return difference(verdict.metric, delta) if delta else "none"


def origins(summary: Summary) -> list[str]:
    """A sentence for each counter that differs, cell by cell; cells that say the same share one line."""
    lines: dict[str, list[str]] = {}
    candidates = dict.fromkeys(v.cell for v in summary.verdicts)
    for cell in candidates:
        for counter in (row.key for row in BY_FUNCTION):
            rows = rows_of(summary, cell, counter)
            if sum(row.delta for row in rows):  # what one function does for another is no news
                lines.setdefault(f"{cell.runner}: {sentence(rows, counter)}", []).append(KEYS["batch"](cell))
    return [
        f"{text} (batch {listed(list(dict.fromkeys(sizes)))})" if any(sizes) else text for text, sizes in lines.items()
    ]


def by_doubt(verdicts: Iterable[Verdict]) -> dict[tuple[Cell, str], str]:
    """For each doubt of a cell which figures share it: `ops and syncs`."""
    names: dict[tuple[Cell, str], list[str]] = {}
    for verdict in verdicts:
        for doubt in verdict.warnings:
            names.setdefault((verdict.cell, doubt), []).append(metric(verdict.metric).name)
    return {shared: listed(doubted) for shared, doubted in names.items()}


def rows_of(summary: Summary, cell: Cell, counter: str) -> list[AttributionRow]:
    """The functions by which `cell` differs from its reference in one counter."""
    return [row for row in summary.attribution if row.counter == counter and row.cell == cell]
