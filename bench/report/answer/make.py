"""Makes the answer of each kind of run from what it found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.analyse.verdicts.metrics import GROUPS, decides
from bench.records import store
from bench.report.answer import cases
from bench.report.document import bridges
from bench.report.document.parts import Answer, Case, Grid, Paragraph
from bench.report.kinds.bisect import grid as bisect_grid
from bench.report.kinds.bisect import report as bisect_report
from bench.report.kinds.compare import report as compare_report
from bench.report.kinds.compare.opening import headline
from bench.report.kinds.history import grid as history_grid
from bench.report.kinds.history import report as history_report
from bench.report.kinds.run import grid as run_grid
from bench.report.kinds.run import report as run_report
from bench.report.kinds.upgrade import grid as upgrade_grid
from bench.report.kinds.upgrade import report as upgrade_report
from bench.report.kinds.upgrade.grid import Watched
from bench.report.publish import shown

if TYPE_CHECKING:
    from bench.analyse.verdicts.compare import TwoRuns
    from bench.records.schema import Summary
    from bench.report.kinds.compare.opening import Asked

PARAGRAPHS: dict[str, Callable[[Summary], list[Paragraph]]] = {
    "run": run_report.paragraphs,
    "upgrade": upgrade_report.paragraphs,
    "history": history_report.paragraphs,
    "bisect": bisect_report.paragraphs,
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
    report = compare_report.report(found, asked)
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
        grid=upgrade_grid.grid(judged),
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
    return upgrade_grid.grid(judged)


REPORT = "report.md"
GRIDS: dict[str, Callable[[Summary], Grid | None]] = {
    "run": run_grid.grid,
    "upgrade": _of_upgrade,
    "history": history_grid.grid,
    "bisect": bisect_grid.grid,
}


def _title(report: str) -> str:
    """Return the report's heading, which is markdown."""
    return report.partition("\n")[0].removeprefix("# ")


def _document(folder: Path, exit_code: int) -> str:
    """summary.json, after where it is and how the verb ended."""
    found = json.loads((folder / store.SUMMARY).read_text(encoding="utf-8"))
    return json.dumps({"folder": shown(folder), "exit_code": exit_code} | found, indent=1) + "\n"
