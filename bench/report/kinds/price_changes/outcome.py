"""What can be right or wrong in a check of prices, and how its verb ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import ExitCode
from bench.records.metrics import metric
from bench.report.document.cases import cell_case
from bench.report.document.verdict_tables import where
from bench.report.kinds.compare.outcome import verdict_case

if TYPE_CHECKING:
    from bench.records.schema import PriceChange, Summary, Verdict
    from bench.report.document.parts import Case


def cases(summary: Summary) -> list[Case]:
    """A case for each cell, that it has figures, and one for each verdict on a price."""
    fail_on = summary.run.settings.fail_on
    cells = [cell_case(row, f"{where(row.cell)} in the {row.environment}", proof=False) for row in summary.cells]
    verdicts = [verdict for change in summary.price_changes for verdict in change.verdicts]
    return [
        *cells,
        *(
            verdict_case(verdict, fails=fails, decides=fails, fail_on=fail_on)
            for verdict in verdicts
            for fails in [is_watched(verdict, summary)]
        ),
    ]


def is_watched(verdict: Verdict, summary: Summary) -> bool:
    """Whether the check fails on it."""
    return metric(verdict.metric).group in summary.run.settings.fail_on


def watched(change: PriceChange, summary: Summary) -> list[Verdict]:
    """What the check fails on, of one price."""
    return [verdict for verdict in change.verdicts if is_watched(verdict, summary)]


def is_undecided(change: PriceChange, summary: Summary) -> bool:
    """Whether something is not known of a price that the check fails on, and nothing of it got worse."""
    verdicts = {verdict.verdict for verdict in watched(change, summary)}
    return "regressed" not in verdicts and ("undecided" in verdicts or not verdicts)


def exit_code(summary: Summary) -> int:
    """1 when an option became more expensive, 4 when cells failed, 3 when a price is undecided, else 0."""
    changes = summary.price_changes
    if any(verdict.verdict == "regressed" for change in changes for verdict in watched(change, summary)):
        return ExitCode.REGRESSED
    if any(row.status != "ok" for row in summary.cells):
        return ExitCode.SOME_CELLS_FAILED
    undecided = not changes or any(is_undecided(change, summary) for change in changes)
    return ExitCode.UNDECIDED if undecided else ExitCode.FINE
