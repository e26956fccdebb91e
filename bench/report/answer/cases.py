"""What can be right or wrong in a run, one case each, so that a CI system can show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.verdicts.metrics import GROUPS, decides
from bench.analyse.warnings import name
from bench.plan.upgrade import BASELINE, CANDIDATE
from bench.report.document.groups import STATUS_WORDS
from bench.report.document.inconclusive import more_than, ruled_out
from bench.report.document.numbers import percent, ratio
from bench.report.document.parts import Case
from bench.report.document.text import listed
from bench.report.document.verdict_tables import WORDS, where
from bench.report.kinds.compare.tables import label, value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from bench.analyse.verdicts.compare import TwoRuns
    from bench.analyse.verdicts.compare_verdicts import Judged
    from bench.records.schema import CellSummary, FigureGroup, Probe, Summary, Verdict
    from bench.report.document.parts import Level, Outcome

TRAINS = "trains like the baseline"
NO_REASON = "no reason was recorded"


def of_run(summary: Summary) -> list[Case]:
    """One case a cell: it has figures, and its arithmetic was proven equal."""
    return [_cell(row, name(row.cell)) for row in summary.cells]


def of_history(summary: Summary) -> list[Case]:
    """One case a release: it has figures."""
    return [_cell(row, name(row.cell), proof=False) for row in summary.cells]


def of_bisection(summary: Summary) -> list[Case]:
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


def of_upgrade(summary: Summary) -> list[Case]:
    """A case for each cell, that it trains, and one for each verdict."""
    fail_on = summary.run.settings.fail_on
    cells = [row for row in summary.cells if row.environment in (BASELINE, CANDIDATE)]
    trains = [_cell(row, f"{where(row.cell)} in the {row.environment}") for row in cells]
    verdicts = [
        verdict_case(each, fails=GROUPS[each.metric] in fail_on, decides=decides(each.metric, fail_on), fail_on=fail_on)
        for each in summary.verdicts
    ]
    return [*trains, *verdicts, *_unanswered(summary, fail_on)]


def of_two_runs(found: TwoRuns, fail_on: Collection[FigureGroup]) -> list[Case]:
    """A case for each verdict, each cell that could not be judged, and each group of figures that has none."""
    verdicts = [
        verdict_case(each.verdict, fails=each.group in fail_on, decides=each.group in fail_on, fail_on=fail_on)
        for each in found.judged
        if is_told(each, fail_on)
    ]
    failed = [
        Case(of="cells that both runs need", name=why, outcome="failed", reason=why, level="error")
        for why in found.failures
    ]
    missing = [
        Case(of="both runs", name=group, outcome="skipped", reason=f"neither run has {group} to judge", level="warning")
        for group in found.unanswered(list(fail_on))
    ]
    return [*verdicts, *failed, *missing]


def is_told(judged: Judged, fail_on: Collection[FigureGroup]) -> bool:
    """Whether a figure of two runs is judged: first steps and imports hold the drift of the machine."""
    return judged.group is not None and (judged.group != "start" or "start" in fail_on)


def verdict_case(verdict: Verdict, *, fails: bool, decides: bool, fail_on: Collection[FigureGroup]) -> Case:
    """Make the case of one verdict; `fails` and `decides` say whether the exit code is 1, or 3, for it."""
    outcome, level, why = _weight(verdict, fails=fails, decides=decides, fail_on=fail_on)
    told = f"{WORDS[verdict.verdict].lower()}: {_told(verdict)}{why}"
    return Case(of=where(verdict.cell), name=label(verdict.metric), outcome=outcome, level=level, reason=told)


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


def _told(verdict: Verdict) -> str:
    """`681 µs → 735 µs, 1.08 [1.05, 1.11] times, margin 3.0 %`, what is ruled out, and what to be wary of."""
    sides = f"{value(verdict, verdict.baseline)} → {value(verdict, verdict.candidate)}"
    parts = [sides]
    if verdict.ratio is not None:
        parts.append(f"{ratio(verdict.ratio)} times")
    if verdict.margin is not None:
        parts.append(f"margin {percent(verdict.margin)}")
    parts += [ruled_out(verdict)] if ruled_out(verdict) else []
    return "; ".join([", ".join(parts), *verdict.warnings])


def _cell(row: CellSummary, of: str, *, proof: bool = True) -> Case:
    cell = row.cell
    if row.status != "ok":
        why = f"{STATUS_WORDS[row.status]}: {row.reason or NO_REASON}"
        skipped = row.status == "not-run"
        return Case(
            of=of, name=TRAINS, outcome="skipped" if skipped else "failed", reason=why, level="error", cell=cell
        )
    if proof and not row.equivalence.proven:
        why = f"not equivalent, {row.equivalence.verdict}: {row.equivalence.detail}"
        return Case(of=of, name=TRAINS, outcome="failed", reason=why, level="error", cell=cell)
    return Case(of=of, name=TRAINS, outcome="passed", reason=row.equivalence.detail, cell=cell)


def _unanswered(summary: Summary, fail_on: Collection[FigureGroup]) -> Iterator[Case]:
    """Groups of figures that the check fails on and a cell that trains has no verdict of."""
    for row in summary.cells:
        if row.environment != CANDIDATE or row.status != "ok":
            continue
        told = {GROUPS[verdict.metric] for verdict in summary.verdicts if verdict.cell == row.cell}
        for group in (each for each in fail_on if each not in told):
            why = next((row.unavailable[key] for key in row.unavailable if GROUPS.get(key) == group), row.reason)
            reason = f"unavailable: {why or 'a side has no figures'}"
            yield Case(of=where(row.cell), name=group, outcome="skipped", reason=reason, level="error")
