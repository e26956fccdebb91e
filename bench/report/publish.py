"""Writes everything in a run folder that follows from its journal, and the index beside it."""

from __future__ import annotations

import gc
import shlex
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import RunFolderError, UsageError
from bench.records import store
from bench.report import charts, kinds
from bench.report.charts import engine as drawing
from bench.report.document import tables
from bench.report.kinds.index import entries as index_entries
from bench.report.kinds.side_by_side import report as side_by_side_report
from bench.report.kinds.side_by_side import sides
from bench.report.media import markdown
from bench.report.media.html import render

if TYPE_CHECKING:
    from bench.records.schema import Summary
    from bench.report.charts.engine import Engine

REPORT = "report.md"
INDEX, INDEX_PAGE = "README.md", "index.html"


def publish(folder: Path, summary: Summary, engine: Engine) -> Summary:
    """Write summary.json, report.md, report.html, charts/*.svg and tables/*.csv, and the index of all runs beside it.

    Returns the summary as it was written, with what publishing adds to it. Raises an `OSError` that names the file.
    """
    summary = summary.model_copy(update={"brief": index_entries.brief(summary)})
    _write_words(folder, summary)
    try:
        drawn = engine.draw(summary)
    except drawing.NotDrawnError as error:
        drawn, summary = drawing.Drawn(), _without_charts(summary, f"{error}; {_redrawn(folder)} {error.once}")
        _write_words(folder, summary)
    _write_charts(drawn.charts, folder / charts.FOLDER)
    store.write(folder / "report.html", render.page(summary, shown(folder), drawn.charts, drawn.library))
    rebuild_index(folder.parent)
    return summary


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Tell of a full disk, or of a folder of somebody else's, in one sentence."""
    try:
        yield
    except OSError as error:
        remedy = "make it writable" if isinstance(error, PermissionError) else "make room"
        raise RunFolderError(
            f"{error.filename or folder} cannot be written: {error.strerror}; what was measured is kept: {remedy}, "
            f"then write its report by python -m bench.report {shlex.quote(shown(folder))}."
        ) from None


def _write_words(folder: Path, summary: Summary) -> None:
    """All that needs no chart engine."""
    store.write_summary(folder, summary)
    store.write(folder / REPORT, markdown.written(kinds.of(summary.run.kind).document(summary, shown(folder))))
    (folder / "tables").mkdir(exist_ok=True)
    for name, frame in tables.frames(summary).items():
        store.write(folder / "tables" / f"{name}.csv", tables.csv(frame))


def _without_charts(summary: Summary, reason: str) -> Summary:
    """What is told of a run whose charts could not be drawn; warns of it."""
    warnings.warn(f"no charts: {reason}.", stacklevel=3)
    return summary.model_copy(update={"no_charts": reason})


def _redrawn(folder: Path) -> str:
    return f"python -m bench.report {shlex.quote(shown(folder))} draws them"


def _write_charts(drawn: Sequence[charts.Drawing], folder: Path) -> None:
    if drawn:
        folder.mkdir(exist_ok=True)
    for chart in drawn:
        store.write(folder / chart.file, chart.svg)


def publish_together(out: Path, runs: Sequence[tuple[Path, Summary]], engine: Engine) -> None:
    """Write report.md and report.html over several runs into `out`, side by side; nothing in their folders changes.

    Raises `RunFolderError` or `UsageError`, before anything is written, for runs that cannot stand side by side.
    """
    both = sides.sides([(shown(folder), summary) for folder, summary in runs])
    _make(out)
    store.write(out / REPORT, markdown.written(side_by_side_report.document(both, shown(out))))
    try:
        made = [(side, engine.draw(side.summary)) for side in both]
    except drawing.NotDrawnError as error:
        warnings.warn(f"no charts: {error}; the same command draws them {error.once}.", stacklevel=2)
        made = []
    drawn = [(side, chart) for side, of_side in made for chart in _of_side(side, of_side.charts)]
    _write_charts([each for _, each in drawn], out / charts.FOLDER)
    document = side_by_side_report.document(both, shown(out), drawn)
    store.write(out / REPORT, markdown.written(document))
    vega = next((of_side.library for _, of_side in made if of_side.library), "")
    store.write(out / "report.html", render.written(document, [each for _, each in drawn], vega))


def _of_side(side: sides.Side, drawn: Sequence[charts.Drawing]) -> list[charts.Drawing]:
    """The charts of a run under names that say whose they are."""
    owner = f"{side.letter}, {side.summary.run.name}"
    return [
        replace(drawing, file=f"{side.letter.lower()}-{drawing.file}", alt=f"{owner}: {drawing.alt}")
        for drawing in drawn
    ]


def _make(out: Path) -> None:
    if (out / store.RUN).exists():
        raise UsageError(f"--together {out} is a run folder, whose own report would be lost: name another folder.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--together {out} cannot be made: {error.strerror}; name another folder.") from None


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking a long journal again and again, a third of the time that takes."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def rebuild_index(results: Path) -> None:
    """Write both indices of every run in `results` that has a summary; one that cannot be read is warned of.

    So are indices that cannot be written: a run has its report all the same.
    """
    entries = [entry for path in sorted(results.glob(f"*/{store.SUMMARY}")) if (entry := _entry(path)) is not None]
    index = index_entries.document(entries)
    try:
        store.write(results / INDEX, markdown.written(index))
        store.write(results / INDEX_PAGE, render.written(index))
    except OSError as error:
        warnings.warn(f"the index {error.filename} cannot be written: {error.strerror}.", stacklevel=2)


def _entry(path: Path) -> index_entries.Entry | None:
    try:
        return index_entries.entry(path)
    except RunFolderError as error:
        warnings.warn(f"{error} Until then the index leaves it out.", stacklevel=2)
        return None
    except (ValueError, OSError):  # a neighbour's torn file must not cost this run its report
        warnings.warn(
            f"{path} is no summary and is left out of the index: rebuild it with python -m bench.report {path.parent}.",
            stacklevel=2,
        )
        return None


def shown(folder: Path) -> str:
    """The folder as a user in the current one would type it."""
    resolved, here = folder.resolve(), Path.cwd()
    return str(resolved.relative_to(here) if resolved.is_relative_to(here) else resolved)
