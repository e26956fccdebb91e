"""Makes the answer of each kind of run from what it found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.analyse.figures_judged import GROUPS, decides
from bench.records import store
from bench.report import bisect, bridges, history, markdown, two_runs, upgrade
from bench.report.answers import cases, grid_releases, grid_run, grid_verdicts
from bench.report.answers.grid_verdicts import Watched
from bench.report.answers.parts import Answer, Case, Grid, Paragraph
from bench.report.publish import shown
from bench.report.two_runs_opening import headline

if TYPE_CHECKING:
    from bench.analyse.two_runs import TwoRuns
    from bench.records.schema import Summary
    from bench.report.two_runs_opening import Asked

PARAGRAPHS: dict[str, Callable[[Summary], list[Paragraph]]] = {
    "run": markdown.paragraphs,
    "upgrade": upgrade.paragraphs,
    "history": history.paragraphs,
    "bisect": bisect.paragraphs,
}
CASES: dict[str, Callable[[Summary], list[Case]]] = {
    "run": cases.of_run,
    "upgrade": cases.of_upgrade,
    "history": cases.of_history,
    "bisect": cases.of_bisection,
}


def of_folder(folder: Path, summary: Summary, *, exit_code: int) -> Answer:
    """Tell what stands in a run folder whose report was just written."""
    verb = summary.run.verb
    report = (folder / REPORT).read_text(encoding="utf-8")
    return Answer(
        verb=verb,
        title=_title(report),
        paragraphs=(*(Paragraph(lead=each) for each in bridges.told(summary.run)), *PARAGRAPHS[verb](summary)),
        grid=GRIDS[verb](summary),
        cases=tuple(CASES[verb](summary)),
        report=report,
        path=f"{shown(folder)}/{REPORT}",
        document=_document(folder, exit_code),
    )


def of_two_runs(found: TwoRuns, asked: Asked, *, document: str, path: Path | None) -> Answer:
    """Tell what a comparison of two stored runs found."""
    report = two_runs.report(found, asked)
    first, *others = headline(found, asked)
    bridged = bridges.told(found.baseline, found.candidate)
    judged = [
        Watched(verdict=e.verdict, watched=e.group in asked.fail_on, awaited=e.group in asked.fail_on)
        for e in found.judged
        if cases.is_told(e, asked.fail_on)
    ]
    return Answer(
        verb="compare",
        title=_title(report),
        paragraphs=(Paragraph(lead=first, lines=(*others, *bridged), answers=True),),
        grid=grid_verdicts.grid(judged),
        cases=tuple(cases.of_two_runs(found, asked.fail_on)),
        report=report,
        path=None if path is None else str(path),
        document=document,
    )


def _of_upgrade(summary: Summary) -> Grid | None:
    fail_on = summary.run.settings.fail_on
    judged = [
        Watched(verdict=v, watched=GROUPS[v.metric] in fail_on, awaited=decides(v.metric, fail_on))
        for v in summary.verdicts
    ]
    return grid_verdicts.grid(judged)


REPORT = "report.md"
GRIDS: dict[str, Callable[[Summary], Grid | None]] = {
    "run": grid_run.grid,
    "upgrade": _of_upgrade,
    "history": grid_releases.of_history,
    "bisect": grid_releases.of_bisection,
}


def _title(report: str) -> str:
    """Return the report's heading, which is markdown."""
    return report.partition("\n")[0].removeprefix("# ")


def _document(folder: Path, exit_code: int) -> str:
    """summary.json, after where it is and how the verb ended."""
    found = json.loads((folder / store.SUMMARY).read_text(encoding="utf-8"))
    return json.dumps({"folder": shown(folder), "exit_code": exit_code} | found, indent=1) + "\n"
