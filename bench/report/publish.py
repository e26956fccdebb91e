"""Rebuilds everything in a run folder that follows from its journal, and the index beside it."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from bench.analyse.comparison import summarise
from bench.records import checkups, store
from bench.records.schema import Summary
from bench.report import bisect, charts, history, history_charts, index, markdown, tables, upgrade
from bench.report.page import index as index_page
from bench.report.page import render

INDEX, INDEX_PAGE = "README.md", "index.html"


class Kind(Protocol):
    """Writes the report of one kind of run."""

    def report(self, summary: Summary, folder: str) -> str:
        """The whole report as markdown."""

    def headline(self, summary: Summary, folder: str) -> str:
        """Its first lines as plain text."""


KINDS: dict[str, Kind] = {"run": markdown, "upgrade": upgrade, "history": history, "bisect": bisect}
"""How the runs of each verb are told."""
CHARTS: dict[str, Callable[[Summary], list[charts.Drawing]]] = {
    "run": charts.drawings,
    "history": history_charts.drawings,
}
"""The charts of the verbs that have some."""


def publish(folder: Path) -> Summary:
    """Write all that follows from the journal of `folder`, and the index of all runs beside it.

    That is summary.json, report.md, report.html, charts/*.svg and tables/*.csv.

    Raises `RunFolderError` for a folder that is no run.
    """
    with _collector_paused():
        summary = summarise(store.read_run(folder), store.read_trials(folder), checkups.read(folder))
        summary = summary.model_copy(update={"brief": index.brief(summary)})
        store.write_summary(folder, summary)
        store.write(folder / "report.md", KINDS[summary.run.verb].report(summary, shown(folder)))
        drawn = CHARTS[summary.run.verb](summary) if summary.run.verb in CHARTS else []
        _write_charts(drawn, folder / charts.FOLDER)
        store.write(folder / "report.html", render.page(summary, shown(folder), drawn))
        (folder / "tables").mkdir(exist_ok=True)
        for name, frame in tables.frames(summary).items():
            store.write(folder / "tables" / f"{name}.csv", frame.to_csv(index=False))
    rebuild_index(folder.parent)
    return summary


def _write_charts(drawn: Sequence[charts.Drawing], folder: Path) -> None:
    if drawn:
        folder.mkdir(exist_ok=True)
    for each in drawn:
        store.write(folder / each.file, each.svg)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking a long journal again and again, a third of the time that takes."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def headline(summary: Summary, folder: Path) -> str:
    """The report's first lines as plain text, for the end of a run in a terminal."""
    return KINDS[summary.run.verb].headline(summary, shown(folder))


def rebuild_index(results: Path) -> None:
    """Write both indices of every run in `results` that has a summary; one that cannot be read is warned of."""
    entries = [found for path in sorted(results.glob(f"*/{store.SUMMARY}")) if (found := _entry(path)) is not None]
    store.write(results / INDEX, index.index(entries))
    store.write(results / INDEX_PAGE, index_page.page(entries))


def _entry(path: Path) -> index.Entry | None:
    try:
        return index.entry(path)
    except ValueError:  # a neighbour's torn file must not cost this run its report
        warnings.warn(
            f"{path} is no summary and is left out of the index: rebuild it with python -m bench.report {path.parent}.",
            stacklevel=2,
        )
        return None


def shown(folder: Path) -> str:
    """The folder as a user in the current one would type it."""
    resolved, here = folder.resolve(), Path.cwd()
    return str(resolved.relative_to(here) if resolved.is_relative_to(here) else resolved)
