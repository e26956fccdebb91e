"""results/README.md and index.html: every run in one table, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from bench.records import store
from bench.records.schema import Brief, Summary
from bench.report import kinds
from bench.report.document import blocks
from bench.report.document.blocks import Paragraph, Row, Table
from bench.report.document.groups import hardware
from bench.report.document.text import Link, Report, listed, marked, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bench.report.document.blocks import Document, Facets

PACKAGES = ("torch", "transformers", "accelerate", "pytorch-lightning")
HEADERS = ("run", "overhead or verdict", "started (UTC)", "verb", "machine", "cells", "versions")
INTRO = (
    "Newest first. Of a run: what each loop adds to the hand-written loop's step, at the middle batch size; of a "
    "check: its verdict. "
)
TWICE = (Link("README.md", "README.md"), " and ", Link("index.html", "index.html"), ", which has filters, are alike.")
NO_RUN = marked("No run yet: `python -m bench.run`.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line of the index."""

    folder: str
    brief: Brief
    has_page: bool = False
    """Whether the folder has a report.html."""

    @property
    def started(self) -> str:
        """When, in UTC."""
        return f"{self.brief.started_at.astimezone(UTC):%Y-%m-%d %H:%M}"

    @property
    def machine(self) -> str:
        """The hardware, and the devices that were measured."""
        return f"{listed(self.brief.hardware)}, {', '.join(self.brief.devices)}"

    @property
    def cells(self) -> str:
        """How many there are, of which workloads, and how many of them have no figures."""
        failed = self.brief.failed_cells
        phrase = f"{plural(self.brief.cells, 'cell')} of {listed(self.brief.workloads)}"
        return phrase + (f", {failed:,} failed" if failed else "")

    @property
    def versions(self) -> str:
        """Of the frameworks."""
        return ", ".join(f"{name} {version}" for name, version in self.brief.packages.items())


def brief(summary: Summary) -> Brief:
    """Pick what the index tells of one run."""
    return Brief(
        verb=summary.run.verb,
        started_at=summary.run.started_at,
        hardware=hardware(summary),
        devices=list(dict.fromkeys(cell.device_name for cell in summary.cells)),
        workloads=list(dict.fromkeys(cell.workload for cell in summary.cells)),
        packages={name: summary.packages[name] for name in PACKAGES if name in summary.packages},
        cells=len(summary.cells),
        failed_cells=sum(cell.status != "ok" for cell in summary.cells),
        headline=kinds.of(summary.run.kind).headline(summary),
    )


def entry(path: Path) -> Entry:
    """The entry of the run whose summary.json is at `path`; raises `ValueError` for a file that is no summary."""
    of_run = store.read_brief(path) or brief(store.read_summary(path))
    return Entry(folder=path.parent.name, brief=of_run, has_page=(path.parent / "report.html").is_file())


def newest_first(entries: Iterable[Entry]) -> list[Entry]:
    """Sort by when they began."""
    return sorted(entries, key=lambda run: (run.brief.started_at, run.folder), reverse=True)


def document(entries: Iterable[Entry]) -> Document:
    """The index of all runs; it stands in the folder of runs."""
    shown = newest_first(entries)
    return blocks.document(
        "Runs", Paragraph((INTRO, *TWICE), role="setting"), _table(shown) if shown else Paragraph(NO_RUN)
    )


def _table(entries: Sequence[Entry]) -> Table:
    return Table(headers=HEADERS, rows=tuple(map(_row, entries)), names=len(HEADERS), wraps=True)


def _row(run: Entry) -> Row:
    report = Report(folder=run.folder, has_page=run.has_page)
    texts = (run.brief.headline, run.started, run.brief.verb, run.machine, run.cells, run.versions)
    values = (None,) * HEADERS.index("cells") + (run.brief.cells,)
    return Row(texts=((report,), *texts), values=values, facets=_facets(run))


def _facets(run: Entry) -> Facets:
    """What filters ask of a run; one on several devices is found by each of them."""
    of_run = run.brief
    where = {"verb": of_run.verb, "device": "\n".join(of_run.devices), "machine": listed(of_run.hardware)}
    return where | {name: of_run.packages.get(name, "-") for name in PACKAGES}
