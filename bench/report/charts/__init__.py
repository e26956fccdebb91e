"""The charts of a report: what a run has the figures for, as SVG files and as interactive charts of a page.

One description makes both: a `Picture` gives an Altair chart, and `drawings` compiles every chart of a summary once.
Altair and vl-convert take most of a second to start, and are imported when the first chart is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.records import store
from bench.records.schema import Summary
from bench.report.charts.catalogue import FOLDER, Picture, pictures
from bench.report.charts.theme import DARK, LIGHT, Look, Theme, stylesheet

__all__ = [
    "DARK",
    "FOLDER",
    "LIGHT",
    "Drawing",
    "Look",
    "Picture",
    "Theme",
    "drawing",
    "drawings",
    "look_of",
    "pictures",
    "stylesheet",
    "svgs",
    "write",
]


def look_of(summary: Summary, theme: Theme = LIGHT) -> Look:
    """Return the look that all charts of a run share, so that a runner is drawn alike in each of them."""
    runners = [*summary.run.settings.runners, *(cell.runner for cell in summary.cells)]
    return Look(theme=theme).knowing(runners)


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """One chart, drawn."""

    file: str
    """Its name in the folder `charts`."""
    alt: str
    svg: str
    specification: dict[str, Any]
    """What Vega draws it from in a page, with tooltips."""


def drawings(summary: Summary, *, theme: Theme | None = None) -> list[Drawing]:
    """Return every chart that `summary` has figures for, in the order of `pictures`.

    Without a `theme` each image is light or dark as its reader is. The same summary gives the same bytes; nothing is
    fetched.
    """
    told = pictures(summary)
    if not told:
        return []
    from bench.report.charts import render

    look = look_of(summary, theme or LIGHT)
    with render.trusting():
        return [drawing(each.file, each.alt, each.draw(look), adapts=theme is None) for each in told]


def drawing(file: str, alt: str, chart: Any, *, adapts: bool = True) -> Drawing:
    """Compile one chart; `adapts` makes its image light or dark as its reader is."""
    from bench.report.charts import render

    specification = render.compiled(chart)
    return Drawing(file=file, alt=alt, svg=render.image(specification, alt, adapts=adapts), specification=specification)


def svgs(summary: Summary, *, theme: Theme | None = None) -> dict[str, str]:
    """Return the images of `drawings` by file name."""
    return {each.file: each.svg for each in drawings(summary, theme=theme)}


def write(summary: Summary, folder: Path) -> list[Picture]:
    """Write `folder`/charts/*.svg, each whole or not at all, and return what they show."""
    drawn = svgs(summary)
    (folder / FOLDER).mkdir(exist_ok=True)
    for name, text in drawn.items():
        store.write(folder / FOLDER / name, text)
    return pictures(summary)
