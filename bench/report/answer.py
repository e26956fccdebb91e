"""What a verb found, in the parts that every way of telling it is made of: terminal, CI, JUnit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.records import store
from bench.report import kinds
from bench.report.document.parts import Answer
from bench.report.kinds.compare import for_programs
from bench.report.kinds.compare import kind as compare
from bench.report.publish import REPORT, shown

if TYPE_CHECKING:
    from pathlib import Path

    from bench.records.schema import Summary, TwoRuns


def of_run(folder: Path, summary: Summary, *, exit_code: int) -> Answer:
    """Tell what stands in a run folder whose report was just written."""
    kind = kinds.of(summary.run.kind)
    return Answer(
        verb=summary.run.verb,
        document=kind.document(summary, shown(folder)),
        grid=kind.grid(summary),
        cases=tuple(kind.cases(summary)),
        path=f"{shown(folder)}/{REPORT}",
        for_programs=_for_programs(folder, exit_code),
    )


def of_two_runs(two_runs: TwoRuns, *, exit_code: int, path: Path | None) -> Answer:
    """Tell what a comparison of two stored runs found; `path` is where its report will be, if it is written."""
    return Answer(
        verb="compare",
        document=compare.KIND.document(two_runs),
        grid=compare.KIND.grid(two_runs),
        cases=tuple(compare.KIND.cases(two_runs)),
        path=None if path is None else str(path),
        for_programs=for_programs.document(two_runs, exit_code=exit_code),
    )


def _for_programs(folder: Path, exit_code: int) -> str:
    """summary.json, after where it is and how the verb ended."""
    summary = json.loads((folder / store.SUMMARY).read_text(encoding="utf-8"))
    return json.dumps({"folder": shown(folder), "exit_code": exit_code} | summary, indent=1) + "\n"
