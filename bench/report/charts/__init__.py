"""The charts of a report: what a run has the figures for, as SVG files and as interactive charts of a page.

One description makes both: a `Picture` gives a chart of Vega-Lite, and `drawings` compiles every one of a summary once.
vl-convert takes most of a second to start, and is imported when the first chart is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.records.schema import Summary
from bench.report.charts.catalogue import FOLDER, Picture, pictures
from bench.report.charts.frame import Spec
from bench.report.charts.theme import Style

__all__ = ["FOLDER", "Drawing", "Picture", "drawing", "drawings", "look_of", "pictures"]


def look_of(summary: Summary) -> Style:
    """Return the look that all charts of a run share, so that a runner is drawn alike in each of them."""
    return Style().with_runners([*summary.run.settings.runners, *(cell.runner for cell in summary.cells)])


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """One chart, drawn."""

    file: str
    """Its name in the folder `charts`."""
    alt: str
    svg: str
    specification: dict[str, Any]
    """What Vega draws it from in a page, with tooltips."""


def drawings(summary: Summary) -> list[Drawing]:
    """Return every chart that `summary` has figures for, in the order of `pictures`.

    The same summary gives the same bytes; nothing is fetched.
    """
    style = look_of(summary)
    return [drawing(picture.file, picture.alt, picture.draw(style)) for picture in pictures(summary)]


def drawing(file: str, alt: str, chart: Spec) -> Drawing:
    """Compile one chart; its image is light or dark as its reader is."""
    from bench.report.charts import render

    specification = render.compiled(chart)
    return Drawing(file=file, alt=alt, svg=render.image(specification, alt), specification=specification)
