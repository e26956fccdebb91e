"""What can be right or wrong in a bisection, and how its verb ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import ExitCode
from bench.plan.bisect import STEP_TIME
from bench.report.document.columns import NO_REASON
from bench.report.document.inconclusive import more_than
from bench.report.document.parts import Case
from bench.report.kinds.bisect.sentences import is_timed_apart, metric

if TYPE_CHECKING:
    from bench.records.schema import Probe, Summary


def cases(summary: Summary) -> list[Case]:
    """One case a release that was looked at: it could be used, and told from one of the ends."""
    return [
        Case(
            of=f"{summary.run.settings.package} {probe.release}",
            name="can be used and told from an end",
            outcome="passed" if probe.status == "ok" and probe.like != "undecided" else "skipped",
            reason=(probe.reason or NO_REASON) if probe.status != "ok" else _undecided(probe),
            level="warning" if probe.status == "ok" and probe.like == "undecided" else "notice",
        )
        for probe in summary.probes
    ]


def _undecided(probe: Probe) -> str:
    limit = "" if probe.rules_out is None else f": rules out {more_than(probe.rules_out)} than the first end"
    return f"undecided{limit}"


def exit_code(summary: Summary) -> int:
    """3 when something stayed undecided, 4 when what cannot be used hides the move, else 0."""
    if _is_undecided(summary):
        return ExitCode.UNDECIDED
    usable = [probe for probe in summary.probes if probe.status == "ok"]
    if len(usable) < 2 or any(transition.between for transition in summary.moves):
        return ExitCode.SOME_CELLS_FAILED
    return ExitCode.FINE


def _is_undecided(summary: Summary) -> bool:
    """Whether the answer is open though everything that was needed could be measured."""
    if any(probe.like == "undecided" for probe in summary.probes):
        return True
    if not summary.moves:
        return False
    unconfirmed = metric(summary) == STEP_TIME and not is_timed_apart(summary)
    return summary.moves[0].repeated is False or unconfirmed
