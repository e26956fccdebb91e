"""What a verb found, in the parts that every way of telling it is made of: terminal, CI, JUnit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.records import store
from bench.report import kinds
from bench.report.document import bridges
from bench.report.document.parts import Answer, Paragraph
from bench.report.document.text import escape
from bench.report.kinds.compare import for_programs
from bench.report.kinds.compare import kind as compare
from bench.report.kinds.compare.report import report as compare_report
from bench.report.publish import REPORT, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.records.schema import Summary, TwoRuns
    from bench.report.kinds import Found, Kind


def of_run(folder: Path, summary: Summary, *, exit_code: int) -> Answer:
    """Tell what stands in a run folder whose report was just written."""
    return _answer(
        summary.run.verb,
        kinds.of(summary.run.verb),
        summary,
        before=[Paragraph(lead=each) for each in bridges.told(summary.run)],
        report=(folder / REPORT).read_text(encoding="utf-8"),
        path=f"{shown(folder)}/{REPORT}",
        document=_document(folder, exit_code),
    )


def of_two_runs(found: TwoRuns, *, exit_code: int, path: Path | None) -> Answer:
    """Tell what a comparison of two stored runs found; `path` is where its report will be, if it is written."""
    return _answer(
        "compare",
        compare.KIND,
        found,
        report=compare_report(found),
        path=None if path is None else str(path),
        document=for_programs.document(found, exit_code=exit_code),
    )


def _answer(
    verb: str,
    kind: Kind[Found],
    found: Found,
    *,
    before: Sequence[Paragraph] = (),
    report: str,
    path: str | None,
    document: str,
) -> Answer:
    return Answer(
        verb=verb,
        title=escape(kind.title(found)),
        paragraphs=(*before, *kind.paragraphs(found)),
        grid=kind.grid(found),
        cases=tuple(kind.cases(found)),
        report=report,
        path=path,
        document=document,
    )


def _document(folder: Path, exit_code: int) -> str:
    """summary.json, after where it is and how the verb ended."""
    found = json.loads((folder / store.SUMMARY).read_text(encoding="utf-8"))
    return json.dumps({"folder": shown(folder), "exit_code": exit_code} | found, indent=1) + "\n"
