"""Rebuilds everything in a run folder that follows from its journal, and the index beside it."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bench.analyse import health_jitter
from bench.analyse.comparison import summarise
from bench.errors import UsageError
from bench.records import checkups, store
from bench.records.schema import Run, Summary
from bench.report import (
    bisect,
    charts,
    history,
    history_charts,
    index,
    markdown,
    tables,
    together,
    together_markdown,
    upgrade,
    upgrade_charts,
    warm_up,
)
from bench.report.answers.parts import Paragraph
from bench.report.page import index as index_page
from bench.report.page import render
from bench.report.page import together as together_page

INDEX, INDEX_PAGE = "README.md", "index.html"


class Kind(Protocol):
    """Writes the report of one kind of run."""

    def report(self, summary: Summary, folder: str) -> str:
        """The whole report as markdown."""

    def paragraphs(self, summary: Summary) -> list[Paragraph]:
        """The answer in words."""


KINDS: dict[str, Kind] = {"run": markdown, "upgrade": upgrade, "history": history, "bisect": bisect}
"""How the runs of each verb are told."""
CHARTS: dict[str, Callable[[Summary], list[charts.Drawing]]] = {
    "run": charts.drawings,
    "history": history_charts.drawings,
    "upgrade": upgrade_charts.drawings,
}
"""The charts of the verbs that have some."""


def publish(folder: Path) -> Summary:
    """Write all that follows from the journal of `folder`, and the index of all runs beside it.

    That is summary.json, report.md, report.html, charts/*.svg and tables/*.csv.

    Raises `RunFolderError` for a folder that is no run.
    """
    run = store.read_run(folder)
    with _collector_paused():
        with warm_up.drawing() if run.verb in CHARTS else nullcontext():
            summary = _summary(folder, run)
        summary = summary.model_copy(update={"brief": index.brief(summary)})
        store.write_summary(folder, summary)
        report = KINDS[summary.run.verb].report(summary, shown(folder))
        store.write(folder / "report.md", report)
        drawn = _drawn(CHARTS.get(summary.run.verb, lambda _: []), summary)
        store.write(folder / "report.md", report if drawn else _without_images(report))
        _write_charts(drawn, folder / charts.FOLDER)
        store.write(folder / "report.html", render.page(summary, shown(folder), drawn))
        (folder / "tables").mkdir(exist_ok=True)
        for name, frame in tables.frames(summary).items():
            store.write(folder / "tables" / f"{name}.csv", frame.to_csv(index=False))
    rebuild_index(folder.parent)
    return summary


def _drawn(draw: Callable[[Summary], list[charts.Drawing]], summary: Summary) -> list[charts.Drawing]:
    """The charts; none, with a warning, where what draws is not installed: measuring does without it."""
    try:
        return draw(summary)
    except ImportError as error:
        warnings.warn(f"reports have no charts, as {error}: pip install altair vl-convert-python", stacklevel=2)
        return []


def _without_images(report: str) -> str:
    kept = (paragraph for paragraph in report.split("\n\n") if f"]({charts.FOLDER}/" not in paragraph)
    return "\n\n".join(kept)


def _write_charts(drawn: Sequence[charts.Drawing], folder: Path) -> None:
    if drawn:
        folder.mkdir(exist_ok=True)
    for each in drawn:
        store.write(folder / each.file, each.svg)


def publish_together(out: Path, folders: Sequence[Path]) -> None:
    """Write report.md and report.html over several runs into `out`, side by side; nothing in their folders changes.

    Raises `RunFolderError` or `UsageError`, before anything is written, for runs that cannot stand side by side.
    """
    with _collector_paused():
        told = together.sides([(shown(folder), _summary(folder, store.read_run(folder))) for folder in folders])
        drawn = [(side, each) for side in told for each in _of_side(side)]
        _make(out)
        _write_charts([each for _, each in drawn], out / charts.FOLDER)
        store.write(out / "report.md", together_markdown.report(told, shown(out), drawn))
        store.write(out / "report.html", together_page.page(told, shown(out), drawn))


def _summary(folder: Path, run: Run) -> Summary:
    seen = checkups.read(folder)
    summary = summarise(run, store.read_trials(folder), seen)
    return summary.model_copy(update={"steadiness": health_jitter.of_run(seen)})


def _of_side(side: together.Side) -> list[charts.Drawing]:
    """The charts of a run under names that say whose they are."""
    owner = f"{side.letter}, {side.summary.run.name}"
    return [
        replace(each, file=f"{side.letter.lower()}-{each.file}", alt=f"{owner}: {each.alt}")
        for each in _drawn(charts.drawings, side.summary)
    ]


def _make(out: Path) -> None:
    if (out / store.RUN).exists():
        raise UsageError(f"--together {out} is a run folder, whose own report would be lost: name another folder.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--together {out} cannot be made: {error.strerror}; name another folder.") from None


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
