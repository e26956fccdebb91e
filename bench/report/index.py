"""results/README.md: every run in one table, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bench.records.schema import CellSummary, Summary
from bench.report import bisect, history, numbers, upgrade
from bench.report.groups import FLOOR, STATUS_WORDS, groups, hardware, same_as_baseline
from bench.report.text import escape, listed, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SHOWN_PACKAGES = ("torch", "transformers", "pytorch-lightning")
HEADERS = ["run", "started (UTC)", "machine", "devices", "workloads", *SHOWN_PACKAGES, "cells", "overhead or verdict"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line of the index."""

    folder: str
    started_at: datetime
    machine: str
    devices: tuple[str, ...]
    workloads: tuple[str, ...]
    versions: tuple[str, ...]
    cells: str
    headline: str


def entry(folder: str, summary: Summary) -> Entry:
    """Pick what the index tells of one run, whose folder is called `folder`."""
    failed = sum(cell.status != "ok" for cell in summary.cells)
    return Entry(
        folder=folder,
        started_at=summary.run.started_at,
        machine=listed(hardware(summary)),
        devices=tuple(dict.fromkeys(cell.device for cell in summary.cells)),
        workloads=tuple(dict.fromkeys(cell.workload for cell in summary.cells)),
        versions=tuple(summary.packages.get(name, "-") for name in SHOWN_PACKAGES),
        cells=f"{len(summary.cells):,}" + (f", {failed:,} failed" if failed else ""),
        headline=HEADLINES[summary.run.verb](summary),
    )


def entry_of_json(folder: str, text: str) -> Entry:
    """Do the same from the text of summary.json; raises `ValueError` for a text that is no summary."""
    return entry(folder, Summary.model_validate_json(text))


def overheads(summary: Summary) -> str:
    """Say what the loops add to a step in the run's first table, at its representative batch size."""
    if not summary.cells:
        return "no cells"
    group = groups(summary)[0]
    told = [words for cell in group.at(group.representative) if (words := _overhead(cell))]
    return f"{group.title}, batch {group.representative:,}: {', '.join(told) or 'no ratios'}"


HEADLINES: dict[str, Callable[[Summary], str]] = {
    "run": overheads,
    "upgrade": upgrade.one_line,
    "history": history.one_line,
    "bisect": bisect.one_line,
}
"""What the index says of the runs of each verb."""


def index(entries: Iterable[Entry]) -> str:
    """Write the index as markdown, links relative to the folder of runs."""
    newest_first = sorted(entries, key=lambda each: (each.started_at, each.folder), reverse=True)
    rows = [_row(each) for each in newest_first]
    parts = [
        "# Runs",
        "Newest first. Of a run: what each loop adds to the hand-written loop's step, at the middle batch size; of a "
        "check: its verdict.",
        table(HEADERS, rows, names=len(HEADERS), escaped=True) if rows else "No run yet: `python -m bench.run`.",
    ]
    return "\n\n".join(parts) + "\n"


def _overhead(cell: CellSummary) -> str | None:
    if cell.runner == FLOOR or cell.equivalence.verdict == "baseline":
        return None
    if cell.status != "ok":
        return f"{cell.runner} {STATUS_WORDS[cell.status]}"
    if cell.ratio is None or not cell.equivalence.proven:
        return f"{cell.runner} no ratio"
    if same_as_baseline(cell):
        return f"{cell.runner} no difference"
    added = "" if cell.overhead_us is None else f" ({numbers.signed(cell.overhead_us.value)} µs)"
    return f"{cell.runner} {numbers.times(cell.ratio)}{added}"


def _row(each: Entry) -> list[str]:
    link = f"[{escape(each.folder)}](<{each.folder}/report.md>)"
    names = [each.machine, ", ".join(each.devices), ", ".join(each.workloads), *each.versions]
    return [
        link,
        f"{each.started_at.astimezone(UTC):%Y-%m-%d %H:%M}",
        *map(escape, [*names, each.cells, each.headline]),
    ]
