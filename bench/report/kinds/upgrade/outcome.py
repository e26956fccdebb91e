"""What can be right or wrong in a check, and how its verb ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.verdicts.metrics import GROUPS, cells_without_verdict, is_blocking
from bench.errors import ExitCode
from bench.plan.upgrade import BASELINE, CANDIDATE
from bench.report.document.cases import all_are_fine, cell_case
from bench.report.document.parts import Case
from bench.report.document.verdict_tables import where
from bench.report.kinds.compare.outcome import verdict_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.records.schema import Summary


def cases(summary: Summary) -> list[Case]:
    """A case for each cell, that it trains, and one for each verdict."""
    fail_on = summary.run.settings.fail_on
    cells = [row for row in summary.cells if row.environment in (BASELINE, CANDIDATE)]
    trains = [cell_case(row, f"{where(row.cell)} in the {row.environment}") for row in cells]
    verdicts = [
        verdict_case(
            verdict,
            fails=GROUPS[verdict.metric] in fail_on,
            decides=is_blocking(verdict.metric, fail_on),
            fail_on=fail_on,
        )
        for verdict in summary.verdicts
    ]
    return [*trains, *verdicts, *_unanswered(summary)]


def _unanswered(summary: Summary) -> Iterator[Case]:
    """Groups of figures that the check fails on and a cell that trains has no verdict of."""
    for row in summary.cells:
        if row.environment != CANDIDATE or row.status != "ok":
            continue
        judged = {GROUPS[verdict.metric] for verdict in summary.verdicts if verdict.cell == row.cell}
        for group in (name for name in summary.run.settings.fail_on if name not in judged):
            why = next((row.unavailable[key] for key in row.unavailable if GROUPS.get(key) == group), row.reason)
            reason = f"unavailable: {why or 'a side has no figures'}"
            yield Case(of=where(row.cell), name=group, outcome="skipped", reason=reason, level="error")


def exit_code(summary: Summary) -> int:
    """1 when something that the check fails on regressed, 4 when cells failed, 3 when it is undecided, else 0."""
    fail_on = summary.run.settings.fail_on
    if any(verdict.verdict == "regressed" and GROUPS[verdict.metric] in fail_on for verdict in summary.verdicts):
        return ExitCode.REGRESSED
    if not all_are_fine(summary) or cells_without_verdict(summary):
        return ExitCode.SOME_CELLS_FAILED
    undecided = any(
        verdict.verdict == "undecided" and is_blocking(verdict.metric, fail_on) for verdict in summary.verdicts
    )
    return ExitCode.UNDECIDED if undecided else ExitCode.FINE
