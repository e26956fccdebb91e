"""The verdict in sentences: plain text, every figure of it from the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.attribution import sentence
from bench.analyse.verdicts.metrics import GROUPS, cells_without_verdict, is_blocking
from bench.plan.upgrade import CANDIDATE
from bench.records.metrics import metric, metrics_of
from bench.report.document.groups import STATUS_WORDS
from bench.report.document.inconclusive import inconclusive, ruled_out
from bench.report.document.metrics import figure, more
from bench.report.document.text import About, listed, plural
from bench.report.document.verdict_tables import WORDS, is_exact, ratio, rows_of, where

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.records.schema import Cell, CellSummary, Summary, Verdict

ORIGINS = metrics_of("syncs", "ops", "python_calls")
"""Whose functions are named, the first of them that got worse."""
MEMORY = metric("tensor_bytes")


def answer(summary: Summary) -> str:
    """Say in one sentence whether the candidate is worse, and in others what else is to be known of it."""
    fail_on = summary.run.settings.fail_on
    worse = [v for v in summary.verdicts if v.verdict == "regressed"]
    watched = [v for v in worse if GROUPS[v.metric] in fail_on]
    sentence = f"Worse: {_names(watched)} regressed." if watched else _no_regression(summary)
    return f"{sentence}{_unlike(summary)}{_besides([v for v in worse if v not in watched], fail_on)}"


def _no_regression(summary: Summary) -> str:
    fail_on = summary.run.settings.fail_on
    missing, judged = cells_without_verdict(summary), len({v.cell for v in summary.verdicts})
    if not judged:
        return "Inconclusive: nothing could be compared."
    if missing:
        cells = len(_candidates(summary))
        some = f"{len(missing):,} of {plural(cells, 'cell')} {'has' if len(missing) == 1 else 'have'}"
        judged = cells - len(missing)
        others = f"; no regression in the other {'one' if judged == 1 else f'{judged:,}'}" if judged else ""
        return f"Inconclusive: {some} no verdict on {listed(list(fail_on))}{others}."
    watched = [v for v in summary.verdicts if GROUPS[v.metric] in fail_on]
    sentence = inconclusive([v for v in watched if v.verdict != "undecided" or is_blocking(v.metric, fail_on)], fail_on)
    return f"Inconclusive: {sentence}." if sentence else f"OK: no regression in {listed(list(fail_on))}."


def _unlike(summary: Summary) -> str:
    """What a reader must know before any ratio: that the sides may not do the same work."""
    unlike = [cell for cell in _candidates(summary) if cell.status == "ok" and not cell.equivalence.proven]
    if not unlike:
        return ""
    return f" Not proven to do the same arithmetic as before: {len(unlike):,} of {len(_candidates(summary)):,} cells."


def _names(verdicts: Iterable[Verdict]) -> str:
    return listed(list(dict.fromkeys(metric(v.metric).name for v in verdicts)))


def _besides(others: Sequence[Verdict], fail_on: Sequence[str]) -> str:
    """What regressed without being something that the check fails on."""
    if not others:
        return ""
    groups = ",".join([*fail_on, *dict.fromkeys(GROUPS[v.metric] for v in others)])
    return f" Also regressed: {_names(others)}, on which this check does not fail (--fail-on {groups} would)."


def _candidates(summary: Summary) -> list[CellSummary]:
    return [cell for cell in summary.cells if cell.environment == CANDIDATE]


def by_cell(summary: Summary) -> list[str]:
    """One line a cell: its time first, then whatever else is not as it was."""
    cells = dict.fromkeys(verdict.cell for verdict in summary.verdicts)
    lines = [_line(cell, [v for v in summary.verdicts if v.cell == cell], summary) for cell in cells]
    return [line for line in lines if line is not None]


def _line(cell: Cell, verdicts: Sequence[Verdict], summary: Summary) -> str | None:
    """None for a cell of which nothing was counted and nothing is to be told, such as one that failed."""
    reported = [v for v in verdicts if _is_reported(v, summary)]
    figures = [text for v in reported if (text := _figures(v, reported)) is not None]
    if not figures and not any(map(is_exact, verdicts)):
        return None
    origin = _origin(cell, verdicts, summary)
    counts = "; ".join(figures) or "every count is what it was"
    return About(where(cell), f": {counts}.{f' {origin}' if origin else ''}")


def _is_reported(verdict: Verdict, summary: Summary) -> bool:
    """Step time always; beside it what changed, and what the check fails on and cannot tell."""
    if verdict.metric == "step_time_us" or verdict.verdict in ("regressed", "improved"):
        return True
    if verdict.verdict == "undecided":
        return is_blocking(verdict.metric, summary.run.settings.fail_on)
    return is_exact(verdict) and verdict.real


def _doubts(verdict: Verdict) -> str | None:
    """Why a count cannot be relied on, which counters often share."""
    return "; ".join(verdict.warnings) if is_exact(verdict) and verdict.verdict == "undecided" else None


def _figures(verdict: Verdict, all_of_cell: Sequence[Verdict]) -> str | None:
    """None of a count whose doubts were told with the first that has them."""
    name = metric(verdict.metric).name
    if (doubts := _doubts(verdict)) is not None:
        alike = [other for other in all_of_cell if _doubts(other) == doubts]
        names = listed([metric(other.metric).name for other in alike])
        return f"{names} undecided ({doubts})" if alike[0] is verdict else None
    if not is_exact(verdict):
        pair_ratio = "no pair of figures" if verdict.ratio is None else ratio(verdict)
        limit = f", {ruled_out(verdict)}" if ruled_out(verdict) else ""
        return f"{name} {WORDS[verdict.verdict]} ({pair_ratio}{limit}{_confirmed(verdict)})"
    before, after = figure(verdict.metric, verdict.baseline), figure(verdict.metric, verdict.candidate)
    if before != after:
        return f"{name} {before} → {after}"
    return more(verdict.metric, (verdict.candidate or 0) - (verdict.baseline or 0))


def _confirmed(verdict: Verdict) -> str:
    if verdict.confirmed is None:
        return ""
    if verdict.confirmed:
        return ", confirmed on fresh blocks"
    again = "not decided" if verdict.verdict == "undecided" else "not found again"
    return f", flagged and {again} on fresh blocks"


def failures(summary: Summary) -> list[str]:
    """One line for each reason why cells have no figures."""
    failed: dict[str, list[str]] = {}
    for cell in summary.cells:
        if cell.status != "ok":
            what = f"{STATUS_WORDS[cell.status]}: {(cell.reason or '').rstrip('. ')}"
            failed.setdefault(what, []).append(f"{where(cell.cell)} in the {cell.environment}")
    return [f"No figures of {listed(cells)}, {what}." for what, cells in failed.items()]


def _origin(cell: Cell, verdicts: Sequence[Verdict], summary: Summary) -> str:
    """Name the functions behind more syncs, or else ops, or else Python calls, and those behind more memory."""
    worse = {verdict.metric for verdict in verdicts if verdict.verdict == "regressed"}
    rows = {row.key: rows_of(summary, cell, row.key) for row in (*ORIGINS, MEMORY) if row.key in worse}
    work = next((row.key for row in ORIGINS if rows.get(row.key)), MEMORY.key)
    return " ".join(sentence(rows[key], key, files=2) for key in dict.fromkeys((work, MEMORY.key)) if rows.get(key))
