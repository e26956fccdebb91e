"""From a run folder to its report: what its journal holds is summarised, and the summary told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.summary import summarise
from bench.errors import RunFolderError
from bench.records import checkups, store
from bench.records.schema import Summary
from bench.report import publish
from bench.report.charts.engine import engine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def rebuild(folder: Path) -> Summary:
    """Write all that follows from the journal of `folder`, and the index of all runs beside it.

    Raises `RunFolderError` for a folder that is no run or cannot be written.
    """
    store.read_run(folder)  # a folder that is no run starts no engine, which takes half a second beside the analysis
    with publish.writable(folder), publish.collector_paused(), engine() as drawing:
        return publish.publish(folder, analysed(folder), drawing)


def rebuild_together(out: Path, folders: Sequence[Path]) -> None:
    """Write one report over several runs into `out`; raises as `publish.publish_together` does."""
    with publish.collector_paused(), engine() as drawing:
        publish.publish_together(out, [(folder, analysed(folder)) for folder in folders], drawing)


def analysed(folder: Path) -> Summary:
    """What the journal of `folder` says."""
    return summarise(store.read_run(folder), store.read_trials(folder), checkups.read(folder))


def stored(folder: Path) -> Summary:
    """Read summary.json, or where an interrupted run left none, make what it would say from the journal."""
    path = folder / store.SUMMARY
    if path.is_file():
        try:
            return store.read_summary(path)
        except (ValueError, OSError, RunFolderError):
            pass  # torn, unreadable, or of a format that is newer: the journal is the truth, and says which
    return analysed(folder)
