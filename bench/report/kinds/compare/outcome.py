"""What can be right or wrong between two runs, and how the verb ends; what becomes of a verdict anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import ExitCode
from bench.report.document.inconclusive import ruled_out
from bench.report.document.numbers import percent, ratio
from bench.report.document.parts import Case
from bench.report.document.text import listed
from bench.report.document.verdict_tables import WORDS, where
from bench.report.kinds.compare.tables import label, value

if TYPE_CHECKING:
    from collections.abc import Collection

    from bench.records.schema import FigureGroup, Judged, TwoRuns, Verdict
    from bench.report.document.parts import Level, Outcome


def cases(two_runs: TwoRuns) -> list[Case]:
    """A case for each verdict, each cell that could not be judged, and each group of figures that has none."""
    fail_on = two_runs.fail_on
    verdicts = [
        verdict_case(judged.verdict, fails=judged.group in fail_on, decides=judged.group in fail_on, fail_on=fail_on)
        for judged in two_runs.judged
        if is_reported(judged, fail_on)
    ]
    failed = [
        Case(of="cells that both runs need", name=why, outcome="failed", kind="not judged", reason=why, level="error")
        for why in two_runs.failures
    ]
    missing = [
        Case(
            of="both runs",
            name=group,
            outcome="skipped",
            reason=f"no cell in common has {group} figures",
            level="warning",
        )
        for group in two_runs.unanswered
    ]
    return [*verdicts, *failed, *missing]


def exit_code(two_runs: TwoRuns) -> int:
    """1 when a group of --fail-on regressed, 4 when a cell failed, 3 when such a group is undecided, else 0."""
    outcomes = {verdict.verdict for verdict in two_runs.of(two_runs.fail_on)}
    if "regressed" in outcomes:
        return ExitCode.REGRESSED
    if two_runs.failures:
        return ExitCode.SOME_CELLS_FAILED
    return ExitCode.UNDECIDED if "undecided" in outcomes or two_runs.unanswered else ExitCode.FINE


def is_reported(judged: Judged, fail_on: Collection[FigureGroup]) -> bool:
    """Whether a figure of two runs is judged: first steps and imports hold the drift of the machine."""
    return judged.group is not None and (judged.group != "start" or "start" in fail_on)


def verdict_case(verdict: Verdict, *, fails: bool, decides: bool, fail_on: Collection[FigureGroup]) -> Case:
    """Make the case of one verdict; `fails` and `decides` say whether the exit code is 1, or 3, for it."""
    outcome, level, why = _weight(verdict, fails=fails, decides=decides, fail_on=fail_on)
    kind = WORDS[verdict.verdict].lower()
    reason = f"{kind}: {_figures(verdict)}{why}"
    return Case(
        of=where(verdict.cell), name=label(verdict.metric), outcome=outcome, kind=kind, level=level, reason=reason
    )


def _weight(
    verdict: Verdict, *, fails: bool, decides: bool, fail_on: Collection[FigureGroup]
) -> tuple[Outcome, Level | None, str]:
    if verdict.verdict == "regressed":
        if fails:
            return "failed", "error", ""
        return "skipped", "warning", f" (no failure: this check fails on {listed(list(fail_on))})"
    if verdict.verdict == "undecided":
        return "skipped", "warning" if decides else None, ""
    return "passed", None, ""


def _figures(verdict: Verdict) -> str:
    """`681 µs → 735 µs, 1.08 [1.05, 1.11] times, margin 3.0 %`, what is ruled out, and what to be wary of."""
    sides = f"{value(verdict, verdict.baseline)} → {value(verdict, verdict.candidate)}"
    parts = [sides]
    if verdict.ratio is not None:
        parts.append(f"{ratio(verdict.ratio)} times")
    if verdict.margin is not None:
        parts.append(f"margin {percent(verdict.margin)}")
    parts += [ruled_out(verdict)] if ruled_out(verdict) else []
    return "; ".join([", ".join(parts), *verdict.warnings])
