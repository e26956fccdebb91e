"""The tables of verdicts: what was measured, and what was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.attribution import Row, sentence
from bench.report import numbers
from bench.report.text import escape, listed, table
from bench.report.units import NAMES, figure

if TYPE_CHECKING:
    from bench.records.schema import Cell, Summary, Verdict

WORDS = {
    "regressed": "REGRESSED",
    "improved": "improved",
    "not-regressed": "not regressed",
    "undecided": "undecided",
}
ATTRIBUTED = ("python_calls", "c_calls", "ops", "syncs", "tensor_bytes")


def ratio(verdict: Verdict) -> str:
    """`1.08 [1.05, 1.11]`, after a `~` where no difference shows."""
    if verdict.ratio is None:
        return "unavailable"
    if verdict.ratio.low is not None and not verdict.real:
        return f"~ {numbers.ratio(verdict.ratio)}"
    return numbers.ratio(verdict.ratio)


def measured(summary: Summary) -> list[str]:
    """Write the table of what was judged by pairs; nothing where nothing was timed."""
    found = [v for v in summary.verdicts if v.ratio is not None]
    if not found:
        return []
    headers = ["batch", "runner", "figure", "baseline", "candidate", "ratio", "margin", "resolves", "verdict"]
    rows = [
        [
            f"{v.cell.batch_size:,}",
            v.cell.runner,
            NAMES[v.metric],
            figure(v.metric, v.baseline),
            figure(v.metric, v.candidate),
            ratio(v),
            "" if v.margin is None else numbers.percent(v.margin),
            "?" if v.minimum_detectable_effect is None else numbers.percent(v.minimum_detectable_effect),
            WORDS[v.verdict],
        ]
        for v in found
    ]
    return ["## What was measured", table(headers, rows, names=3)]


def counted(summary: Summary) -> list[str]:
    """Write the table of exact figures, and which functions are behind their differences."""
    exact = [v for v in summary.verdicts if v.ratio is None]
    if not exact:
        return []
    headers = ["batch", "runner", "figure a step", "baseline", "candidate", "difference"]
    rows = [
        [
            f"{v.cell.batch_size:,}",
            v.cell.runner,
            NAMES[v.metric],
            figure(v.metric, v.baseline),
            figure(v.metric, v.candidate),
            _difference(v),
        ]
        for v in exact
    ]
    return ["## What was counted", table(headers, rows, names=3), *_origins(summary)]


def _difference(verdict: Verdict) -> str:
    if verdict.verdict == "undecided":
        return "does not repeat"
    assert verdict.baseline is not None
    assert verdict.candidate is not None
    delta = verdict.candidate - verdict.baseline
    return "none" if not delta else f"{'+' if delta > 0 else '-'}{figure(verdict.metric, abs(delta))}"


def _origins(summary: Summary) -> list[str]:
    """A sentence for each counter that differs, cell by cell; cells that say the same share one line."""
    told: dict[str, list[str]] = {}
    candidates = dict.fromkeys(v.cell for v in summary.verdicts)
    for cell in candidates:
        for counter in ATTRIBUTED:
            rows = rows_of(summary, cell, counter)
            if rows:
                told.setdefault(f"{cell.runner}: {sentence(rows, counter)}", []).append(f"{cell.batch_size:,}")
    if not told:
        return ["No function does more or less than it did."]
    lines = [f"- {escape(text)} (batch {escape(listed(sizes))})" for text, sizes in told.items()]
    return [
        "Which functions do more in the candidate:",
        "\n".join(lines),
        "Every function of every counter: [tables/attribution.csv](tables/attribution.csv).",
    ]


def rows_of(summary: Summary, cell: Cell, counter: str) -> list[Row]:
    """The functions by which `cell` differs from its reference in one counter."""
    return [
        Row(**row.model_dump(exclude={"cell", "delta"}))
        for row in summary.attribution
        if row.cell == cell and row.counter == counter
    ]
