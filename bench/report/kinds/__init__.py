"""One folder a kind of report; all in which the reports of two verbs differ is the `Kind` in its `kind.py`.

Whoever tells of a run asks its kind, and no verb by name: publish, index, answers, charts, exports, exit codes. The
report of several runs, the index and what the doctor says are told of no verdict, and are no `Kind`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from bench.records.schema import Summary, TwoRuns
    from bench.report.charts import Drawing
    from bench.report.document.blocks import Document, Table
    from bench.report.document.parts import Case

Found = TypeVar("Found")
"""The record of what a verb found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind(Generic[Found]):
    """How it is told what a verb found."""

    grid: Callable[[Found], Table | None]
    """One compact table."""
    cases: Callable[[Found], list[Case]]
    """What can be right or wrong, for a CI system."""
    exit_code: Callable[[Found], int]
    """With which the verb ends, where it was not interrupted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareKind(Kind["TwoRuns"]):
    """How a comparison of two stored runs is told, which has no folder."""

    document: Callable[[TwoRuns], Document]
    """The whole report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunKind(Kind["Summary"]):
    """How a run folder is told."""

    document: Callable[[Summary, str], Document]
    """The whole report; it is given the run folder as a user would type it."""
    charts: Callable[[Summary], list[Drawing]] | None
    """Every chart that there are figures for; None for a kind that has no charts."""
    whole_grid: Callable[[Summary], Table | None]
    """The compact table with all its rows, for print."""
    headline: Callable[[Summary], str]
    """What was found in one line, for the index."""


def of(name: str) -> RunKind:
    """How a kind of run, `Run.kind`, is told: `KIND` of its folder, imported here, since its parts bring pandas."""
    kind: RunKind = import_module(f"{__name__}.{name}.kind").KIND
    return kind
