"""From a run folder to its report: what its journal holds is summarised, and the summary is rendered."""

from __future__ import annotations

from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import trainloops
from bench import analyse, plan, records
from bench.analyse.summary import kept, summarise
from bench.errors import RunFolderError
from bench.records import cache, checkups, store
from bench.records.schema import Run, Summary
from bench.report import publish
from bench.report.charts.engine import engine

if TYPE_CHECKING:
    from collections.abc import Sequence

ANALYSED_BY = (analyse, plan, records, trainloops)
LONG_BYTES = 50_000_000
"""A journal that is shorter is analysed in seconds."""


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
    """What the journal of `folder` says.

    Of a long journal that is remembered in the user's cache, for as long as nothing that it follows from changes.
    """
    run = store.read_run(folder)
    journal = store.packed_or_not(folder)
    if not journal.is_file() or journal.stat().st_size < LONG_BYTES:
        return _summarised(folder, run)
    subject = f"summary-{sha256(str(folder.resolve()).encode()).hexdigest()[:16]}"
    made = cache.newest(subject, _state(folder), lambda: _summarised(folder, run).model_dump_json(by_alias=True))
    return Summary.model_validate_json(made)


def _summarised(folder: Path, run: Run) -> Summary:
    return summarise(run, kept(run, store.each_trial(folder)), checkups.read(folder))


def _state(folder: Path) -> str:
    """A digest of all that a summary follows from: what was measured, and the code and library that analyse it."""
    code = sorted(path for part in ANALYSED_BY for path in Path(part.__path__[0]).rglob("*.py"))
    measured = [store.packed_or_not(folder), folder / store.RUN, folder / checkups.CHECKUPS]
    digest = sha256(np.__version__.encode())
    for path in filter(Path.is_file, [*measured, *code]):
        with path.open("rb") as file:
            digest.update(file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]


def stored(folder: Path) -> Summary:
    """Read summary.json, or where an interrupted run left none, make what it would say from the journal."""
    path = folder / store.SUMMARY
    if path.is_file():
        try:
            return store.read_summary(path)
        except (ValueError, OSError, RunFolderError):
            pass  # torn, unreadable, or of a format that is newer: the journal is the truth, and says which
    return analysed(folder)
