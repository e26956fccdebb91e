"""results/README.md: every run in one table, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING
from urllib.parse import quote

from bench.records import store
from bench.records.schema import Brief, Summary
from bench.report import kinds
from bench.report.document.groups import hardware
from bench.report.document.text import listed, marked, plural
from bench.report.media.markdown import Writer, escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

PACKAGES = ("torch", "transformers", "accelerate", "pytorch-lightning")
HEADERS = ["run", "made on", "versions", "overhead or verdict"]
INTRO = (
    "Newest first. Of a run: what each loop adds to the hand-written loop's step, at the middle batch size; of a "
    "check: its verdict."
)
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
    def cells(self) -> str:
        """How many there are, and how many of them have no figures."""
        failed = self.brief.failed_cells
        return plural(self.brief.cells, "cell") + (f", {failed:,} failed" if failed else "")

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
        devices=list(dict.fromkeys(cell.device for cell in summary.cells)),
        workloads=list(dict.fromkeys(cell.workload for cell in summary.cells)),
        packages={name: summary.packages[name] for name in PACKAGES if name in summary.packages},
        cells=len(summary.cells),
        failed_cells=sum(cell.status != "ok" for cell in summary.cells),
        headline=kinds.of(summary.run.verb).headline(summary),
    )


def entry(path: Path) -> Entry:
    """The entry of the run whose summary.json is at `path`; raises `ValueError` for a file that is no summary."""
    told = store.read_brief(path) or brief(store.read_summary(path))
    return Entry(folder=path.parent.name, brief=told, has_page=(path.parent / "report.html").is_file())


def newest_first(entries: Iterable[Entry]) -> list[Entry]:
    """Sort by when they began."""
    return sorted(entries, key=lambda each: (each.brief.started_at, each.folder), reverse=True)


def index(entries: Iterable[Entry]) -> str:
    """Write the index as markdown, links relative to the folder of runs."""
    rows = [_row(each) for each in newest_first(entries)]
    intro = f"{INTRO} [index.html](index.html) is the same, to be filtered."
    return "\n\n".join(["# Runs", intro, _table(rows) if rows else Writer().text(NO_RUN)]) + "\n"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns are not padded: its cells are sentences, and code hosts wrap them."""
    lines = [HEADERS, ["---"] * len(HEADERS), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(each: Entry) -> list[str]:
    told = each.brief
    what = f"{each.cells} of {', '.join(told.workloads)}"
    made = f"{each.started}, {listed(told.hardware)}, {', '.join(told.devices)}; {what}"
    return [_links(each), *map(escape, [made, each.versions, told.headline])]


def _links(each: Entry) -> str:
    """The report as a code host shows it, and as a page, which is for a browser on files."""
    folder = quote(each.folder)
    page = f" ([page](<{folder}/report.html>))" if each.has_page else ""
    return f"[{escape(each.folder)}](<{folder}/report.md>){page}"
