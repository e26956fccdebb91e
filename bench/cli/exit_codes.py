"""With which code each verb ends, from what its run says."""

from __future__ import annotations

from collections.abc import Callable

from bench.analyse.verdicts.metrics import GROUPS, decides, unanswered
from bench.errors import ExitCode
from bench.records.schema import Summary
from bench.report.kinds.bisect.report import is_undecided


def of(summary: Summary) -> int:
    """The exit code of a run that was not interrupted."""
    return CODES[summary.run.verb](summary)


def of_run(summary: Summary) -> int:
    """4 when a cell has no figures or its arithmetic was not proven equal, else 0."""
    return ExitCode.FINE if _is_fine(summary) else ExitCode.SOME_CELLS_FAILED


def of_upgrade(summary: Summary) -> int:
    """1 when something that the check fails on regressed, 4 when cells failed, 3 when it is undecided, else 0."""
    fail_on = summary.run.settings.fail_on
    if any(each.verdict == "regressed" and GROUPS[each.metric] in fail_on for each in summary.verdicts):
        return ExitCode.REGRESSED
    if not _is_fine(summary) or unanswered(summary):
        return ExitCode.SOME_CELLS_FAILED
    undecided = any(each.verdict == "undecided" and decides(each.metric, fail_on) for each in summary.verdicts)
    return ExitCode.UNDECIDED if undecided else ExitCode.FINE


def of_bisect(summary: Summary) -> int:
    """3 when something stayed undecided, 4 when what cannot be used hides the move, else 0."""
    if is_undecided(summary):
        return ExitCode.UNDECIDED
    usable = [each for each in summary.probes if each.status == "ok"]
    if len(usable) < 2 or any(move.between for move in summary.moves):
        return ExitCode.SOME_CELLS_FAILED
    return ExitCode.FINE


def of_history(summary: Summary) -> int:
    """4 when a release that was installed has no figures, else 0."""
    return ExitCode.FINE if all(cell.status == "ok" for cell in summary.cells) else ExitCode.SOME_CELLS_FAILED


def _is_fine(summary: Summary) -> bool:
    return all(cell.status == "ok" and cell.equivalence.proven for cell in summary.cells)


CODES: dict[str, Callable[[Summary], int]] = {
    "run": of_run,
    "upgrade": of_upgrade,
    "bisect": of_bisect,
    "history": of_history,
}
